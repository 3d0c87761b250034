//! A WebSocket: its handshake is answered here, then its socket goes to the shards.

use super::accept::Connection;
use super::patient::Patient;
use super::reply::{Failure, Reply};
use super::{Excess, Permit, bursts, upgrade};
use crate::panics::contained;
use hyper::Request;
use hyper::http::request::Parts;
use hyper::upgrade::{OnUpgrade, Parts as Upgraded};
use hyper_util::rt::TokioIo;
use schemas::wire::{close, websocket};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a connection that is refused may take to read its close frame and to end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Answers the handshake, and hands the socket over when the answer has left.
pub(super) fn stream(connection: Arc<Connection>, head: Parts) -> Reply {
    if connection.app.draining.is_cancelled() {
        return Failure::unavailable("overloaded", "the broker is about to end").into();
    }
    match upgrade::accept(&head) {
        Ok(reply) => {
            if let Some(permit) = connection.take_permit() {
                let upgraded = hyper::upgrade::on(Request::from_parts(head, ()));
                tokio::spawn(contained(hand_over(connection, upgraded, permit)));
            }
            reply
        }
        Err(refusal) => *refusal,
    }
}

async fn hand_over(connection: Arc<Connection>, upgraded: OnUpgrade, permit: Permit) {
    let parts = match upgraded.await.map(|upgraded| upgraded.downcast::<TokioIo<Patient>>()) {
        Ok(Ok(parts)) => parts,
        // Gone before the answer was out: hyper says so, and there is nothing to hand over.
        Ok(Err(_)) | Err(_) => {
            return tracing::debug!(peer = %connection.peer, "no upgrade came of a handshake");
        }
    };
    let Upgraded { io, read_buf, .. } = parts;
    let socket = io.into_inner().into_inner();
    let outcome = match connection.excess {
        Some(excess) => refuse(socket, excess, permit).await,
        None => connection.app.streams.admit(socket, read_buf, connection.peer, permit),
    };
    bursts::pause();
    if let Err(error) = outcome {
        tracing::debug!(peer = %connection.peer, %error, "a stream could not be handed over");
    }
}

/// Says by a close code, which browsers show to a page, what an HTTP status would have hidden from it.
async fn refuse(mut socket: TcpStream, excess: Excess, permit: Permit) -> io::Result<()> {
    let (code, reason) = match excess {
        Excess::Total => (close::OVERLOADED, "connections_max is reached"),
        Excess::Address => (close::TOO_MANY_CONNECTIONS, "connections_per_address_max is reached"),
    };
    let mut frame = Vec::new();
    websocket::append_close(&mut frame, code, reason);
    let farewell = async {
        socket.write_all(&frame).await?;
        socket.shutdown().await?;
        let mut discarded = [0; 512];
        while socket.read(&mut discarded).await? > 0 {}
        Ok(())
    };
    let outcome = timeout(FAREWELL, farewell).await.unwrap_or(Ok(()));
    drop(permit);
    outcome
}
