//! Tick lines over TCP: the broker dials a publisher, or publishers dial the broker.

use super::backoff::Backoff;
use super::lines::Lines;
use super::{Context, FeedStatus};
use feed::machine::{Actions, Machine};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const READ_BYTES: usize = 64 * 1024;
/// How often the machine's time goes on.
const TICK: Duration = Duration::from_millis(100);
/// A connection that lasted this long was a success: the next wait is short again.
const SETTLED: Duration = Duration::from_secs(10);

/// A machine that several publishers feed. Its lock is held for one read's lines at a time.
struct Shared {
    machine: Mutex<Box<dyn Machine>>,
    context: Context,
    status: Arc<FeedStatus>,
}

/// Dials a publisher, again and again, until the broker shuts down.
pub(crate) async fn dial(
    machine: Box<dyn Machine>,
    address: String,
    context: Context,
    status: Arc<FeedStatus>,
) {
    let shared = Arc::new(Shared::new(machine, context, status));
    tokio::select! {
        () = Arc::clone(&shared).dial_for_ever(&address) => {}
        () = shared.ticks() => {}
        () = shared.context.shutdown.cancelled() => {}
    }
}

/// Accepts publishers until the broker shuts down.
pub(crate) async fn listen(
    machine: Box<dyn Machine>,
    listener: TcpListener,
    context: Context,
    status: Arc<FeedStatus>,
) {
    let shared = Arc::new(Shared::new(machine, context, status));
    tokio::select! {
        () = Arc::clone(&shared).accept_for_ever(listener) => {}
        () = shared.ticks() => {}
        () = shared.context.shutdown.cancelled() => {}
    }
}

impl Shared {
    fn new(machine: Box<dyn Machine>, context: Context, status: Arc<FeedStatus>) -> Self {
        Self { machine: Mutex::new(machine), context, status }
    }

    async fn dial_for_ever(self: Arc<Self>, address: &str) {
        let limits = &self.context.limits;
        let seed = Backoff::seed_of(self.status.url());
        let mut backoff = Backoff::new(limits.backoff_min_ms, limits.backoff_max_ms, seed);
        loop {
            let begun = Instant::now();
            let reason = match self.dial_once(address).await {
                Ok(()) => "ended by the publisher".to_owned(),
                Err(error) => error.to_string(),
            };
            if begun.elapsed() >= SETTLED {
                backoff.succeeded();
            }
            self.status.not_live(reason.as_str());
            let wait = backoff.failed();
            let wait_ms = wait.as_millis() as u64;
            tracing::warn!(feed = %self.status.url(), %reason, wait_ms, "no publisher");
            sleep(wait).await;
        }
    }

    async fn dial_once(&self, address: &str) -> io::Result<()> {
        let limit = Duration::from_millis(self.context.limits.upstream_connect_timeout_ms);
        let dialed = timeout(limit, TcpStream::connect(address)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        let stream = dialed.inspect_err(|_| self.status.connect_failures.up())?;
        self.connected();
        let result = self.read(stream).await;
        let reason = result.as_ref().err().map_or_else(|| "ended by the publisher".to_owned(), ToString::to_string);
        self.disconnected(&reason);
        result
    }

    /// The feed is connected as long as it listens: publishers come and go.
    async fn accept_for_ever(self: Arc<Self>, listener: TcpListener) {
        let mut publishers = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = publishers.join_next() => {
                    if publishers.is_empty() {
                        self.disconnected("no publisher is connected");
                        self.status.not_live("no publisher is connected");
                    }
                    continue;
                }
            };
            match accepted {
                Ok((_, peer)) if publishers.len() >= self.context.limits.tick_publishers_max => {
                    tracing::warn!(feed = %self.status.url(), %peer, "refused: tick_publishers_max is reached");
                }
                Ok((stream, peer)) => {
                    if publishers.is_empty() {
                        self.connected();
                    }
                    tracing::info!(feed = %self.status.url(), %peer, "a publisher is connected");
                    let shared = Arc::clone(&self);
                    publishers.spawn(async move {
                        // How one publisher ends does not matter to the others.
                        if let Err(error) = shared.read(stream).await {
                            tracing::warn!(feed = %shared.status.url(), %peer, %error, "a publisher is gone");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(feed = %self.status.url(), %error, "a publisher could not be accepted");
                    sleep(TICK).await;
                }
            }
        }
    }

    async fn read(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut lines = Lines::new(self.context.limits.tick_line_bytes_max);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                read => self.take(&mut lines, &buffer[..read]),
            }
        }
    }

    fn take(&self, lines: &mut Lines, bytes: &[u8]) {
        let rx = self.context.clock.now();
        let mut machine = self.machine();
        let mut actions = Actions::new();
        lines.take(bytes, |line| match line {
            Ok(line) => machine.frame(rx, line, &mut actions),
            Err(_) => {
                machine.counters().faults(feed::counters::Fault::Malformed).up();
                let max = self.context.limits.tick_line_bytes_max;
                tracing::warn!(feed = %self.status.url(), max, "a line longer than tick_line_bytes_max is passed over");
            }
        });
        if machine.is_live() {
            drop(machine);
            self.status.live();
        }
    }

    fn connected(&self) {
        self.status.connects.up();
        self.machine().connected(self.context.clock.now(), &mut Actions::new());
        // It has no symbols of its own to wait for.
        self.status.live();
    }

    fn disconnected(&self, reason: &str) {
        self.machine().disconnected(self.context.clock.now(), reason);
    }

    async fn ticks(&self) {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            let now = self.context.clock.now();
            let mut machine = self.machine();
            if machine.deadline().is_some_and(|deadline| deadline <= now) {
                machine.tick(now, &mut Actions::new());
            }
        }
    }

    fn machine(&self) -> MutexGuard<'_, Box<dyn Machine>> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
