//! Standing in for a venue over real sockets: WebSocket and REST on one port.

mod connection;
mod faults;
mod http;
mod player;
mod reel;
mod schedule;
mod tally;
mod tls;
mod waiting;

pub use schedule::{Speed, When};
pub use tally::{Count, Counts, StreamCount, Tally};
pub use tls::{Tls, TlsError};

use crate::fault::Faults;
use crate::stand_in::{ConnId, HttpReply, Target};
use crate::tape::{Tape, TapeError};
use crate::venue::Venue;
use player::Player;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long connections may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
const COMMANDS: usize = 1024;

/// What is served, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The venue that is stood in for.
    pub venue: Venue,
    /// What is replayed.
    pub tape: Tape,
    /// How fast.
    pub speed: Speed,
    /// Whether it begins anew at its end.
    pub looped: bool,
    /// Whether event times are replaced by the scheduled time of sending.
    pub restamp: bool,
    /// What comes before is not sent, but known.
    pub from: Option<When>,
    /// What comes after is not played.
    pub to: Option<When>,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// The certificate, where clients are to come over TLS.
    pub tls: Option<Tls>,
    /// The bounds on what clients can make grow or wait for.
    pub limits: Limits,
}

/// The bounds on what clients can make grow or wait for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The clock starts when no request has come for so long, counted from the first subscription, so that a client can send
    /// all its requests first. Steady requests put it off to ten times as long at most.
    pub settle: Duration,
    /// Open connections, WebSocket and HTTP.
    pub connections_max: usize,
    /// Bytes that wait for one connection. At a fixed speed a connection that would need more is cut off.
    pub queue_bytes_max: usize,
    /// At speed `max`, playing waits while a connection has as many bytes waiting.
    pub ahead_bytes_max: usize,
    /// At speed `max`, a connection for which playing has waited so long is cut off.
    pub stall_max: Duration,
    /// The longest message from a client, in bytes.
    pub request_bytes_max: usize,
    /// Messages from a client in a second; one more and it is closed with 1008. The venue's own number unless given, and 100 where
    /// it has none.
    pub requests_per_s_max: Option<u32>,
    /// How often clients are pinged; the venue's own interval unless given.
    pub ping_every: Option<Duration>,
    /// A client that sent no pong for so long is closed; the venue's own time unless given.
    pub pong_within: Option<Duration>,
    /// Coinbase closes connections that have not subscribed by then.
    pub subscribe_within: Duration,
    /// A connection over which nothing went for so long is closed; the venue's own time unless given, where it has one.
    pub idle_within: Option<Duration>,
    /// Whether clients are served that connect or ask more often, or for more, than the venue allows.
    pub lenient: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(250),
            connections_max: 1_000,
            queue_bytes_max: 64 << 20,
            ahead_bytes_max: 1 << 20,
            stall_max: Duration::from_secs(30),
            request_bytes_max: 256 << 10,
            requests_per_s_max: None,
            ping_every: None,
            pong_within: None,
            subscribe_within: Duration::from_secs(5),
            idle_within: None,
            lenient: false,
        }
    }
}

impl Limits {
    /// Messages from a client of this venue in a second.
    fn requests_per_s_max(&self, venue: Venue) -> u32 {
        const USUAL: u32 = 100;
        let of_venue = venue.profile().messages_per_s.filter(|_| !self.lenient);
        self.requests_per_s_max.or(of_venue).unwrap_or(USUAL)
    }
}

/// Why serving cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The capture cannot be read.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The capture is another venue's, or empty.
    #[error("the capture holds nothing that {venue} sends")]
    OtherVenue {
        /// The venue that was to be stood in for.
        venue: Venue,
    },
    /// There is nothing between the start and the end asked for.
    #[error("the capture holds no record from {from} to {to}")]
    Empty {
        /// The start.
        from: String,
        /// The end.
        to: String,
    },
}

/// A stand-in that listens and is ready to serve.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    player: Player,
    shared: Shared,
    tls: Option<Tls>,
    tally: Tally,
}

/// What connections need to reach the player.
#[derive(Clone)]
struct Shared {
    commands: mpsc::Sender<Command>,
    limits: Limits,
    requests_per_s_max: u32,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What the player is told by connections.
enum Command {
    /// A client wants to open a WebSocket.
    Open { target: Target, reply: oneshot::Sender<Result<connection::Opened, HttpReply>> },
    /// A client has sent a text frame.
    Message { conn: ConnId, text: tungstenite::Utf8Bytes },
    /// A connection has ended.
    Closed { conn: ConnId },
    /// A request over HTTP.
    Http { target: Target, reply: oneshot::Sender<HttpReply> },
}

impl Server {
    /// Listens on `address`, and reads the capture once to learn what it holds.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind(address: SocketAddr, settings: Settings) -> Result<Self, ServeError> {
        let failed = |error| ServeError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (commands, received) = mpsc::channel(COMMANDS);
        let limits = settings.limits;
        let requests_per_s_max = limits.requests_per_s_max(settings.venue);
        let stop = CancellationToken::new();
        let tally = Tally::new(&settings.faults);
        let tls = settings.tls.clone();
        let player = Player::new(settings, tally.clone(), received, stop.clone())?;
        let shared = Shared { commands, limits, requests_per_s_max, tasks: TaskTracker::new(), stop };
        Ok(Self { listener, address, player, shared, tls, tally })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The faults that it makes, counted.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Serves until `shutdown` is done, then says goodbye to all connections.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, player, shared, tls, .. } = self;
        let tasks = shared.tasks.clone();
        let stop = shared.stop.clone();
        let playing = tokio::spawn(player.run());
        tokio::select! {
            () = accept(listener, shared, tls) => {}
            () = shutdown => {}
        }
        stop.cancel();
        tasks.close();
        let _ = tokio::time::timeout(GOODBYE, async { tokio::join!(playing, tasks.wait()) }).await;
    }
}

async fn accept(listener: TcpListener, shared: Shared, tls: Option<Tls>) {
    let permits = Arc::new(Semaphore::new(shared.limits.connections_max));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            tracing::warn!("{peer}: refused, {} connections are open", shared.limits.connections_max);
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (tls, stop, tasks) = (tls.clone(), shared.stop.clone(), shared.tasks.clone());
        let shared = shared.clone();
        tasks.spawn(async move {
            let Some(tls) = tls else { return http::serve(stream, shared, permit).await };
            tokio::select! {
                stream = tls.accept(stream) => if let Some(stream) = stream {
                    http::serve(stream, shared, permit).await;
                },
                () = stop.cancelled() => {}
            }
        });
    }
}
