//! Tick lines over TCP: the broker dials a publisher, or publishers dial the broker.

use super::lines::Lines;
use super::{Context, FeedStatus};
use crate::fanout::hold_wakes;
use crate::seldom::Seldom;
use feed::counters::Fault;
use feed::machine::{Actions, Machine};
use feed::ticks::{ConnectionId, Ticks};
use link::Backoff;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const READ_BYTES: usize = 64 * 1024;
/// How often the machine's time goes on.
const TICK: Duration = Duration::from_millis(100);
/// A publisher that says nothing is asked this often whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// A connection that lasted this long was a success: the next wait is short again.
const SETTLED: Duration = Duration::from_secs(10);

/// A machine that several publishers feed. Its lock is held for one read's lines at a time.
struct Shared {
    machine: Mutex<Ticks>,
    /// Publishers that are connected.
    open: AtomicUsize,
    context: Context,
    status: Arc<FeedStatus>,
}

/// Dials a publisher, again and again, until the broker shuts down.
pub(crate) async fn dial(machine: Ticks, address: String, context: Context, status: Arc<FeedStatus>) {
    let shared = Arc::new(Shared::new(machine, context, status));
    tokio::select! {
        () = Arc::clone(&shared).dial_for_ever(&address) => {}
        () = shared.ticks() => {}
        () = shared.context.shutdown.cancelled() => {}
    }
}

/// Accepts publishers until the broker shuts down.
pub(crate) async fn listen(
    machine: Ticks,
    listener: std::net::TcpListener,
    context: Context,
    status: Arc<FeedStatus>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(feed = %status.url(), %error, "cannot listen");
            return status.not_live(error.to_string());
        }
    };
    let shared = Arc::new(Shared::new(machine, context, status));
    tokio::select! {
        () = Arc::clone(&shared).accept_for_ever(listener) => {}
        () = shared.ticks() => {}
        () = shared.context.shutdown.cancelled() => {}
    }
}

impl Shared {
    fn new(machine: Ticks, context: Context, status: Arc<FeedStatus>) -> Self {
        Self { machine: Mutex::new(machine), open: AtomicUsize::new(0), context, status }
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
        let dialed = timeout(limit, TcpStream::connect(address)).await;
        let dialed = dialed.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        let stream = dialed.inspect_err(|_| self.status.connect_failures.up())?;
        self.publisher(0, stream).await
    }

    /// The feed is live as long as it listens: publishers come and go.
    async fn accept_for_ever(self: Arc<Self>, listener: TcpListener) {
        self.status.live();
        let (mut publishers, mut connection) = (JoinSet::new(), 0);
        let mut complaints = Seldom::each_second();
        let feed = self.status.url();
        loop {
            let accepted = listener.accept().await;
            // Those that have ended make room.
            while publishers.try_join_next().is_some() {}
            match accepted {
                Ok((_, peer)) if publishers.len() >= self.context.limits.tick_publishers_max => complaints
                    .log(|more| tracing::warn!(feed, %peer, more, "refused: tick_publishers_max is reached")),
                Ok((stream, peer)) => {
                    connection += 1;
                    publishers.spawn(Arc::clone(&self).accepted(connection, stream, peer));
                }
                Err(error) => {
                    complaints
                        .log(|more| tracing::warn!(feed, %error, more, "a publisher could not be accepted"));
                    sleep(TICK).await;
                }
            }
        }
    }

    /// How one publisher ends does not matter to the others.
    async fn accepted(self: Arc<Self>, connection: ConnectionId, stream: TcpStream, peer: SocketAddr) {
        let feed = self.status.url();
        tracing::debug!(feed, %peer, "a publisher is connected");
        match self.publisher(connection, stream).await {
            Ok(()) => tracing::debug!(feed, %peer, "a publisher has ended"),
            Err(error) => tracing::debug!(feed, %peer, %error, "a publisher is gone"),
        }
    }

    /// One publisher's connection from its beginning to its end.
    async fn publisher(&self, connection: ConnectionId, stream: TcpStream) -> io::Result<()> {
        self.status.connects.up();
        // One that is gone without a word must not keep its place for ever.
        SockRef::from(&stream)
            .set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))?;
        self.machine().opened(self.context.clock.now());
        self.open.fetch_add(1, Ordering::AcqRel);
        self.status.live();
        let result = self.read(connection, stream).await;
        let was_last = self.open.fetch_sub(1, Ordering::AcqRel) == 1;
        let reason = match &result {
            Ok(()) => "ended by the publisher".to_owned(),
            Err(error) => error.to_string(),
        };
        self.machine().closed(connection, self.context.clock.now(), &reason, was_last);
        result
    }

    async fn read(&self, connection: ConnectionId, mut stream: TcpStream) -> io::Result<()> {
        let mut lines = Lines::new(self.context.limits.tick_line_bytes_max);
        let mut buffer = vec![0; READ_BYTES];
        let mut complaints = Seldom::each_second();
        loop {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                read => {
                    hold_wakes(|| self.take(connection, &mut lines, &buffer[..read], &mut complaints));
                }
            }
        }
    }

    fn take(&self, connection: ConnectionId, lines: &mut Lines, bytes: &[u8], complaints: &mut Seldom) {
        let rx = self.context.clock.now();
        let mut machine = self.machine();
        lines.take(bytes, |line| match line {
            Ok(line) => machine.line(connection, rx, line),
            Err(_) => {
                machine.counters().faults(Fault::Malformed).up();
                let (feed, bytes_max) = (self.status.url(), self.context.limits.tick_line_bytes_max);
                complaints.log(|more| {
                    tracing::warn!(feed, bytes_max, more, "a line that is too long is passed over")
                });
            }
        });
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

    fn machine(&self) -> MutexGuard<'_, Ticks> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
