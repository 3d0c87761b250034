//! A venue over its WebSocket: dials, carries out what the machine asks, and dials again when the connection is gone.

mod successor;
mod takeover;

use crate::backoff::Backoff;
use crate::connect::{self, ConnectError, VenueSocket, host_of};
use crate::dialling::Dialling;
use crate::fetch::fetch;
use crate::witness::Witness;
use feed::machine::{Action, Actions, Fetch, Machine};
use feed::pacer::Pacer;
use futures_util::{SinkExt, StreamExt};
use schemas::model::Micros;
use std::sync::Arc;
use std::time::Duration;
use successor::Successor;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tungstenite::Message;
use url::Url;

/// A connection that lasted this long was a success: the next wait is short again.
const SETTLED: Duration = Duration::from_secs(10);

/// Where a venue is.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// Its WebSocket; the machine says which path.
    pub stream: Url,
    /// Its REST interface.
    pub rest: Url,
    /// How often it may be dialled.
    pub connects: Pacer,
    /// Whether another connection takes over from one that the machine wants renewed; otherwise it breaks first.
    pub takes_over: bool,
    /// How long it lets a connection live, before the end of which another one takes over; none: until it breaks.
    pub life: Option<Duration>,
}

/// Limits and times of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest message, and the largest body of a reply, in bytes.
    pub message_bytes_max: usize,
    /// How long connecting may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long a reply over HTTP may take, in milliseconds.
    pub fetch_timeout_ms: u64,
    /// The bound on the first wait after a failure, in milliseconds.
    pub backoff_min_ms: u64,
    /// The bound on all waits, in milliseconds.
    pub backoff_max_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 32 << 20,
            connect_timeout_ms: 10_000,
            fetch_timeout_ms: 10_000,
            backoff_min_ms: 250,
            backoff_max_ms: 30_000,
        }
    }
}

/// What all connections share.
#[derive(Clone)]
pub struct Context {
    /// Limits and times.
    pub limits: Limits,
    /// Tells the time.
    pub now: Arc<dyn Fn() -> Micros + Send + Sync>,
    /// Keeps connects within what venues allow.
    pub dialling: Arc<Dialling>,
    /// Ends the connection.
    pub shutdown: CancellationToken,
}

struct Supervisor<W> {
    machine: Box<dyn Machine>,
    successor: Successor,
    /// From 0 to 1, by the connection's name: spreads what all would do at once.
    spread: f64,
    endpoints: Endpoints,
    context: Context,
    witness: W,
    actions: Actions,
    fetches: JoinSet<(Fetch, Result<Vec<u8>, String>)>,
}

/// Why a connection ended.
enum End {
    /// It is no longer wanted.
    Shutdown,
    /// It is gone, or the machine wants another one.
    Lost(String),
}

/// Keeps a venue connected until `context.shutdown`.
pub async fn run(machine: Box<dyn Machine>, endpoints: Endpoints, context: Context, witness: impl Witness) {
    let Limits { backoff_min_ms, backoff_max_ms, .. } = context.limits;
    let seed = Backoff::seed_of(witness.name());
    let mut backoff = Backoff::new(backoff_min_ms, backoff_max_ms, seed);
    let mut supervisor = Supervisor {
        machine,
        successor: Successor::Due(None),
        spread: (seed % 1_000) as f64 / 1_000.0,
        endpoints,
        context,
        witness,
        actions: Actions::new(),
        fetches: JoinSet::new(),
    };
    loop {
        if !supervisor.wanted().await {
            return;
        }
        let begun = Instant::now();
        let End::Lost(reason) = supervisor.connection().await else { return };
        if begun.elapsed() >= SETTLED {
            backoff.succeeded();
        }
        let wait = backoff.failed();
        tracing::warn!(feed = %supervisor.witness.name(), %reason, wait_ms = wait.as_millis() as u64, "the venue's connection is gone");
        if !supervisor.pause(wait).await {
            return;
        }
    }
}

impl<W: Witness> Supervisor<W> {
    /// One connection from its beginning to its end.
    async fn connection(&mut self) -> End {
        let Endpoints { stream, connects, .. } = &self.endpoints;
        let turn = self.context.dialling.turn(&host_of(stream), connects, self.now());
        if !turn.is_zero() && !self.pause(turn).await {
            return End::Shutdown;
        }
        let (shutdown, url) = (self.context.shutdown.clone(), self.dial_url());
        let opened = tokio::select! {
            opened = open(&url, self.context.limits) => opened,
            () = shutdown.cancelled() => return End::Shutdown,
        };
        let mut socket = match opened {
            Ok(socket) => socket,
            Err(reason) => {
                self.witness.cannot_connect(&url, &reason);
                return End::Lost(reason);
            }
        };
        self.witness.connected(&url);
        tracing::info!(feed = %self.witness.name(), "connected");
        self.machine.connected(self.now(), &mut self.actions);
        self.successor = Successor::of_life(self.endpoints.life, self.spread);
        let end = self.follow(&mut socket).await;
        self.successor = Successor::Due(None);
        self.fetches.abort_all();
        if let End::Lost(reason) = &end {
            self.machine.disconnected(self.now(), reason);
            self.witness.lost(reason);
        }
        // The other side is gone, or does not matter any more.
        let _ = timeout(Duration::from_millis(200), socket.close(None)).await;
        end
    }

    /// What the machine wants to dial; a path in the feed's URL goes before the venue's own.
    fn dial_url(&self) -> Url {
        let mut url = self.endpoints.stream.clone();
        let wanted = self.machine.dial();
        let (path, query) =
            wanted.split_once('?').map_or((&*wanted, None), |(path, query)| (path, Some(query)));
        if url.path().len() <= 1 && !path.is_empty() {
            url.set_path(path);
        }
        url.set_query(query);
        url
    }

    async fn follow(&mut self, socket: &mut VenueSocket) -> End {
        let shutdown = self.context.shutdown.clone();
        loop {
            if let Err(reason) = self.act(socket).await
                && !self.take_over(socket, &reason)
            {
                return End::Lost(reason);
            }
            self.witness.live(self.machine.is_live());
            let deadline = self.deadline();
            tokio::select! {
                message = socket.next() => {
                    if let Err(reason) = self.message(message)
                        && !self.take_over(socket, &reason)
                    {
                        return End::Lost(reason);
                    }
                }
                step = self.successor.step() => self.succeed(step, socket),
                Some(fetched) = self.fetches.join_next() => self.fetched(fetched),
                () = sleep_until(deadline) => self.machine.tick(self.now(), &mut self.actions),
                () = shutdown.cancelled() => return End::Shutdown,
            }
        }
    }

    fn message(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<(), String> {
        let bytes = match message {
            Some(Ok(Message::Text(text))) => {
                self.witness.text(&text);
                bytes::Bytes::from(text)
            }
            Some(Ok(Message::Binary(bytes))) => {
                self.witness.binary(&bytes);
                bytes
            }
            Some(Ok(Message::Close(frame))) => {
                // 1005 is what RFC 6455 has for a close frame without a code.
                let (code, reason) =
                    frame.as_ref().map_or((1005, ""), |f| (f.code.into(), f.reason.as_str()));
                self.witness.closed(code, reason);
                let said = frame.map(|frame| format!(" with {} {}", frame.code, frame.reason));
                return Err(format!("closed by the venue{}", said.unwrap_or_default()));
            }
            // Pings are answered by the codec.
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("ended by the venue".to_owned()),
        };
        let rx = self.now();
        self.machine.frame(rx, &mut Vec::from(bytes), &mut self.actions);
        Ok(())
    }

    fn fetched(&mut self, fetched: Result<(Fetch, Result<Vec<u8>, String>), tokio::task::JoinError>) {
        // One that was called off has nobody who waits for it.
        let Ok((fetch, result)) = fetched else { return };
        let rx = self.now();
        let url = self.fetch_url(&fetch);
        self.witness.fetched(&url, result.as_deref().map_err(String::as_str));
        match result {
            Ok(mut body) => self.machine.fetched(rx, &fetch, Ok(&mut body), &mut self.actions),
            Err(error) => {
                tracing::warn!(feed = %self.witness.name(), path = fetch.path, error, "nothing fetched");
                self.machine.fetched(rx, &fetch, Err(error), &mut self.actions);
            }
        }
    }

    /// Carries out what the machine asked for.
    async fn act(&mut self, socket: &mut VenueSocket) -> Result<(), String> {
        let actions: Vec<Action> = self.actions.drain().collect();
        for action in actions {
            match action {
                Action::Send(text) => {
                    self.witness.sent(&text);
                    let sent = match self.successor.socket() {
                        Some(second) => second.feed(Message::text(text)).await,
                        None => socket.feed(Message::text(text)).await,
                    };
                    // That of a second connection shows there, too.
                    if self.successor.socket().is_none() {
                        sent.map_err(|e| e.to_string())?;
                    }
                }
                Action::Fetch(fetch) => self.start_fetch(fetch),
                Action::Reconnect(reason) => {
                    // Nothing comes over the second one either, if there is one.
                    self.successor = Successor::Due(None);
                    return Err(reason);
                }
                Action::Renew(reason) if !self.endpoints.takes_over => return Err(reason),
                Action::Renew(reason) => {
                    tracing::info!(feed = %self.witness.name(), %reason, "a second connection is wanted");
                    self.successor.want();
                }
            }
        }
        // Also what the codec wants to answer.
        if let Some(second) = self.successor.socket()
            && let Err(error) = second.flush().await
        {
            self.lose_successor(&error.to_string());
        }
        socket.flush().await.map_err(|e| e.to_string())
    }

    fn start_fetch(&mut self, wanted: Fetch) {
        let rest = self.endpoints.rest.clone();
        let Limits { message_bytes_max: max, fetch_timeout_ms: ms, .. } = self.context.limits;
        self.fetches.spawn(async move {
            let result = fetch(&rest, &wanted.path, max, ms).await;
            (wanted, result.map_err(|error| error.to_string()))
        });
    }

    /// All of what is fetched.
    fn fetch_url(&self, fetch: &Fetch) -> String {
        let base = self.endpoints.rest.as_str().trim_end_matches('/');
        format!("{base}{}", fetch.path)
    }

    /// Waits until there is anything to connect for, while the machine's time goes on; false if there never will be.
    async fn wanted(&mut self) -> bool {
        let shutdown = self.context.shutdown.clone();
        while !self.machine.is_wanted() {
            self.witness.live(self.machine.is_live());
            let deadline = self.deadline();
            tokio::select! {
                () = shutdown.cancelled() => return false,
                () = sleep_until(deadline) => self.machine.tick(self.now(), &mut self.actions),
            }
            // Without a connection there is nothing to carry out.
            self.actions.drain().for_each(drop);
        }
        true
    }

    /// Waits before the next attempt, while the machine's time goes on; false if there is to be none.
    async fn pause(&mut self, wait: Duration) -> bool {
        let shutdown = self.context.shutdown.clone();
        let over = sleep(wait);
        tokio::pin!(over);
        loop {
            let deadline = self.deadline();
            tokio::select! {
                () = &mut over => return true,
                () = shutdown.cancelled() => return false,
                () = sleep_until(deadline) => self.machine.tick(self.now(), &mut self.actions),
            }
            // Without a connection there is nothing to carry out.
            self.actions.drain().for_each(drop);
        }
    }

    fn deadline(&self) -> Instant {
        let now = self.now();
        let us = self.machine.deadline().map_or(3_600_000_000, |deadline: Micros| deadline.since(now));
        Instant::now() + Duration::from_micros(us)
    }

    fn now(&self) -> Micros {
        (self.context.now)()
    }
}

async fn open(url: &Url, limits: Limits) -> Result<VenueSocket, String> {
    let opened = connect::websocket(url, limits.message_bytes_max);
    match timeout(Duration::from_millis(limits.connect_timeout_ms), opened).await {
        Ok(opened) => opened.map_err(|error: ConnectError| error.to_string()),
        Err(_) => Err(format!("no connection within {} ms", limits.connect_timeout_ms)),
    }
}
