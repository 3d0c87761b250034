//! One HTTP request to a venue: snapshots and lists of symbols.

use super::connect::{ConnectError, dial, host_of};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::header::{ACCEPT, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The host cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The conversation broke off.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// The request cannot be written.
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    /// The reply is no success; what it says is shortened.
    #[error("HTTP {status}: {body}")]
    Status {
        /// Its status.
        status: StatusCode,
        /// The beginning of its body.
        body: String,
    },
    /// The body breaks off or is too large.
    #[error("{0}")]
    Body(String),
    /// It took too long.
    #[error("no reply within {0} ms")]
    Timeout(u64),
}

/// Fetches `path` (with its query) from the host of `base`.
pub(crate) async fn fetch(
    base: &Url,
    path: &str,
    body_bytes_max: usize,
    timeout_ms: u64,
) -> Result<Vec<u8>, FetchError> {
    timeout(Duration::from_millis(timeout_ms), request(base, path, body_bytes_max))
        .await
        .unwrap_or(Err(FetchError::Timeout(timeout_ms)))
}

async fn request(base: &Url, path: &str, body_bytes_max: usize) -> Result<Vec<u8>, FetchError> {
    let stream = dial(base).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; an error shows in the reply.
    tokio::spawn(connection);
    let prefix = base.path().trim_end_matches('/');
    let request = Request::get(format!("{prefix}{path}"))
        .header(HOST, host_of(base))
        .header(USER_AGENT, concat!("tickcast/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())?;
    let reply = sender.send_request(request).await?;
    let status = reply.status();
    let body = Limited::new(reply.into_body(), body_bytes_max).collect().await.map_err(|error| {
        let too_large = error.downcast_ref::<LengthLimitError>().is_some();
        let message = if too_large { format!("more than {body_bytes_max} bytes") } else { error.to_string() };
        FetchError::Body(message)
    })?;
    let body = body.to_bytes();
    if !status.is_success() {
        let body = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        return Err(FetchError::Status { status, body });
    }
    Ok(body.to_vec())
}
