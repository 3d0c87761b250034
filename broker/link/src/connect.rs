//! Connections to a venue: TCP, TLS where the URL says so, and what is spoken over it.

use std::io;
use tls::{Tls, TlsError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tungstenite::protocol::WebSocketConfig;
use url::Url;

/// A stream of bytes to a venue, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A WebSocket to a venue.
pub(crate) type VenueSocket = WebSocketStream<Box<dyn Stream>>;

/// Why a venue cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The URL names no host.
    #[error("{0} names no host")]
    NoHost(Url),
    /// TCP, or the handshake of TLS.
    #[error("cannot connect to {host}: {error}")]
    Io {
        /// The host and port.
        host: String,
        /// What went wrong.
        error: io::Error,
    },
    /// The WebSocket handshake.
    #[error("{host} refuses the WebSocket: {error}")]
    WebSocket {
        /// The host and port.
        host: String,
        /// What went wrong.
        error: Box<tungstenite::Error>,
    },
    /// There is no TLS for it.
    #[error("cannot connect to {host}: {error}")]
    Tls {
        /// The host and port.
        host: String,
        /// Why.
        error: TlsError,
    },
}

/// Dials the host of a `ws`, `wss`, `http` or `https` URL.
pub(crate) async fn dial(url: &Url) -> Result<Box<dyn Stream>, ConnectError> {
    let host = url.host_str().ok_or_else(|| ConnectError::NoHost(url.clone()))?;
    let is_secure = matches!(url.scheme(), "wss" | "https");
    let port = url.port().unwrap_or(if is_secure { 443 } else { 80 });
    let failed = |error| ConnectError::Io { host: format!("{host}:{port}"), error };
    let dialed = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((dialed, port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    if !is_secure {
        return Ok(Box::new(stream));
    }
    let tls = Tls::with(host).map_err(|error| ConnectError::Tls { host: host_of(url), error })?;
    Ok(Box::new(tls.connect(stream).await.map_err(failed)?))
}

/// Opens a WebSocket at `url`; messages of more than `message_bytes_max` bytes end it.
pub(crate) async fn websocket(url: &Url, message_bytes_max: usize) -> Result<VenueSocket, ConnectError> {
    let stream = dial(url).await?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max));
    let refused = |error| ConnectError::WebSocket { host: host_of(url), error: Box::new(error) };
    let (socket, _) = client_async_with_config(url.as_str(), stream, Some(config)).await.map_err(refused)?;
    Ok(socket)
}

/// Host and port, for people.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
