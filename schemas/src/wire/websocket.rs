//! The header of a WebSocket frame from server to client (RFC 6455, section 5.2). Such frames are not masked, so an
//! encoded frame with its header is the same bytes for everybody.

use std::sync::Arc;

/// A text frame, final.
pub const TEXT: u8 = 0x81;
/// A close frame.
pub const CLOSE: u8 = 0x88;
/// A ping.
pub const PING: u8 = 0x89;
/// A pong.
pub const PONG: u8 = 0x8a;

/// Bytes of the longest header.
const HEADER_BYTES_MAX: usize = 10;
/// Room for a payload, in bytes, beyond which few need to grow.
const PAYLOAD_BYTES: usize = 512;

/// The header of a whole frame.
struct Header {
    bytes: [u8; HEADER_BYTES_MAX],
    len: usize,
}

impl Header {
    fn new(opcode: u8, payload_bytes: usize) -> Self {
        let mut bytes = [0; HEADER_BYTES_MAX];
        bytes[0] = opcode;
        let len = match payload_bytes {
            0..=125 => {
                bytes[1] = payload_bytes as u8;
                2
            }
            126..=0xffff => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&(payload_bytes as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, len }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Appends a whole frame: first byte `opcode`, length, payload.
pub fn append(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.extend_from_slice(Header::new(opcode, payload.len()).as_bytes());
    out.extend_from_slice(payload);
}

/// A text frame, to be shared.
#[must_use]
pub fn text(payload: &[u8]) -> Arc<[u8]> {
    text_of(|out| out.extend_from_slice(payload))
}

/// A text frame of what `write` appends, to be shared. It may live as long as its log: no spare capacity is kept with it.
pub fn text_of(write: impl FnOnce(&mut Vec<u8>)) -> Arc<[u8]> {
    // The header's length is known last; room is left for it, so that the payload need not move.
    let mut frame = Vec::with_capacity(HEADER_BYTES_MAX + PAYLOAD_BYTES);
    frame.resize(HEADER_BYTES_MAX, 0);
    write(&mut frame);
    let header = Header::new(TEXT, frame.len() - HEADER_BYTES_MAX);
    let start = HEADER_BYTES_MAX - header.len;
    frame[start..HEADER_BYTES_MAX].copy_from_slice(header.as_bytes());
    Arc::from(&frame[start..])
}

/// Appends a close frame with `code` and as much of `reason` as a control frame takes (123 bytes).
pub fn append_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = Vec::with_capacity(2 + end);
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    append(out, CLOSE, &payload);
}

/// The payload of a frame that [`text_of`] made.
#[must_use]
pub fn payload(frame: &[u8]) -> &[u8] {
    let header = match frame.get(1) {
        Some(127) => 10,
        Some(126) => 4,
        _ => 2,
    };
    frame.get(header..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_form_that_fits() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let body = vec![b'x'; len];
            let frame = text(&body);
            assert_eq!(frame.len(), header + len);
            assert_eq!(payload(&frame), body);
        }
    }

    #[test]
    fn a_close_reason_is_cut_between_characters() {
        let mut out = Vec::new();
        append_close(&mut out, close_code(), &"ü".repeat(100));
        assert!(out.len() <= 2 + 125);
        assert!(std::str::from_utf8(&out[4..]).is_ok());
    }

    fn close_code() -> u16 {
        crate::wire::close::POLICY
    }
}
