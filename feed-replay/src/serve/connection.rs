//! One WebSocket: what the player hands out goes to the socket, what the client sends goes to the player.

use super::{Command, Shared};
use crate::stand_in::{ConnId, KeepAlive, Out};
use crate::time::now;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_util::sync::CancellationToken;
use tungstenite::error::CapacityError;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Bytes, Error, Message};

/// How long a client may take to answer a close frame.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What the player gives to a connection that it has opened.
pub(super) struct Opened {
    pub(super) conn: ConnId,
    pub(super) outgoing: Outgoing,
    pub(super) queue: mpsc::UnboundedReceiver<Out>,
    pub(super) keep_alive: Option<KeepAlive>,
}

/// The sending end of a connection's queue. The player bounds it by [`Outgoing::push`]'s result.
#[derive(Clone)]
pub(super) struct Outgoing {
    queue: mpsc::UnboundedSender<Out>,
    waiting: Arc<AtomicUsize>,
    /// Notified when fewer than half of this many bytes wait.
    ahead_bytes_max: usize,
    drained: Arc<Notify>,
    cut: CancellationToken,
    frozen: CancellationToken,
}

impl Outgoing {
    pub(super) fn new(ahead_bytes_max: usize, drained: Arc<Notify>) -> (Self, mpsc::UnboundedReceiver<Out>) {
        let (queue, received) = mpsc::unbounded_channel();
        let (cut, frozen) = (CancellationToken::new(), CancellationToken::new());
        (Self { queue, waiting: Arc::default(), ahead_bytes_max, drained, cut, frozen }, received)
    }

    /// Adds to the queue and returns how many bytes waited there before.
    pub(super) fn push(&self, out: Out) -> usize {
        let bytes = out.bytes();
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        // A connection that is gone is told to the player by its own command.
        let _ = self.queue.send(out);
        before
    }

    pub(super) fn close(&self, code: u16, reason: &'static str) {
        self.push(Out::Close { code, reason });
    }

    /// How many bytes wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Ends the connection without waiting for what is queued.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Leaves the connection as it is: nothing is written and nothing is read any more, until the server ends.
    pub(super) fn freeze(&self) {
        self.frozen.cancel();
    }

    /// Takes note that so many bytes have been taken from the queue.
    fn taken(&self, bytes: usize) {
        let before = self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        let low = self.ahead_bytes_max / 2;
        if before > low && before - bytes <= low {
            self.drained.notify_one();
        }
    }
}

/// Serves a connection to its end.
pub(super) async fn run(socket: Socket, opened: Opened, shared: Shared) {
    let Opened { conn, outgoing, mut queue, keep_alive } = opened;
    let (mut sink, mut stream) = socket.split();
    let ended = {
        let write = write(&mut sink, &mut queue, &outgoing);
        let read = read(&mut stream, conn, &shared, keep_alive, &outgoing);
        tokio::pin!(read);
        tokio::select! {
            () = write => {
                let _ = timeout(CLOSE_WITHIN, read).await;
                None
            }
            ended = &mut read => ended,
            () = outgoing.cut.cancelled() => None,
            () = outgoing.frozen.cancelled() => {
                shared.stop.cancelled().await;
                None
            }
        }
    };
    if let Some((code, reason)) = ended {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let _ = timeout(CLOSE_WITHIN, sink.send(Message::Close(Some(frame)))).await;
        // What the client still sends is read and discarded, so that the close frame is not lost to a reset.
        let _ = timeout(CLOSE_WITHIN, async { while let Some(Ok(_)) = stream.next().await {} }).await;
    }
    let _ = shared.commands.send(Command::Closed { conn }).await;
}

/// Writes what the queue holds until it says close or the socket fails.
async fn write(
    sink: &mut SplitSink<Socket, Message>,
    queue: &mut mpsc::UnboundedReceiver<Out>,
    outgoing: &Outgoing,
) {
    while let Some(out) = queue.recv().await {
        let (bytes, is_close) = (out.bytes(), matches!(out, Out::Close { .. }));
        if sink.feed(message(out)).await.is_err() {
            return;
        }
        outgoing.taken(bytes);
        if (is_close || queue.is_empty()) && sink.flush().await.is_err() {
            return;
        }
        if is_close {
            return;
        }
    }
}

fn message(out: Out) -> Message {
    match out {
        Out::Text(text) => Message::Text(text),
        Out::Binary(bytes) => Message::Binary(bytes),
        Out::Ping(bytes) => Message::Ping(bytes),
        Out::Close { code, reason } => {
            Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
        }
    }
}

/// Reads until the client has gone; returns the close code and reason if it has done something wrong.
async fn read(
    stream: &mut SplitStream<Socket>,
    conn: ConnId,
    shared: &Shared,
    keep_alive: Option<KeepAlive>,
    outgoing: &Outgoing,
) -> Option<(u16, &'static str)> {
    let mut pings =
        tokio::time::interval(keep_alive.map_or(Duration::from_secs(3600), |keep_alive| keep_alive.every));
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut pong_at = Instant::now();
    let mut rate = Rate::new(shared.requests_per_s_max);
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            _ = pings.tick() => {
                match keep_alive {
                    Some(keep_alive) if pong_at.elapsed() >= keep_alive.pong_within => return Some((1008, "no pong")),
                    Some(_) => drop(outgoing.push(Out::Ping(Bytes::from(now().to_string())))),
                    None => {}
                }
                continue;
            }
        };
        match message? {
            Ok(Message::Text(text)) if rate.allows() => {
                shared.commands.send(Command::Message { conn, text }).await.ok()?;
            }
            Ok(Message::Text(_)) => return Some((1008, "too many requests")),
            Ok(Message::Binary(_)) => return Some((1003, "text expected")),
            Ok(Message::Pong(_)) => pong_at = Instant::now(),
            Ok(_) => {}
            Err(error) => return close_code(&error),
        }
    }
}

/// The close code for what is wrong with a client's bytes; none if the connection is just gone.
fn close_code(error: &Error) -> Option<(u16, &'static str)> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some((1009, "message too long")),
        Error::Utf8(_) => Some((1007, "text is not UTF-8")),
        Error::Protocol(_) => Some((1002, "protocol error")),
        _ => None,
    }
}

/// Counts messages by the second.
struct Rate {
    max: u32,
    since: Instant,
    count: u32,
}

impl Rate {
    fn new(max: u32) -> Self {
        Self { max, since: Instant::now(), count: 0 }
    }

    fn allows(&mut self) -> bool {
        if self.since.elapsed() >= Duration::from_secs(1) {
            (self.since, self.count) = (Instant::now(), 0);
        }
        self.count += 1;
        self.count <= self.max
    }
}
