//! What a client sends, decoded by tungstenite.
//!
//! Its context is only made while there is something to decode: a client that listens, which is what clients do, costs no
//! codec. For that the decoder finds the ends of frames itself and hands over whole frames.

use std::io::{self, Read, Write};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message, Utf8Bytes};

use schemas::wire::close;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A text message.
    Text(Utf8Bytes),
    /// An answer to our ping, or a sign of life unasked.
    Pong,
    /// The client closes; its close frame is answered.
    Close,
}

/// The client broke the rules: the close code, and a few words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// The receiving side of a connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    message_bytes_max: usize,
    /// The beginning of a frame whose rest has not come yet.
    partial: Vec<u8>,
    /// There while a message is in fragments.
    context: Option<Box<WebSocketContext>>,
    in_fragments: bool,
}

/// The first bytes of a frame tell how long it is.
enum Peek {
    NeedMore,
    Whole(usize),
    TooBig,
}

impl Decoder {
    pub(crate) fn new(message_bytes_max: usize) -> Self {
        Self { message_bytes_max, partial: Vec::new(), context: None, in_fragments: false }
    }

    /// Decodes what came. Messages are appended to `messages`, and what has to be answered at once (pongs, the echo of a
    /// close frame) to `answers`, as whole frames.
    pub(crate) fn decode(
        &mut self,
        bytes: &[u8],
        messages: &mut Vec<Incoming>,
        answers: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if self.partial.is_empty() {
            let taken = self.frames(bytes, messages, answers)?;
            self.partial.extend_from_slice(&bytes[taken..]);
            return Ok(());
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        let taken = self.frames(&whole, messages, answers)?;
        // A large request leaves no large buffer behind.
        self.partial.extend_from_slice(&whole[taken..]);
        Ok(())
    }

    /// Decodes the whole frames at the start of `bytes` and says how many bytes they are.
    fn frames(
        &mut self,
        bytes: &[u8],
        messages: &mut Vec<Incoming>,
        answers: &mut Vec<u8>,
    ) -> Result<usize, Fault> {
        let mut taken = 0;
        loop {
            match peek(&bytes[taken..], self.message_bytes_max) {
                Peek::NeedMore => return Ok(taken),
                Peek::TooBig => return Err(self.too_big()),
                Peek::Whole(len) => {
                    self.frame(&bytes[taken..taken + len], messages, answers)?;
                    taken += len;
                }
            }
        }
    }

    fn frame(
        &mut self,
        frame: &[u8],
        messages: &mut Vec<Incoming>,
        answers: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        self.in_fragments = match (frame[0] & 0x0f, frame[0] & 0x80 != 0) {
            (0..=2, last) => !last,
            _ => self.in_fragments,
        };
        let max = self.message_bytes_max;
        let context = self.context.get_or_insert_with(|| Box::new(context(max)));
        let mut pipe = Pipe { input: frame, output: answers };
        loop {
            match context.read(&mut pipe) {
                Ok(Message::Text(text)) => messages.push(Incoming::Text(text)),
                Ok(Message::Pong(_)) => messages.push(Incoming::Pong),
                Ok(Message::Ping(_) | Message::Frame(_)) => {}
                Ok(Message::Close(_)) => messages.push(Incoming::Close),
                Ok(Message::Binary(_)) => return Err(Fault::new(close::UNSUPPORTED, "requests are text")),
                Err(Error::Io(e)) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => break,
                Err(error) => return Err(self.fault(&error)),
            }
        }
        if !self.in_fragments {
            self.context = None;
        }
        Ok(())
    }

    fn fault(&self, error: &Error) -> Fault {
        match error {
            Error::Capacity(_) => self.too_big(),
            Error::Utf8(_) => Fault::new(close::INVALID_PAYLOAD, "text that is no UTF-8"),
            other => Fault::new(close::PROTOCOL_ERROR, &other.to_string()),
        }
    }

    fn too_big(&self) -> Fault {
        Fault::new(close::TOO_BIG, &format!("a request has at most {} bytes", self.message_bytes_max))
    }
}

impl Fault {
    fn new(code: u16, reason: &str) -> Self {
        Self { code, reason: reason.to_owned() }
    }
}

fn context(message_bytes_max: usize) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(512)
        .write_buffer_size(0)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max));
    WebSocketContext::new(Role::Server, Some(config))
}

/// The length of the frame that `bytes` begin with (RFC 6455, section 5.2).
fn peek(bytes: &[u8], payload_max: usize) -> Peek {
    let Some((&[_, second], rest)) = bytes.split_first_chunk::<2>() else { return Peek::NeedMore };
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    let (header, payload) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(len) => (4, u64::from(u16::from_be_bytes(*len))),
            None => return Peek::NeedMore,
        },
        127 => match rest.first_chunk::<8>() {
            Some(len) => (10, u64::from_be_bytes(*len)),
            None => return Peek::NeedMore,
        },
        len => (2, u64::from(len)),
    };
    if payload > payload_max as u64 {
        return Peek::TooBig;
    }
    let len = header + mask + payload as usize;
    if bytes.len() < len { Peek::NeedMore } else { Peek::Whole(len) }
}

/// A stream made of the bytes that came, and a buffer for those that have to go.
struct Pipe<'a> {
    input: &'a [u8],
    output: &'a mut Vec<u8>,
}

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.input.read(buffer)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A masked frame as clients send it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn decode(bytes: &[u8]) -> (Result<(), Fault>, Vec<Incoming>, Vec<u8>) {
        let (mut messages, mut answers) = (Vec::new(), Vec::new());
        let result = Decoder::new(1000).decode(bytes, &mut messages, &mut answers);
        (result, messages, answers)
    }

    fn fault(bytes: &[u8]) -> u16 {
        decode(bytes).0.unwrap_err().code
    }

    #[test]
    fn several_frames_at_once_and_fragments_with_a_ping_between() {
        let mut bytes = frame(0x81, b"one");
        bytes.extend(frame(0x01, b"tw"));
        bytes.extend(frame(0x89, b"?"));
        bytes.extend(frame(0x80, b"o"));
        let (result, messages, answers) = decode(&bytes);
        assert_eq!(result, Ok(()));
        assert_eq!(messages, [Incoming::Text("one".into()), Incoming::Text("two".into())]);
        assert_eq!(answers, b"\x8a\x01?");
    }

    #[test]
    fn each_fault_has_its_close_code() {
        assert_eq!(fault(&frame(0x82, b"binary")), close::UNSUPPORTED);
        assert_eq!(fault(b"\x81\x02hi"), close::PROTOCOL_ERROR);
        assert_eq!(fault(&frame(0x83, b"")), close::PROTOCOL_ERROR);
        assert_eq!(fault(&frame(0x81, b"\xff")), close::INVALID_PAYLOAD);
        assert_eq!(fault(&frame(0x81, &[b'x'; 1001])), close::TOO_BIG);
        assert_eq!(fault(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), close::TOO_BIG);
        let mut fragments = frame(0x01, &[b'x'; 900]);
        fragments.extend(frame(0x80, &[b'x'; 900]));
        assert_eq!(fault(&fragments), close::TOO_BIG);
    }

    #[test]
    fn a_close_is_echoed() {
        let (result, messages, answers) = decode(&frame(0x88, b"\x03\xe8bye"));
        assert_eq!((result, messages), (Ok(()), vec![Incoming::Close]));
        assert_eq!(answers[0], 0x88);
    }

    #[test]
    fn nothing_is_kept_between_messages() {
        let mut decoder = Decoder::new(1000);
        decoder.decode(&frame(0x81, b"one"), &mut Vec::new(), &mut Vec::new()).unwrap();
        assert!(decoder.context.is_none());
        assert_eq!(decoder.partial.capacity(), 0);
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_messages_are_the_same(cuts in proptest::collection::vec(0usize..700, 0..6)) {
            let mut bytes = frame(0x81, &[b'a'; 300]);
            bytes.extend(frame(0x01, b"b"));
            bytes.extend(frame(0x89, b"ping"));
            bytes.extend(frame(0x80, &[b'c'; 200]));
            let whole = decode(&bytes);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut decoder, mut messages, mut answers) = (Decoder::new(1000), Vec::new(), Vec::new());
            for pair in cuts.windows(2) {
                decoder.decode(&bytes[pair[0]..pair[1]], &mut messages, &mut answers).unwrap();
            }
            prop_assert_eq!((Ok(()), messages, answers), whole);
        }

        #[test]
        fn any_bytes_are_messages_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode(&bytes);
        }
    }
}
