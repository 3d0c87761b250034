//! The header of a WebSocket frame from server to client (RFC 6455, section 5.2). Such frames are not masked, so an
//! encoded frame with its header is the same bytes for everybody.

use bytes::Bytes;

/// A text frame, final.
pub const TEXT: u8 = 0x81;
/// A close frame.
pub const CLOSE: u8 = 0x88;
/// A ping.
pub const PING: u8 = 0x89;
/// A pong.
pub const PONG: u8 = 0x8a;

/// Appends a whole frame: first byte `opcode`, length, payload.
pub fn append(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(opcode);
    match payload.len() {
        len @ 0..=125 => out.push(len as u8),
        len @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// A text frame in a buffer of its own, to be shared.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    let header = match payload.len() {
        ..126 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    // A frame may live as long as its log: no spare capacity is kept with it.
    let mut frame = Vec::with_capacity(header + payload.len());
    append(&mut frame, TEXT, payload);
    frame.into()
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

/// The payload of a frame that [`text`] made.
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
