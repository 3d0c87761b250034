//! What a worker does by itself: connect, retry, trickle, leave and come back.

use super::{IDLE_MAX, Storm, Worker, now_us};
use crate::connection::{Connection, End, Stage};
use crate::phase::Phase;
use crate::plan::Behaviour;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Connections of one thread that connect at the same time.
const OPENING_MAX: usize = 128;
/// Attempts to connect before a connection is given up.
const ATTEMPTS_MAX: u32 = 6;
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// From `connect` to live.
const OPENING_TIME_MAX: Duration = Duration::from_secs(20);
/// From leaving to the server's close.
const LEAVING_TIME_MAX: Duration = Duration::from_secs(5);
/// A trickling connection reads this many bytes each [`TRICKLE_EVERY`].
const TRICKLE_BYTES: usize = 1024;
const TRICKLE_EVERY: Duration = Duration::from_secs(1);
/// Connections that are tried when one is looked for that can leave.
const CHURN_TRIES: usize = 64;

/// Something to do at its time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    /// Try to connect (again).
    Connect(usize),
    /// Give up what takes too long.
    Overdue { index: usize, generation: u32 },
    /// Read a little.
    Trickle { index: usize, generation: u32 },
    /// Let one connection leave and come back.
    Churn,
    /// Compare some topics with fresh snapshots.
    Compare,
    /// Cut some connections.
    Cut,
    /// Open a connection that was cut.
    Return(usize),
    /// Say what dialects want to hear from time to time.
    KeepAlive,
}

/// How often connections leave.
#[derive(Debug)]
pub(super) struct Churn {
    every: Duration,
    clean: bool,
}

impl Worker {
    pub(super) fn run_tasks(&mut self) {
        let now = Instant::now();
        while let Some((at, task)) = self.timers.due(now) {
            match task {
                Task::Connect(index) => self.retry(index),
                Task::Overdue { index, generation } => self.overdue(index, generation),
                Task::Trickle { index, generation } => self.trickle(index, generation, at),
                Task::Churn => self.churn(at),
                Task::Compare => self.compare_some(at),
                Task::Cut => self.cut_some(),
                Task::Return(index) => self.return_at(index, at),
                Task::KeepAlive => self.keep_alive(at),
            }
        }
    }

    /// Where opening connections is spread over some time, each has its own.
    pub(super) fn begin_ramp(&mut self) {
        if self.receiver.plan.ramp_up.is_zero() {
            return;
        }
        let start = Instant::now();
        for index in self.queue.drain(..) {
            let after = self.receiver.plan.opens_after(self.connections[index].session.client.number);
            self.timers.schedule(start + after, Task::Connect(index));
        }
    }

    pub(super) fn connect_some(&mut self) {
        while self.opening < self.opening_max(OPENING_MAX) {
            let Some(index) = self.queue.pop_front() else { return };
            // Or it was given up while it waited to try again.
            if !matches!(self.connections[index].session.stage, Stage::Gone) {
                self.open(index);
            }
        }
    }

    /// Begins to connect.
    pub(super) fn open(&mut self, index: usize) {
        self.opening += 1;
        self.connections[index].session.attempts += 1;
        self.later(OPENING_TIME_MAX, |generation| Task::Overdue { index, generation }, index);
        let connection = &mut self.connections[index];
        let number = connection.session.client.number;
        let (target, source) = (self.receiver.plan.target(number), self.receiver.plan.source(number));
        let connected = connection.connect(target, source).map(|_| ());
        let registered = connected.and_then(|()| self.register(index));
        self.settle(index, registered.map_err(End::Io));
    }

    /// A connection became live, or as much so as one that hardly reads can be.
    pub(super) fn settled(&mut self, index: usize) {
        self.opening -= 1;
        self.board.settled.fetch_add(1, Ordering::Relaxed);
        if self.connections[index].session.client.behaviour == Behaviour::Trickling {
            self.later(TRICKLE_EVERY, |generation| Task::Trickle { index, generation }, index);
        }
    }

    /// Takes the outcome of something that was done to a connection.
    pub(super) fn settle(&mut self, index: usize, outcome: Result<(), End>) {
        let Err(end) = outcome else { return };
        let connection = &mut self.connections[index];
        let was_settled = connection.session.is_settled();
        let was_leaving = matches!(connection.session.stage, Stage::Closing | Stage::Unsubscribing);
        if let Some(verifier) = self.receiver.verifiers.of(connection.session.client.channel) {
            verifier.forget(&connection.session.watched);
        }
        if let Some(follower) = &self.receiver.follower {
            follower.lost(&mut connection.session.followed, now_us());
        }
        connection.reset();
        if was_settled {
            self.board.settled.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.opening -= 1;
        }
        let tally = &mut self.receiver.tally;
        match &end {
            End::Left => tally.churned += 1,
            other if was_settled => {
                tally.ends.count(&other.to_string());
                // It was about to leave; that the server was quicker is no reason to stay away.
                tally.churned += u64::from(was_leaving);
            }
            other => tally.failures.count(&other.to_string()),
        }
        self.come_back(index, &end, was_settled);
    }

    fn come_back(&mut self, index: usize, end: &End, was_settled: bool) {
        let session = &mut self.connections[index].session;
        let given_up = session.attempts >= ATTEMPTS_MAX && !was_settled;
        if given_up || !may_reconnect(end) {
            session.stage = Stage::Gone;
            self.board.gone.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let wait = match (session.reconnect_in.take(), end) {
            (Some(wait), _) => wait,
            (None, End::Left) => Duration::ZERO,
            (None, _) => FIRST_RETRY * 2_u32.saturating_pow(session.attempts.saturating_sub(1)),
        };
        let jitter = wait.mul_f64(self.receiver.random.unit() / 2.0);
        self.timers.schedule(Instant::now() + wait + jitter, Task::Connect(index));
    }

    fn overdue(&mut self, index: usize, generation: u32) {
        let session = &self.connections[index].session;
        if session.generation != generation {
            return;
        }
        let end = match session.stage {
            Stage::Connecting => "connecting took more than 20 s",
            Stage::Upgrading(_) => "no answer to the upgrade within 20 s",
            Stage::Subscribing if !session.is_settled() => "no reply to the subscription within 20 s",
            Stage::Unsubscribing => "no reply to the unsubscription within 5 s",
            Stage::Closing => "no answer to the close within 5 s",
            _ => return,
        };
        self.settle(index, Err(End::TimedOut(end)));
    }

    fn trickle(&mut self, index: usize, generation: u32, at: Instant) {
        if self.connections[index].session.generation != generation {
            return;
        }
        self.receiver.tally.began(at.elapsed());
        match self.read_once(index, TRICKLE_BYTES, now_us()) {
            Ok(_) => self.timers.schedule(at + TRICKLE_EVERY, Task::Trickle { index, generation }),
            Err(end) => self.settle(index, Err(end)),
        }
    }

    pub(super) fn notice_phase(&mut self) {
        let phase = self.course.phase();
        if phase == self.phase {
            return;
        }
        self.phase = phase;
        match phase {
            Phase::Connecting => {}
            Phase::Running => self.begin_running(),
            Phase::Storming => self.begin_storm(),
            Phase::Checking => self.begin_checking(),
            Phase::Ending => self.end(),
        }
    }

    fn begin_running(&mut self) {
        if !self.storm.as_ref().is_some_and(Storm::is_fresh) {
            self.give_up_on_absent();
        }
        let each_minute = self.receiver.plan.churn.0 * self.prompt_count();
        if each_minute > 0.0 {
            let every = Duration::from_secs_f64(60.0 / each_minute);
            self.churn = Some(Churn { every, clean: true });
            self.timers.schedule(Instant::now() + every, Task::Churn);
        }
        if !self.receiver.verifiers.is_empty() {
            self.timers.schedule(Instant::now() + super::compare::EVERY, Task::Compare);
        }
        if self.receiver.plan.dialect.is_some() {
            self.timers.schedule(Instant::now() + super::dialect::KEEP_ALIVE_EVERY, Task::KeepAlive);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of connections are small")]
    fn prompt_count(&self) -> f64 {
        let prompt = |connection: &&Connection| connection.session.client.behaviour == Behaviour::Prompt;
        self.connections.iter().filter(prompt).count() as f64
    }

    /// The time for connecting is over: who was not live by now does not take part.
    fn give_up_on_absent(&mut self) {
        for index in 0..self.connections.len() {
            let session = &self.connections[index].session;
            if session.is_settled() || session.was_live || matches!(session.stage, Stage::Gone) {
                continue;
            }
            if self.connections[index].stream.is_some() {
                self.opening -= 1;
            }
            self.connections[index].reset();
            self.connections[index].session.stage = Stage::Gone;
            self.receiver.tally.failures.count("not connected when the time for connecting was over");
            self.board.gone.fetch_add(1, Ordering::Relaxed);
        }
        let connections = &self.connections;
        self.queue.retain(|index| !matches!(connections[*index].session.stage, Stage::Gone));
    }

    fn churn(&mut self, at: Instant) {
        let Some(churn) = &mut self.churn else { return };
        if self.phase != Phase::Running {
            return;
        }
        churn.clean = !churn.clean;
        let (clean, every) = (churn.clean, churn.every);
        self.timers.schedule(at + every, Task::Churn);
        self.receiver.tally.began(at.elapsed());
        let Some(index) = self.leaver() else { return };
        if clean {
            self.leave(index);
        } else {
            self.connections[index].abort_on_drop();
            self.settle(index, Err(End::Left));
        }
    }

    /// A live connection that reads promptly, at random.
    fn leaver(&mut self) -> Option<usize> {
        let Self { connections, receiver, .. } = self;
        (0..CHURN_TRIES).map(|_| receiver.random.below(connections.len())).find(|index| {
            let session = &connections[*index].session;
            matches!(session.stage, Stage::Live) && session.client.behaviour == Behaviour::Prompt
        })
    }

    /// Leaves with a close; when verifying, first unsubscribes, since nothing may follow the reply to that.
    fn leave(&mut self, index: usize) {
        self.later(LEAVING_TIME_MAX, |generation| Task::Overdue { index, generation }, index);
        let receiver = &mut self.receiver;
        let session = &mut self.connections[index].session;
        if !receiver.verifiers.is_empty() {
            session.unsubscribe(&receiver.plan, &mut receiver.random);
        } else {
            session.stage = Stage::Closing;
            session.close(1000, &mut receiver.random);
        }
        let flushed = self.connections[index].flush();
        self.settle(index, flushed);
    }

    fn end(&mut self) {
        for connection in &mut self.connections {
            if connection.session.is_settled() {
                connection.session.close(1000, &mut self.receiver.random);
                // The run is over: a socket that takes no close frame is dropped without one.
                let _ = connection.flush();
            }
        }
    }

    fn later(&mut self, wait: Duration, task: impl FnOnce(u32) -> Task, index: usize) {
        let generation = self.connections[index].session.generation;
        self.timers.schedule(Instant::now() + wait.max(IDLE_MAX), task(generation));
    }
}

/// By the protocol's close codes: 1001, 1013 and 4000 to 4499 ask to reconnect, other codes not to.
fn may_reconnect(end: &End) -> bool {
    match end {
        End::Closed { code, .. } => matches!(code, 1001 | 1012 | 1013 | 4000..=4499),
        End::Frame(_) => false,
        _ => true,
    }
}
