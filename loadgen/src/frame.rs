//! The client's side of WebSocket framing (RFC 6455): what the server sent, and masked frames to send.
//!
//! A [`Decoder`] is fed whatever a `recv` returned. A frame that is whole in there is handed out in place; only the
//! beginning of an unfinished one is copied and kept until the rest arrives.

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const CONTROL_BYTES_MAX: usize = 125;
/// What an idle decoder may keep of a buffer that it no longer needs.
const KEPT_BYTES_MAX: usize = 1024;

/// The largest message that is accepted, in bytes: snapshots of deep books are long.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// A message, or a control frame between two parts of one.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text. Whether it is UTF-8 is not looked at.
    Text(&'a [u8]),
    /// Binary.
    Binary(&'a [u8]),
    /// A ping, which wants a pong with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// The server's close frame; 1005 if it names no code.
    Close {
        /// The close code.
        code: u16,
        /// The reason, as sent.
        reason: &'a [u8],
    },
}

/// How the server broke the framing rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Only clients mask.
    #[error("the server sent a masked frame")]
    Masked,
    /// No extension was agreed on.
    #[error("reserved bits are set in a frame header (first byte {0:#04x})")]
    Reserved(u8),
    /// An opcode that RFC 6455 does not define.
    #[error("unknown opcode {0}")]
    Opcode(u8),
    /// Control frames are short and whole.
    #[error("a control frame is fragmented or longer than 125 bytes")]
    Control,
    /// A continuation of nothing, or a new message inside another.
    #[error("a fragment is out of order")]
    Fragment,
    /// Longer than [`MESSAGE_BYTES_MAX`].
    #[error("a message of {0} bytes is longer than the accepted {MESSAGE_BYTES_MAX}")]
    TooLong(u64),
    /// A close frame with one byte of payload.
    #[error("a close frame has half a code")]
    CloseCode,
}

/// Turns received bytes into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of a frame whose end did not arrive yet; or, if `spent`, a frame that was handed out.
    tail: Vec<u8>,
    spent: bool,
    parts: Option<Box<Parts>>,
}

/// A message in several frames.
#[derive(Debug)]
struct Parts {
    text: bool,
    bytes: Vec<u8>,
    whole: bool,
}

/// A whole frame; its payload is in the input, or in the tail behind a header of `header` bytes.
struct Frame<'b> {
    first: u8,
    header: usize,
    in_input: Option<&'b [u8]>,
}

impl<'b> Frame<'b> {
    fn payload<'t>(&self, tail: &'t [u8]) -> &'t [u8]
    where
        'b: 't,
    {
        self.in_input.unwrap_or_else(|| &tail[self.header..])
    }
}

/// The lengths of a frame.
struct Extent {
    header: usize,
    payload: usize,
}

impl Decoder {
    /// The next message. Takes what it needs off the front of `input`; `None` when all of it is used up.
    ///
    /// # Errors
    /// [`FrameError`]; the connection is of no use after one.
    pub fn next<'a, 'b: 'a>(&'a mut self, input: &mut &'b [u8]) -> Result<Option<Message<'a>>, FrameError> {
        self.parts.take_if(|parts| parts.whole);
        loop {
            self.forget_spent();
            let Some(frame) = self.locate(input)? else { return Ok(None) };
            if !is_part(frame.first) {
                let inside = self.parts.is_some();
                return message(frame.first, frame.payload(&self.tail), inside).map(Some);
            }
            if append(&mut self.parts, frame.first, frame.payload(&self.tail))? {
                return Ok(self.parts.as_deref().map(Parts::message));
            }
        }
    }

    /// Whether the next byte is the first one of a frame that is no part of a message.
    #[must_use]
    pub fn is_between(&self) -> bool {
        (self.tail.is_empty() || self.spent) && self.parts.as_ref().is_none_or(|parts| parts.whole)
    }

    /// Bytes that this decoder holds on the heap.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.tail.capacity() + self.parts.as_ref().map_or(0, |parts| parts.bytes.capacity())
    }

    fn forget_spent(&mut self) {
        if !self.spent {
            return;
        }
        self.spent = false;
        self.tail.clear();
        if self.tail.capacity() > KEPT_BYTES_MAX {
            self.tail = Vec::new();
        }
    }

    fn locate<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Frame<'b>>, FrameError> {
        if !self.tail.is_empty() {
            return self.complete_tail(input);
        }
        let whole = extent(input)?.filter(|extent| input.len() >= extent.header + extent.payload);
        let Some(extent) = whole else {
            self.tail.extend_from_slice(input);
            *input = &[];
            return Ok(None);
        };
        let (frame, rest) = input.split_at(extent.header + extent.payload);
        *input = rest;
        Ok(Some(Frame { first: frame[0], header: extent.header, in_input: Some(&frame[extent.header..]) }))
    }

    /// Moves from `input` to the tail what is missing there, and no more.
    fn complete_tail<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Frame<'b>>, FrameError> {
        loop {
            let known = extent(&self.tail)?;
            let wanted = known.as_ref().map_or(self.tail.len() + 1, |extent| extent.header + extent.payload);
            if let Some(extent) = known.filter(|_| self.tail.len() == wanted) {
                self.spent = true;
                return Ok(Some(Frame { first: self.tail[0], header: extent.header, in_input: None }));
            }
            if input.is_empty() {
                return Ok(None);
            }
            let (taken, rest) = input.split_at(input.len().min(wanted - self.tail.len()));
            self.tail.extend_from_slice(taken);
            *input = rest;
        }
    }
}

impl Parts {
    fn message(&self) -> Message<'_> {
        if self.text { Message::Text(&self.bytes) } else { Message::Binary(&self.bytes) }
    }
}

/// Appends a client's frame: masked, in one piece.
pub fn append_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: [u8; 4]) {
    out.push(FINAL | opcode);
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => out.push(MASKED | short),
        (_, Ok(medium)) => {
            out.push(MASKED | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// The opcodes of RFC 6455.
pub mod opcode {
    /// A further part of a message.
    pub const CONTINUATION: u8 = 0;
    /// Text.
    pub const TEXT: u8 = 1;
    /// Binary.
    pub const BINARY: u8 = 2;
    /// The end.
    pub const CLOSE: u8 = 8;
    /// A question for a sign of life.
    pub const PING: u8 = 9;
    /// The answer to it.
    pub const PONG: u8 = 10;
}

/// The lengths of the frame that begins here, if its header is there.
fn extent(bytes: &[u8]) -> Result<Option<Extent>, FrameError> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & RESERVED != 0 {
        return Err(FrameError::Reserved(*first));
    }
    if second & MASKED != 0 {
        return Err(FrameError::Masked);
    }
    let (header, payload) = match (second, rest) {
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
        (126 | 127, _) => return Ok(None),
        (short, _) => (2, u64::from(*short)),
    };
    let payload_len = usize::try_from(payload).ok().filter(|length| *length <= MESSAGE_BYTES_MAX);
    let payload = payload_len.ok_or(FrameError::TooLong(payload))?;
    if first & 0x08 != 0 && (first & FINAL == 0 || payload > CONTROL_BYTES_MAX) {
        return Err(FrameError::Control);
    }
    Ok(Some(Extent { header, payload }))
}

/// Whether a frame is a continuation, or the first of several.
fn is_part(first: u8) -> bool {
    let opcode = first & 0x0f;
    opcode == opcode::CONTINUATION || (opcode < opcode::CLOSE && first & FINAL == 0)
}

fn append(parts: &mut Option<Box<Parts>>, first: u8, payload: &[u8]) -> Result<bool, FrameError> {
    let parts = match (first & 0x0f, &mut *parts) {
        (opcode::CONTINUATION, Some(parts)) => parts,
        (text @ (opcode::TEXT | opcode::BINARY), None) => {
            let bytes = Vec::with_capacity(payload.len());
            parts.insert(Box::new(Parts { text: text == opcode::TEXT, bytes, whole: false }))
        }
        (opcode::CONTINUATION | opcode::TEXT | opcode::BINARY, _) => return Err(FrameError::Fragment),
        (other, _) => return Err(FrameError::Opcode(other)),
    };
    if parts.bytes.len() + payload.len() > MESSAGE_BYTES_MAX {
        return Err(FrameError::TooLong((parts.bytes.len() + payload.len()) as u64));
    }
    parts.bytes.extend_from_slice(payload);
    parts.whole = first & FINAL != 0;
    Ok(parts.whole)
}

fn message(first: u8, payload: &[u8], inside_another: bool) -> Result<Message<'_>, FrameError> {
    match (first & 0x0f, payload) {
        (opcode::TEXT | opcode::BINARY, _) if inside_another => Err(FrameError::Fragment),
        (opcode::TEXT, text) => Ok(Message::Text(text)),
        (opcode::BINARY, bytes) => Ok(Message::Binary(bytes)),
        (opcode::PING, echo) => Ok(Message::Ping(echo)),
        (opcode::PONG, _) => Ok(Message::Pong),
        (opcode::CLOSE, []) => Ok(Message::Close { code: 1005, reason: &[] }),
        (opcode::CLOSE, [_]) => Err(FrameError::CloseCode),
        (opcode::CLOSE, [a, b, reason @ ..]) => {
            Ok(Message::Close { code: u16::from_be_bytes([*a, *b]), reason })
        }
        (other, _) => Err(FrameError::Opcode(other)),
    }
}

#[cfg(test)]
mod tests;
