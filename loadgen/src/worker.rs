//! A thread that receives: one poll loop over all its connections.

mod compare;
mod dialect;
mod schedule;
mod storm;

pub use storm::Storm;

use crate::class::Class;
use crate::connection::{Connection, End, Stage};
use crate::counted::Counted;
use crate::cpu::Spent;
use crate::phase::{Course, Phase, Place};
use crate::plan::{Behaviour, Client, Plan};
use crate::progress::Board;
use crate::publish::ahead::Ahead;
use crate::publish::link::LinkError;
use crate::random::Random;
use crate::receive::{Arrival, Receiver};
use crate::roll_call::RollCall;
use crate::storm::{Follower, Spells};
use crate::streak::Streaks;
use crate::tally::Tally;
use crate::timers::Timers;
use crate::verify::Verifiers;
use anyhow::Context as _;
use mio::{Events, Interest, Poll, Token, event::Event};
use schedule::{Churn, Task};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What one `recv` may return: whatever waits at a socket, usually.
const BUFFER_BYTES: usize = 64 << 10;
/// Events of one turn.
const EVENTS_MAX: usize = 1024;
/// How long a turn may read before timers, new connections and pongs have their time.
const TURN_MAX: Duration = Duration::from_millis(20);
/// How soon a new phase is noticed, at the latest.
const IDLE_MAX: Duration = Duration::from_millis(20);

/// A receiving thread.
#[derive(Debug)]
pub struct Worker {
    poll: Poll,
    connections: Vec<Connection>,
    receiver: Receiver,
    course: Arc<Course>,
    board: Arc<Board>,
    buffer: Box<[u8]>,
    timers: Timers<Task>,
    /// Connections whose turn to connect has not come.
    queue: VecDeque<usize>,
    /// Connections between `connect` and live.
    opening: usize,
    /// Connections at which bytes wait. No event tells of them again.
    ready: VecDeque<Ready>,
    churn: Option<Churn>,
    storm: Option<Storm>,
    phase: Phase,
    window: Window,
    /// Publishes after each turn, if this side does so as it receives.
    ahead: Option<Arc<Ahead>>,
}

/// A connection to be read from.
#[derive(Debug, Clone, Copy)]
struct Ready {
    index: usize,
    generation: u32,
    /// When the poller told of it, in microseconds since the Unix epoch.
    since_us: u64,
    /// A short read is not the end of what is there: the end of the stream comes after it, and no event of its own.
    to_the_end: bool,
}

/// The receiver's place in relation to the window when it last looked, and what its thread had used when the window opened.
#[derive(Debug)]
struct Window {
    place: Place,
    spent: Spent,
}

impl Worker {
    /// A thread's share of the load.
    ///
    /// # Errors
    /// When the system gives no poller.
    pub fn new(
        plan: Arc<Plan>,
        clients: Vec<Client>,
        course: Arc<Course>,
        board: Arc<Board>,
    ) -> anyhow::Result<Self> {
        let first = clients.first().map_or(0, |client| u64::from(client.number));
        let mut tally = Tally::new()?;
        let mut connections: Vec<_> = clients.into_iter().map(Connection::new).collect();
        for connection in &mut connections {
            connection.session.class = tally.classes.number(Class::of(&connection.session.client, false));
        }
        let receiver = Receiver {
            tally,
            streaks: None,
            verifiers: if plan.verify { Verifiers::new(plan.channels()) } else { Verifiers::default() },
            // Apart from the streams of the clients, whose numbers have 32 bits.
            random: Random::new(plan.seed, first | 1 << 40),
            spells: None,
            follower: Follower::of_run(&plan),
            roll_call: plan.roll_call.then(|| RollCall::new(plan.clone(), course.clone())),
            plan,
        };
        Ok(Self {
            poll: Poll::new().context("cannot open a poller")?,
            queue: (0..connections.len()).collect(),
            connections,
            receiver,
            course,
            board,
            buffer: vec![0; BUFFER_BYTES].into(),
            timers: Timers::default(),
            opening: 0,
            ready: VecDeque::new(),
            churn: None,
            storm: None,
            phase: Phase::Connecting,
            ahead: None,
            window: Window { place: Place::Before, spent: Spent::default() },
        })
    }

    /// Tells apart what its connections get before a storm, in it and after it.
    #[must_use]
    pub fn through_storm(mut self, spells: Spells) -> Self {
        self.receiver.spells = Some(spells);
        self
    }

    /// Cuts its connections in a storm and lets them come back; those that are to connect for the first time then do not
    /// before.
    #[must_use]
    pub fn in_storm(mut self, storm: Storm, follower: Follower) -> Self {
        if storm.is_fresh() {
            self.queue.clear();
        }
        self.storm = Some(storm);
        self.receiver.follower = Some(follower);
        self
    }

    /// This worker, which also sees that each of its connections gets each update of the plan's only symbol, and publishes
    /// as they do.
    #[must_use]
    pub fn publishing(mut self, ahead: Arc<Ahead>) -> Self {
        let plan = &self.receiver.plan;
        let symbol = plan.symbols.first().map_or("", String::as_str);
        self.receiver.streaks = Some(Streaks::new(plan.channel().name(), symbol));
        self.ahead = Some(ahead);
        self
    }

    /// Receives until the run ends.
    ///
    /// # Errors
    /// When polling fails.
    pub fn run(mut self) -> anyhow::Result<Counted> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        self.begin_ramp();
        while self.phase != Phase::Ending {
            let idle = self.timers.idle(Instant::now(), IDLE_MAX);
            let idle = if self.ready.is_empty() { idle } else { Duration::ZERO };
            match self.poll.poll(&mut events, Some(idle)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    return Err(error).context("polling failed");
                }
                _ => self.turn(&events),
            }
            self.publish_more()?;
        }
        let comeback = self.comeback();
        let Receiver { mut tally, verifiers, spells, streaks, roll_call, follower, .. } = self.receiver;
        tally.misplaced = follower.map_or(0, |follower| follower.faults.total());
        tally.end_second();
        if let Some(broken) = tally.broken.take() {
            return Err(broken.into());
        }
        let misses = streaks.map(|streaks| streaks.misses);
        let answers = roll_call.map(|roll_call| roll_call.answers);
        Ok(Counted { tally, verification: verifiers.finish(), spells, comeback, misses, answers })
    }

    fn turn(&mut self, events: &Events) {
        let polled_us = now_us();
        for event in events {
            self.event(event, polled_us);
        }
        self.read_ready(Instant::now() + self.turn_max(TURN_MAX));
        self.run_tasks();
        self.notice_phase();
        self.connect_some();
        self.notice_window();
        self.publish();
    }

    fn publish_more(&mut self) -> Result<(), LinkError> {
        match (&self.ahead, &mut self.receiver.streaks) {
            (Some(ahead), Some(streaks)) => ahead.turn(streaks.progress()),
            _ => Ok(()),
        }
    }

    /// Reads once from each connection that is ready, and again from those that have more, as long as there is time.
    fn read_ready(&mut self, until: Instant) {
        let mut reads = 0_u32;
        while let Some(ready) = self.ready.pop_front() {
            self.read(ready);
            reads += 1;
            // Looking at the clock after each read would cost as much as a tenth of it.
            if reads.is_multiple_of(16) && Instant::now() >= until {
                return;
            }
        }
    }

    fn event(&mut self, event: &Event, polled_us: u64) {
        let index = event.token().0;
        if self.connections[index].stream.is_none() {
            return;
        }
        if matches!(self.connections[index].session.stage, Stage::Connecting) {
            return self.opened(index);
        }
        if event.is_writable() {
            let flushed = self.connections[index].flush();
            if flushed.is_err() {
                return self.settle(index, flushed);
            }
        }
        if event.is_readable() {
            self.readable(index, event.is_read_closed() || event.is_error(), polled_us);
        } else if event.is_error() {
            self.failed(index);
        }
    }

    fn opened(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let connected = connection.connected(&self.receiver.plan);
        if let (Ok(true), Some(follower)) = (&connected, &self.receiver.follower) {
            follower.connected(&mut connection.session.followed, now_us());
        }
        self.settle(index, connected.map(|_| ()));
    }

    fn readable(&mut self, index: usize, to_the_end: bool, since_us: u64) {
        let session = &self.connections[index].session;
        let upgrading = matches!(session.stage, Stage::Upgrading(_));
        if upgrading || session.client.behaviour == Behaviour::Prompt {
            self.ready.push_back(Ready { index, generation: session.generation, since_us, to_the_end });
        }
    }

    fn read(&mut self, ready: Ready) {
        let Ready { index, generation, since_us, to_the_end } = ready;
        if self.connections[index].session.generation != generation {
            return;
        }
        match self.read_once(index, BUFFER_BYTES, since_us) {
            Ok(Some(read)) if read == BUFFER_BYTES || to_the_end || self.connections[index].tls.is_some() => {
                self.readable(index, to_the_end, now_us())
            }
            Ok(_) => {}
            Err(end) => self.settle(index, Err(end)),
        }
    }

    /// One read of at most `bytes_max`; how much it was, `None` if nothing was there.
    fn read_once(&mut self, index: usize, bytes_max: usize, ready_us: u64) -> Result<Option<usize>, End> {
        let connection = &mut self.connections[index];
        let read = match connection.read(&mut self.buffer[..bytes_max]) {
            Ok(0) => return Err(End::Eof),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Some(0)),
            Err(error) => return Err(End::Io(error)),
        };
        let at_us = now_us();
        let arrival = Arrival { at_us, place: self.course.place(at_us) };
        if arrival.place == Place::Within {
            if at_us >= self.receiver.tally.second_ends_us {
                self.receiver.begin_second(self.course.window_us().0, at_us);
            }
            self.receiver.waited(ready_us, at_us);
        }
        let was_open = connection.session.is_settled();
        let received = self.receiver.bytes(connection, &self.buffer[..read], arrival);
        // Also when the connection is over: a close frame is answered.
        let flushed = connection.flush();
        if connection.session.is_settled() && !was_open {
            self.settled(index);
        }
        received.and(flushed).map(|()| Some(read))
    }

    fn failed(&mut self, index: usize) {
        let error =
            self.connections[index].stream.as_ref().and_then(|stream| stream.take_error().ok().flatten());
        self.settle(index, Err(error.map_or(End::Eof, End::Io)));
    }

    fn notice_window(&mut self) {
        let place = self.course.place(now_us());
        if place == self.window.place {
            return;
        }
        if self.window.place == Place::Before {
            self.window = Window { place, spent: Spent::by_thread() };
        }
        if place == Place::After {
            let tally = &mut self.receiver.tally;
            let Spent { cpu, own, waited } = Spent::by_thread().since(self.window.spent);
            (tally.cpu, tally.cpu_own, tally.cpu_busiest, tally.waited) = (cpu, own, cpu, waited);
            self.window.place = place;
            tally.end_second();
        }
    }

    fn publish(&self) {
        let Board { deliveries, faults, comparisons_due, .. } = &*self.board;
        deliveries.store(self.receiver.tally.deliveries, Ordering::Relaxed);
        let verifiers = &self.receiver.verifiers;
        if !verifiers.is_empty() {
            faults.store(verifiers.found(), Ordering::Relaxed);
            comparisons_due.store(verifiers.comparisons_due(), Ordering::Release);
        }
    }

    fn register(&mut self, index: usize) -> std::io::Result<()> {
        let Some(stream) = &mut self.connections[index].stream else { return Ok(()) };
        self.poll.registry().register(stream, Token(index), Interest::READABLE | Interest::WRITABLE)
    }
}

/// Microseconds since the Unix epoch.
#[must_use]
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
