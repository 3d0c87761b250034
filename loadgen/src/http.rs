//! A small HTTP/1.1 client: one GET over a connection of its own.

use crate::plan::Target;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

const TIME_MAX: Duration = Duration::from_secs(10);
const RESPONSE_BYTES_MAX: u64 = 64 << 20;

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection failed.
    #[error("GET {path}: {source}")]
    Io {
        /// What was asked for.
        path: String,
        /// How it failed.
        source: io::Error,
    },
    /// Another status than 200.
    #[error("GET {path}: the server answered `{status}`")]
    Status {
        /// What was asked for.
        path: String,
        /// The status line.
        status: String,
    },
    /// No answer in time, or none that is HTTP.
    #[error("GET {path}: {what}")]
    Answer {
        /// What was asked for.
        path: String,
        /// What was wrong with the answer.
        what: &'static str,
    },
}

/// The body at `path` of the server that `target` names.
///
/// # Errors
/// [`HttpError`] if it does not come within 10 s, with status 200.
pub async fn get(target: &Target, path: &str) -> Result<Vec<u8>, HttpError> {
    let path = || path.to_owned();
    let response = tokio::time::timeout(TIME_MAX, exchange(target, &path()))
        .await
        .map_err(|_| HttpError::Answer { path: path(), what: "no answer within 10 s" })?
        .map_err(|source| HttpError::Io { path: path(), source })?;
    let (status, body) = split(&response)
        .ok_or_else(|| HttpError::Answer { path: path(), what: "the answer is not HTTP, or not whole" })?;
    match status.split(' ').nth(1) {
        Some("200") => Ok(body),
        _ => Err(HttpError::Status { path: path(), status: status.chars().take(80).collect() }),
    }
}

async fn exchange(target: &Target, path: &str) -> io::Result<Vec<u8>> {
    let stream = TcpStream::connect(target.address).await?;
    match &target.tls {
        None => talk(stream, target, path).await,
        Some(tls) => talk(tls.connect(stream).await?, target, path).await,
    }
}

async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    target: &Target,
    path: &str,
) -> io::Result<Vec<u8>> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", target.host);
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    match stream.take(RESPONSE_BYTES_MAX).read_to_end(&mut response).await {
        // Many servers end TLS without a word; whether the answer is whole, its head tells.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(response),
        read => read.map(|_| response),
    }
}

/// The status line and the body, when the body is as long as the headers say.
fn split(response: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = memchr::memmem::find(response, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&response[..end]).ok()?;
    let rest = &response[end + 4..];
    let header = |name: &str| {
        head.split("\r\n").filter_map(|line| line.split_once(':')).find_map(|(key, value)| {
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_ascii_lowercase())
        })
    };
    let body = match (header("transfer-encoding"), header("content-length")) {
        (Some(coding), _) if coding.contains("chunked") => unchunked(rest)?,
        (_, Some(length)) => rest.get(..length.parse().ok()?)?.to_vec(),
        _ => rest.to_vec(),
    };
    Some((head.split("\r\n").next()?.to_owned(), body))
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = memchr::memmem::find(rest, b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_by_length_in_chunks_and_to_the_end() {
        let by_length = split(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcd").unwrap();
        assert_eq!(by_length, ("HTTP/1.1 200 OK".into(), b"abc".to_vec()));
        let chunks =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(split(chunks).unwrap().1, b"abc");
        assert_eq!(split(b"HTTP/1.0 404 Not Found\r\n\r\nno").unwrap().1, b"no");
    }

    #[test]
    fn half_an_answer_is_none() {
        assert_eq!(split(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"), None);
        assert_eq!(split(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"), None);
        assert_eq!(
            split(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nab"),
            None
        );
        assert_eq!(split(b"HTTP/1.1 200 OK"), None);
    }
}
