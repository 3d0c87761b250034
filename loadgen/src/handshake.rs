//! The opening handshake of RFC 6455, the client's part.

use crate::plan::Target;
use tungstenite::handshake::{client::generate_key, derive_accept_key};

/// The subprotocol of this project's servers.
pub const SUBPROTOCOL: &str = "tickcast.v1.json";
const RESPONSE_BYTES_MAX: usize = 16 << 10;

/// Why the server's answer opens no WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Another status than 101.
    #[error("the server answered `{0}` to the upgrade")]
    Status(String),
    /// A header is missing or says something else.
    #[error("the upgrade has no valid `{0}` header")]
    Header(&'static str),
    /// The head of the response has no end.
    #[error("the answer to the upgrade is longer than {RESPONSE_BYTES_MAX} bytes")]
    TooLong,
}

/// An upgrade that was asked for.
#[derive(Debug)]
pub struct Handshake {
    key: String,
    response: Vec<u8>,
}

impl Handshake {
    /// The request for `target`, which asks for `subprotocol` if there is one, and what checks the answer.
    #[must_use]
    pub fn start(target: &Target, subprotocol: Option<&str>) -> (Vec<u8>, Self) {
        let key = generate_key();
        let asked = subprotocol.map_or(String::new(), |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{asked}\r\n",
            path = target.path,
            host = target.host,
        );
        (request.into_bytes(), Self { key, response: Vec::new() })
    }

    /// Takes received bytes; when the upgrade is complete, the number of them that it needed (the rest are frames).
    ///
    /// # Errors
    /// [`HandshakeError`] if the answer is not the upgrade.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, HandshakeError> {
        let before = self.response.len();
        self.response.extend_from_slice(bytes);
        let Some(end) = memchr::memmem::find(&self.response, b"\r\n\r\n").map(|at| at + 4) else {
            let fits = self.response.len() <= RESPONSE_BYTES_MAX;
            return if fits { Ok(None) } else { Err(HandshakeError::TooLong) };
        };
        check(&String::from_utf8_lossy(&self.response[..end]), &self.key)?;
        Ok(Some(end - before))
    }
}

fn check(head: &str, key: &str) -> Result<(), HandshakeError> {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("101") {
        return Err(HandshakeError::Status(status.chars().take(80).collect()));
    }
    let headers: Vec<(&str, &str)> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
    let header = |name: &'static str, right: &dyn Fn(&str) -> bool| {
        let found = headers.iter().any(|(n, value)| n.eq_ignore_ascii_case(name) && right(value));
        if found { Ok(()) } else { Err(HandshakeError::Header(name)) }
    };
    header("Upgrade", &|value| value.eq_ignore_ascii_case("websocket"))?;
    header("Connection", &|value| value.split(',').any(|v| v.trim().eq_ignore_ascii_case("upgrade")))?;
    let accept = derive_accept_key(key.as_bytes());
    header("Sec-WebSocket-Accept", &|value| value == accept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target::parse("ws://127.0.0.1:9000/v1/stream").unwrap()
    }

    fn answer(key: &str) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n\
             sec-websocket-accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        )
    }

    #[test]
    fn an_answer_in_any_pieces_is_accepted_and_frames_behind_it_are_left() {
        let (request, _) = Handshake::start(&target(), Some("mqtt"));
        assert!(request.starts_with(b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n"));
        assert!(request.ends_with(b"\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"));
        let (request, _) = Handshake::start(&target(), None);
        assert!(request.ends_with(b"\r\nSec-WebSocket-Version: 13\r\n\r\n"));
        let length = answer("k").len();
        for split in 0..length {
            let mut handshake = Handshake { key: "k".into(), response: Vec::new() };
            let bytes = answer("k") + "frame";
            assert_eq!(handshake.advance(&bytes.as_bytes()[..split]), Ok(None), "split at {split}");
            assert_eq!(handshake.advance(&bytes.as_bytes()[split..]), Ok(Some(length - split)));
        }
    }

    #[test]
    fn other_answers_are_refused() {
        let advance =
            |answer: &str| Handshake { key: "k".into(), response: Vec::new() }.advance(answer.as_bytes());
        let refused = advance("HTTP/1.1 503 Service Unavailable\r\n\r\n");
        assert_eq!(refused, Err(HandshakeError::Status("HTTP/1.1 503 Service Unavailable".into())));
        assert_eq!(advance(&answer("other")), Err(HandshakeError::Header("Sec-WebSocket-Accept")));
        assert_eq!(
            advance(&answer("k").replace("WebSocket\r", "h2c\r")),
            Err(HandshakeError::Header("Upgrade"))
        );
        assert_eq!(advance(&"x".repeat(RESPONSE_BYTES_MAX + 1)), Err(HandshakeError::TooLong));
    }
}
