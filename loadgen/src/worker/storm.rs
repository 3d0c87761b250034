//! What a worker does in a storm: it cuts all its connections at once, and opens each again at its own time.

use super::schedule::Task;
use super::{Worker, now_us};
use crate::cli::Cut;
use crate::connection::Stage;
use crate::cpu;
use crate::failure::Reasons;
use crate::storm::{Comeback, Times};
use crate::timers::Timers;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Connections that are cut before those whose time has come are opened.
const CUT_AT_ONCE: usize = 64;
/// A storm's turn is shorter than others, so that connections are opened in time.
const TURN_MAX: Duration = Duration::from_millis(5);

/// A worker's part in a storm.
#[derive(Debug)]
pub struct Storm {
    cut: Option<Cut>,
    within: Duration,
    connections: u32,
    began: Option<Began>,
}

/// A storm that goes on.
#[derive(Debug)]
struct Began {
    at: Instant,
    at_us: u64,
    /// Connections that were cut, from the first one on.
    cut: usize,
    /// How long that took.
    cut_time: Duration,
    retries: u64,
    earlier_failures: Reasons,
    earlier_ends: Reasons,
}

impl Storm {
    /// All `connections`, of whatever thread, are cut in this way (none: they were not there yet), and come back evenly
    /// spread over `within`.
    #[must_use]
    pub const fn new(cut: Option<Cut>, within: Duration, connections: u32) -> Self {
        Self { cut, within, connections, began: None }
    }

    /// Whether all connect for the first time.
    pub(super) const fn is_fresh(&self) -> bool {
        self.cut.is_none()
    }

    /// When the connection of this number comes back, after the cut.
    fn due(&self, number: u32) -> Duration {
        self.within * number / self.connections.max(1)
    }
}

impl Began {
    fn new(at_us: u64) -> Self {
        Self {
            at: Instant::now() + Duration::from_micros(at_us.saturating_sub(now_us())),
            at_us,
            cut: 0,
            cut_time: Duration::ZERO,
            retries: 0,
            earlier_failures: Reasons::default(),
            earlier_ends: Reasons::default(),
        }
    }
}

impl Worker {
    /// The time of the cut is known: from here on each connection has its time.
    pub(super) fn begin_storm(&mut self) {
        let Some(storm) = &mut self.storm else { return };
        let began = storm.began.insert(Began::new(self.course.window_us().0));
        let tally = &mut self.receiver.tally;
        began.earlier_failures = std::mem::take(&mut tally.failures);
        began.earlier_ends = std::mem::take(&mut tally.ends);
        let at = began.at;
        // Who waited to try again comes back with the others.
        self.queue.clear();
        self.timers = Timers::default();
        self.timers.schedule(at, Task::Cut);
        for (index, connection) in self.connections.iter().enumerate() {
            self.timers.schedule(at + storm.due(connection.session.client.number), Task::Return(index));
        }
    }

    /// Cuts the next connections, and goes on with the others when those were opened whose time has come.
    pub(super) fn cut_some(&mut self) {
        let Some(began) = self.storm.as_ref().and_then(|storm| storm.began.as_ref()) else { return };
        let end = (began.cut + CUT_AT_ONCE).min(self.connections.len());
        self.cut_up_to(end);
        if end < self.connections.len() {
            self.timers.schedule(Instant::now(), Task::Cut);
        }
    }

    /// Opens a connection at its time.
    pub(super) fn return_at(&mut self, index: usize, at: Instant) {
        self.cut_up_to(index + 1);
        self.receiver.tally.began(at.elapsed());
        self.open(index);
    }

    /// A connection tries again.
    pub(super) fn retry(&mut self, index: usize) {
        if let Some(began) = self.storm.as_mut().and_then(|storm| storm.began.as_mut()) {
            began.retries += 1;
        }
        self.queue.push_back(index);
    }

    /// How many connections may be opening: in a storm all of them, since each has its time.
    pub(super) fn opening_max(&self, usual: usize) -> usize {
        if self.is_storming() { usize::MAX } else { usual }
    }

    /// How long a turn may read.
    pub(super) fn turn_max(&self, usual: Duration) -> Duration {
        if self.is_storming() { TURN_MAX } else { usual }
    }

    /// How the connections came back, if they were to.
    pub(super) fn comeback(&mut self) -> Option<Comeback> {
        let storm = self.storm.take()?;
        let follower = self.receiver.follower.take()?;
        let sessions = self.connections.iter().map(|connection| &connection.session);
        let mut comeback = Comeback {
            times: sessions.map(|session| (session.client.number, session.followed.times)).collect(),
            nice: cpu::niceness_of_thread(),
            frames: follower.frames,
            faults: follower.faults,
            ..Comeback::default()
        };
        if let Some(began) = storm.began {
            comeback.retries = began.retries;
            comeback.cut_time = began.cut_time;
            comeback.earlier_failures = began.earlier_failures;
            comeback.earlier_ends = began.earlier_ends;
        }
        Some(comeback)
    }

    fn is_storming(&self) -> bool {
        self.storm.as_ref().is_some_and(|storm| storm.began.is_some())
    }

    fn cut_up_to(&mut self, end: usize) {
        while let Some(began) = self.storm.as_mut().and_then(|storm| storm.began.as_mut())
            && began.cut < end
        {
            let index = began.cut;
            began.cut += 1;
            began.cut_time = began.at.elapsed();
            self.cut(index);
        }
    }

    /// The connection is lost to the server, and knows when it is to come back.
    fn cut(&mut self, index: usize) {
        let Some(storm) = &self.storm else { return };
        let Some(began) = &storm.began else { return };
        let connection = &mut self.connections[index];
        if storm.cut == Some(Cut::Reset) {
            connection.abort_on_drop();
        }
        if connection.session.is_settled() {
            self.board.settled.fetch_sub(1, Ordering::Relaxed);
        } else if connection.stream.is_some() {
            self.opening -= 1;
        } else if matches!(connection.session.stage, Stage::Gone) {
            self.board.gone.fetch_sub(1, Ordering::Relaxed);
        }
        connection.reset();
        let due = storm.due(connection.session.client.number);
        let due_us = began.at_us + u64::try_from(due.as_micros()).unwrap_or(u64::MAX);
        connection.session.attempts = 0;
        connection.session.followed.times = Times { due_us: Some(due_us), ..Times::default() };
    }
}
