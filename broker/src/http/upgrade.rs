//! The opening handshake of RFC 6455, section 4.2: what must be asked, and the answer.

use super::reply::{Failure, Reply, set};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode, Version};
use schemas::wire::SUBPROTOCOL;

/// Checks a request for `/v1/stream` and makes the answer that switches protocols.
///
/// # Errors
/// The reply that refuses: 405 for another method, 426 for a request without upgrade or of another version, else 400.
pub(super) fn accept(request: &Parts) -> Result<Reply, Box<Reply>> {
    let key = check(request).map_err(|failure| Box::new(refusal(failure)))?;
    let subprotocol = subprotocol(&request.headers).map_err(|failure| Box::new(Reply::from(failure)))?;
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    set(&mut reply, UPGRADE, "websocket");
    set(&mut reply, CONNECTION, "Upgrade");
    set(&mut reply, SEC_WEBSOCKET_ACCEPT, &tungstenite::handshake::derive_accept_key(key.as_bytes()));
    if let Some(subprotocol) = subprotocol {
        set(&mut reply, SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    Ok(reply)
}

/// The client's key, if all is as it must be.
fn check(request: &Parts) -> Result<&str, Failure> {
    let headers = &request.headers;
    if request.method != Method::GET {
        let message = format!("{}: a stream is opened by GET", request.method);
        return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message));
    }
    if !has_token(headers, &CONNECTION, "upgrade") || !has_token(headers, &UPGRADE, "websocket") {
        return Err(upgrade_required(
            "this is a WebSocket: expected `Connection: Upgrade` and `Upgrade: websocket`",
        ));
    }
    if request.version != Version::HTTP_11 {
        return Err(Failure::bad_request("a WebSocket begins with HTTP/1.1"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(upgrade_required("Sec-WebSocket-Version: expected 13"));
    }
    if headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
    {
        return Err(Failure::bad_request("a request that opens a WebSocket has no body"));
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    match (keys.next().and_then(|key| key.to_str().ok()), keys.next()) {
        (Some(key), None) if is_key(key.trim()) => Ok(key.trim()),
        _ => Err(Failure::bad_request("Sec-WebSocket-Key: expected one, 16 bytes in base64")),
    }
}

/// What is offered must include ours; who offers nothing gets it unsaid.
fn subprotocol(headers: &HeaderMap) -> Result<Option<&'static str>, Failure> {
    if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return Ok(None);
    }
    if tokens(headers, &SEC_WEBSOCKET_PROTOCOL).any(|offered| offered == SUBPROTOCOL) {
        return Ok(Some(SUBPROTOCOL));
    }
    Err(Failure::bad_request(format!("Sec-WebSocket-Protocol: expected {SUBPROTOCOL} among those offered")))
}

fn upgrade_required(message: &str) -> Failure {
    Failure::new(StatusCode::UPGRADE_REQUIRED, "bad_request", message)
}

fn refusal(failure: Failure) -> Reply {
    let is_upgrade = failure.status == StatusCode::UPGRADE_REQUIRED;
    let mut reply = Reply::from(failure);
    if is_upgrade {
        set(&mut reply, UPGRADE, "websocket");
        set(&mut reply, CONNECTION, "Upgrade");
        set(&mut reply, SEC_WEBSOCKET_VERSION, "13");
    }
    reply
}

/// 16 bytes in base64 are 22 characters and two of padding.
fn is_key(key: &str) -> bool {
    let digits = key.strip_suffix("==").unwrap_or_default();
    digits.len() == 22
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

/// The parts of a header that is a list, over all its lines.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    /// The request of RFC 6455, section 1.3, changed.
    fn asked(change: impl FnOnce(&mut Parts)) -> Result<Reply, Box<Reply>> {
        let request = Request::builder()
            .uri("/v1/stream")
            .header(CONNECTION, "keep-alive, Upgrade")
            .header(UPGRADE, "WebSocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        change(&mut parts);
        accept(&parts)
    }

    fn with(name: HeaderName, value: &'static str) -> impl FnOnce(&mut Parts) {
        move |parts| {
            parts.headers.insert(name, value.parse().unwrap());
        }
    }

    #[test]
    fn answers_the_example_of_the_standard() {
        let reply = asked(|_| ()).unwrap();
        assert_eq!(reply.status(), 101);
        assert_eq!(reply.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!reply.headers().contains_key(SEC_WEBSOCKET_PROTOCOL));
    }

    #[test]
    fn picks_its_subprotocol_among_those_offered() {
        let reply = asked(with(SEC_WEBSOCKET_PROTOCOL, "graphql, tickcast.v1.json")).unwrap();
        assert_eq!(reply.headers()[SEC_WEBSOCKET_PROTOCOL], "tickcast.v1.json");
        assert_eq!(asked(with(SEC_WEBSOCKET_PROTOCOL, "tickcast.v2.json")).unwrap_err().status(), 400);
    }

    #[test]
    fn refuses_what_is_no_handshake() {
        let status = |change: Box<dyn FnOnce(&mut Parts)>| asked(change).unwrap_err().status().as_u16();
        assert_eq!(status(Box::new(|parts| parts.method = Method::POST)), 405);
        assert_eq!(status(Box::new(|parts| parts.version = Version::HTTP_10)), 400);
        assert_eq!(status(Box::new(with(UPGRADE, "h2c"))), 426);
        assert_eq!(status(Box::new(with(CONNECTION, "keep-alive"))), 426);
        assert_eq!(status(Box::new(with(CONTENT_LENGTH, "3"))), 400);
        for key in
            ["", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZSE=", "dGhlIHNhbXBsZSBub25jZ!=="]
        {
            assert_eq!(status(Box::new(with(SEC_WEBSOCKET_KEY, key))), 400, "{key}");
        }
    }

    #[test]
    fn another_version_is_told_which_one_is_spoken() {
        let reply = asked(with(SEC_WEBSOCKET_VERSION, "8")).unwrap_err();
        assert_eq!(reply.status(), 426);
        assert_eq!(reply.headers()[SEC_WEBSOCKET_VERSION], "13");
        assert_eq!(reply.headers()[UPGRADE], "websocket");
    }
}
