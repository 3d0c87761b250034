//! A venue over its WebSocket: dials, carries out what the machine asks, and dials again when the connection is gone.

use super::backoff::Backoff;
use super::connect::{self, ConnectError, VenueSocket, host_of};
use super::fetch::fetch;
use super::{Context, FeedStatus};
use crate::config::Limits;
use feed::machine::{Action, Actions, Fetch, Machine};
use feed::pacer::Pacer;
use futures_util::{SinkExt, StreamExt};
use schemas::model::Micros;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tungstenite::Message;
use url::Url;

/// A connection that lasted this long was a success: the next wait is short again.
const SETTLED: Duration = Duration::from_secs(10);

/// Where a venue is.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// Its WebSocket; the machine says which path.
    pub(crate) stream: Url,
    /// Its REST interface.
    pub(crate) rest: Url,
    /// How often it may be dialled.
    pub(crate) connects: Pacer,
}

struct Supervisor {
    machine: Box<dyn Machine>,
    endpoints: Endpoints,
    context: Context,
    status: Arc<FeedStatus>,
    actions: Actions,
    fetches: JoinSet<(Fetch, Result<Vec<u8>, String>)>,
}

/// Why a connection ended.
enum End {
    /// The broker shuts down.
    Shutdown,
    /// It is gone, or the machine wants another one.
    Lost(String),
}

/// Keeps a venue connected until the broker shuts down.
pub(crate) async fn run(
    machine: Box<dyn Machine>,
    endpoints: Endpoints,
    context: Context,
    status: Arc<FeedStatus>,
) {
    let limits = &context.limits;
    let seed = Backoff::seed_of(status.url());
    let mut backoff = Backoff::new(limits.backoff_min_ms, limits.backoff_max_ms, seed);
    let mut supervisor =
        Supervisor { machine, endpoints, context, status, actions: Actions::new(), fetches: JoinSet::new() };
    loop {
        let begun = Instant::now();
        let End::Lost(reason) = supervisor.connection().await else { return };
        if begun.elapsed() >= SETTLED {
            backoff.succeeded();
        }
        let wait = backoff.failed();
        tracing::warn!(feed = %supervisor.status.url(), %reason, wait_ms = wait.as_millis() as u64, "the venue's connection is gone");
        if !supervisor.pause(wait).await {
            return;
        }
    }
}

impl Supervisor {
    /// One connection from its beginning to its end.
    async fn connection(&mut self) -> End {
        let Endpoints { stream, connects, .. } = &self.endpoints;
        let turn = self.context.dialling.turn(&host_of(stream), connects, self.now());
        if !turn.is_zero() && !self.pause(turn).await {
            return End::Shutdown;
        }
        let shutdown = self.context.shutdown.clone();
        let opened = tokio::select! {
            opened = open(self.dial_url(), Arc::clone(&self.context.limits)) => opened,
            () = shutdown.cancelled() => return End::Shutdown,
        };
        let mut socket = match opened {
            Ok(socket) => socket,
            Err(reason) => {
                self.status.connect_failures.up();
                self.status.not_live(reason.as_str());
                return End::Lost(reason);
            }
        };
        self.status.connects.up();
        tracing::info!(feed = %self.status.url(), "connected");
        self.machine.connected(self.now(), &mut self.actions);
        let end = self.follow(&mut socket).await;
        self.fetches.abort_all();
        if let End::Lost(reason) = &end {
            self.machine.disconnected(self.now(), reason);
            self.status.not_live(reason.as_str());
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
            if let Err(reason) = self.act(socket).await {
                return End::Lost(reason);
            }
            self.tell_status();
            let deadline = self.deadline();
            tokio::select! {
                message = socket.next() => {
                    if let Err(reason) = self.message(message) {
                        return End::Lost(reason);
                    }
                }
                Some(fetched) = self.fetches.join_next() => self.fetched(fetched),
                () = sleep_until(deadline) => self.machine.tick(self.now(), &mut self.actions),
                () = shutdown.cancelled() => return End::Shutdown,
            }
        }
    }

    fn message(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<(), String> {
        let bytes = match message {
            Some(Ok(Message::Text(text))) => bytes::Bytes::from(text),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Close(frame))) => {
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
        match result {
            Ok(mut body) => self.machine.fetched(rx, &fetch, Ok(&mut body), &mut self.actions),
            Err(error) => {
                tracing::warn!(feed = %self.status.url(), path = fetch.path, error, "nothing fetched");
                self.machine.fetched(rx, &fetch, Err(error), &mut self.actions);
            }
        }
    }

    /// Carries out what the machine asked for.
    async fn act(&mut self, socket: &mut VenueSocket) -> Result<(), String> {
        let actions: Vec<Action> = self.actions.drain().collect();
        for action in actions {
            match action {
                Action::Send(text) => socket.feed(Message::text(text)).await.map_err(|e| e.to_string())?,
                Action::Fetch(fetch) => self.start_fetch(fetch),
                Action::Reconnect(reason) => return Err(reason),
            }
        }
        // Also what the codec wants to answer.
        socket.flush().await.map_err(|e| e.to_string())
    }

    fn start_fetch(&mut self, wanted: Fetch) {
        let rest = self.endpoints.rest.clone();
        let limits = Arc::clone(&self.context.limits);
        self.fetches.spawn(async move {
            let (max, ms) = (limits.upstream_message_bytes_max, limits.upstream_fetch_timeout_ms);
            let result = fetch(&rest, &wanted.path, max, ms).await;
            (wanted, result.map_err(|error| error.to_string()))
        });
    }

    /// Waits before the next attempt, while the machine's time goes on; false if the broker shuts down.
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

    fn tell_status(&self) {
        if self.machine.is_live() {
            self.status.live();
        } else {
            self.status.not_live("not all symbols are live");
        }
    }

    fn deadline(&self) -> Instant {
        let now = self.now();
        let us = self.machine.deadline().map_or(3_600_000_000, |deadline: Micros| deadline.since(now));
        Instant::now() + Duration::from_micros(us)
    }

    fn now(&self) -> Micros {
        self.context.clock.now()
    }
}

async fn open(url: Url, limits: Arc<Limits>) -> Result<VenueSocket, String> {
    let opened = connect::websocket(&url, limits.upstream_message_bytes_max);
    match timeout(Duration::from_millis(limits.upstream_connect_timeout_ms), opened).await {
        Ok(opened) => opened.map_err(|error: ConnectError| error.to_string()),
        Err(_) => Err(format!("no connection within {} ms", limits.upstream_connect_timeout_ms)),
    }
}
