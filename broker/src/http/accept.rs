//! The listener: each connection is counted, bounded in time and served on a task of its own.

use super::patient::Patient;
use super::{App, Excess, Permit, bursts, handover, router};
use crate::panics::contained;
use crate::seldom::Seldom;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long to wait when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a request that is being answered may take at the end.
const LAST_REPLY: Duration = Duration::from_secs(1);

/// A connection's permit, until a stream takes it along.
pub(super) type PermitCell = Mutex<Option<Permit>>;

/// Serves connections until `end`.
pub async fn serve(listener: TcpListener, app: Arc<App>, end: CancellationToken) {
    let mut complaints = Seldom::each_second();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = end.cancelled() => return,
        };
        match accepted {
            Ok((socket, peer)) => {
                admit(&app, socket, peer, &end);
                bursts::pause();
            }
            Err(error) => {
                complaints.log(|more| tracing::warn!(%error, more, "a connection could not be accepted"));
                if !is_of_one_connection(&error) {
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn admit(app: &Arc<App>, socket: TcpStream, peer: SocketAddr, end: &CancellationToken) {
    // A peer that is gone already shows in the first read.
    let _ = socket.set_nodelay(true);
    if let Some((permit, excess)) = app.connections.enter(peer) {
        let connection = Connection { app: Arc::clone(app), peer, excess, permit: Mutex::new(Some(permit)) };
        tokio::spawn(contained(serve_one(Arc::new(connection), socket, end.clone())));
    }
}

/// What the requests of one connection share.
pub(super) struct Connection {
    pub(super) app: Arc<App>,
    pub(super) peer: SocketAddr,
    pub(super) excess: Option<Excess>,
    permit: PermitCell,
}

impl Connection {
    /// The place in the count, which leaves with a stream.
    pub(super) fn take_permit(&self) -> Option<Permit> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

async fn serve_one(connection: Arc<Connection>, socket: TcpStream, end: CancellationToken) {
    let limits = &connection.app.limits;
    let patience = Duration::from_millis(limits.stall_time_max_ms);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.handshake_timeout_ms))
        .max_buf_size(limits.http_head_bytes_max)
        .auto_date_header(true);
    let shared = Arc::clone(&connection);
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    let io = TokioIo::new(Patient::new(socket, patience));
    let mut serving = pin!(http.serve_connection(io, service).with_upgrades());
    let outcome = tokio::select! {
        outcome = serving.as_mut() => outcome,
        () = end.cancelled() => {
            serving.as_mut().graceful_shutdown();
            timeout(LAST_REPLY, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(peer = %connection.peer, %error, "an HTTP connection ended with an error");
    }
}

async fn answer(
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<super::reply::Reply, Infallible> {
    bursts::pause();
    let (head, body) = request.into_parts();
    // Nothing that the broker serves takes a body; hyper reads and drops a small one, or closes the connection.
    drop(body);
    Ok(match router::route(&head) {
        router::Route::Stream => handover::stream(connection, head),
        route => router::reply(&connection, &head, route),
    })
}

/// Whether only the connection that was to be accepted is affected.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
