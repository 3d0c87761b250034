//! HTTP/1 on a socket: REST requests, and the upgrade to a WebSocket.

use super::connection::{self, Opened};
use super::{Command, Shared};
use crate::stand_in::{HttpReply, Target};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_tungstenite::WebSocketStream;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocketConfig};

/// How long a client may take to send the head of a request, the next one on the same connection too.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
const READ_BUFFER_BYTES: usize = 8 << 10;

/// Serves one connection; the permit lives as long as it, and as the WebSocket that it may become.
pub(super) async fn serve<S>(stream: S, shared: Shared, permit: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let permit = std::sync::Arc::new(permit);
    let stop = shared.stop.clone();
    let service = service_fn(move |request| {
        let (shared, permit) = (shared.clone(), permit.clone());
        async move { Ok::<_, Infallible>(answer(request, shared, permit).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        // A client that breaks off or talks no HTTP is its own affair.
        _ = &mut connection => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

type Permit = std::sync::Arc<OwnedSemaphorePermit>;

async fn answer(request: Request<Incoming>, shared: Shared, permit: Permit) -> Response<Full<Bytes>> {
    let target = Target::parse(request.uri().path_and_query().map_or("/", |target| target.as_str()));
    if is_upgrade(request.headers()) {
        return upgrade(request, target, shared, permit).await.unwrap_or_else(|refusal| response(&refusal));
    }
    if request.method() != Method::GET {
        return response(&refusal(405, "only GET is served"));
    }
    let (reply, replied) = oneshot::channel();
    let sent = shared.commands.send(Command::Http { target, reply }).await;
    match (sent, replied.await) {
        (Ok(()), Ok(reply)) => response(&reply),
        _ => response(&refusal(503, "shutting down")),
    }
}

async fn upgrade(
    mut request: Request<Incoming>,
    target: Target,
    shared: Shared,
    permit: Permit,
) -> Result<Response<Full<Bytes>>, HttpReply> {
    let accept = accept_key(request.headers())?;
    let opened = open(target, &shared).await?;
    let upgrade = hyper::upgrade::on(&mut request);
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let _permit = permit;
        let conn = opened.conn;
        match upgrade.await {
            Ok(upgraded) => {
                let config = config(shared.limits.request_bytes_max);
                let socket =
                    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config))
                        .await;
                connection::run(socket, opened, shared).await;
            }
            Err(_) => drop(shared.commands.send(Command::Closed { conn }).await),
        }
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

async fn open(target: Target, shared: &Shared) -> Result<Opened, HttpReply> {
    let (reply, replied) = oneshot::channel();
    let gone = || refusal(503, "shutting down");
    shared.commands.send(Command::Open { target, reply }).await.map_err(|_| gone())?;
    replied.await.map_err(|_| gone())?
}

fn config(request_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(request_bytes_max))
        .max_frame_size(Some(request_bytes_max))
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn accept_key(headers: &HeaderMap) -> Result<HeaderValue, HttpReply> {
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(refusal(400, "expected Sec-WebSocket-Version: 13"));
    }
    let key =
        headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| refusal(400, "expected Sec-WebSocket-Key"))?;
    HeaderValue::try_from(derive_accept_key(key.as_bytes()))
        .map_err(|_| refusal(400, "expected Sec-WebSocket-Key"))
}

fn refusal(status: u16, message: &str) -> HttpReply {
    HttpReply { status, body: serde_json::json!({ "message": message }).to_string() }
}

fn response(reply: &HttpReply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(reply.body.clone()));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
