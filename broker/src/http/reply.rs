//! Replies, and the errors among them: JSON with the words of the protocol's own errors.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// A reply of the broker: its body is whole.
pub(super) type Reply = Response<Full<Bytes>>;

/// What the paths of the broker are asked with.
pub(super) const METHODS: &str = "GET, HEAD, OPTIONS";

/// What went wrong: its status and, where the protocol has one, its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 400 `bad_request`.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 503 with a code; come back later.
    pub(super) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        #[derive(Serialize)]
        struct Body<'a> {
            error: Error<'a>,
        }
        #[derive(Serialize)]
        struct Error<'a> {
            code: &'a str,
            message: &'a str,
            retryable: bool,
        }
        let retryable = failure.status == StatusCode::SERVICE_UNAVAILABLE;
        let error = Error { code: failure.code, message: &failure.message, retryable };
        let mut reply = json(failure.status, &Body { error });
        if retryable {
            set(&mut reply, RETRY_AFTER, "5");
        }
        if failure.status == StatusCode::METHOD_NOT_ALLOWED {
            set(&mut reply, ALLOW, METHODS);
        }
        reply
    }
}

/// A JSON body; never cached, for all of them are about now.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    // The bodies have string keys only, so serializing them does not fail.
    with_type(status, "application/json", serde_json::to_vec(body).unwrap_or_default())
}

/// A body of this type.
pub(super) fn with_type(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    set(&mut reply, CONTENT_TYPE, content_type);
    set(&mut reply, CACHE_CONTROL, "no-cache");
    reply
}

/// The answer to `OPTIONS`: what may be asked from where.
pub(super) fn options() -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    set(&mut reply, ALLOW, METHODS);
    set(&mut reply, ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    set(&mut reply, ACCESS_CONTROL_ALLOW_HEADERS, "*");
    set(&mut reply, ACCESS_CONTROL_MAX_AGE, "86400");
    reply
}

/// Lets pages of any origin read it: everything here is public.
pub(super) fn for_any_origin(reply: &mut Reply) {
    set(reply, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
}

/// Sets a header whose value is plain text; another would be left out.
pub(super) fn set(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}
