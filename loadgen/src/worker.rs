//! A thread that receives: one poll loop over all its connections.

mod compare;
mod schedule;

use crate::connection::{Connection, End, Stage};
use crate::cpu;
use crate::phase::{Course, Phase, Place};
use crate::plan::{Behaviour, Client, Plan};
use crate::progress::Board;
use crate::random::Random;
use crate::receive::{Arrival, Receiver};
use crate::tally::Tally;
use crate::timers::Timers;
use crate::verify::{Verification, Verifier};
use anyhow::Context as _;
use mio::{Events, Interest, Poll, Token, event::Event};
use schedule::{Churn, Task};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What one `recv` may return: whatever waits at a socket, usually.
const BUFFER_BYTES: usize = 256 << 10;
/// Events of one turn.
const EVENTS_MAX: usize = 1024;
/// Full buffers that one connection may fill before the others have their turn.
const READS_MAX: usize = 8;
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
    /// Connections that filled their buffers: more may wait there, and no event will tell.
    unread: Vec<usize>,
    churn: Option<Churn>,
    phase: Phase,
    window: Window,
}

/// The receiver's place in relation to the window when it last looked, and its CPU time when the window opened.
#[derive(Debug)]
struct Window {
    place: Place,
    cpu: Duration,
    waited: Option<Duration>,
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
        let receiver = Receiver {
            tally: Tally::new()?,
            verifier: plan.verify.then(|| Verifier::new(plan.channel)),
            // Apart from the streams of the clients, whose numbers have 32 bits.
            random: Random::new(plan.seed, first | 1 << 40),
            plan,
        };
        Ok(Self {
            poll: Poll::new().context("cannot open a poller")?,
            queue: (0..clients.len()).collect(),
            connections: clients.into_iter().map(Connection::new).collect(),
            receiver,
            course,
            board,
            buffer: vec![0; BUFFER_BYTES].into(),
            timers: Timers::default(),
            opening: 0,
            unread: Vec::new(),
            churn: None,
            phase: Phase::Connecting,
            window: Window { place: Place::Before, cpu: Duration::ZERO, waited: None },
        })
    }

    /// Receives until the run ends; what was counted, and what was verified.
    ///
    /// # Errors
    /// When polling fails.
    pub fn run(mut self) -> anyhow::Result<(Tally, Option<Verification>)> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while self.phase != Phase::Ending {
            let idle = if self.unread.is_empty() {
                self.timers.idle(Instant::now(), IDLE_MAX)
            } else {
                Duration::ZERO
            };
            match self.poll.poll(&mut events, Some(idle)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    return Err(error).context("polling failed");
                }
                _ => self.turn(&events),
            }
        }
        Ok((self.receiver.tally, self.receiver.verifier.map(Verifier::finish)))
    }

    fn turn(&mut self, events: &Events) {
        let start = Instant::now();
        for index in std::mem::take(&mut self.unread) {
            self.readable(index, true);
        }
        for event in events {
            self.event(event);
        }
        self.run_tasks();
        self.notice_phase();
        self.connect_some();
        self.notice_window(start.elapsed());
        self.publish();
    }

    fn event(&mut self, event: &Event) {
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
            self.readable(index, event.is_read_closed() || event.is_error());
        } else if event.is_error() {
            self.failed(index);
        }
    }

    fn opened(&mut self, index: usize) {
        let opened = self.connections[index].connected(&self.receiver.plan).map(|_| ());
        self.settle(index, opened);
    }

    /// Reads what is there. Events tell of news only: if `to_the_end`, a short read is not taken for the end of it.
    fn readable(&mut self, index: usize, to_the_end: bool) {
        let connection = &self.connections[index];
        let upgrading = matches!(connection.session.stage, Stage::Upgrading(_));
        match connection.session.client.behaviour {
            Behaviour::Prompt => self.read(index, to_the_end),
            Behaviour::Stalled | Behaviour::Trickling if upgrading => self.read(index, to_the_end),
            Behaviour::Stalled | Behaviour::Trickling => {}
        }
    }

    fn read(&mut self, index: usize, to_the_end: bool) {
        for _ in 0..READS_MAX {
            match self.read_once(index, BUFFER_BYTES) {
                Ok(Some(read)) if read == BUFFER_BYTES || to_the_end => {}
                Ok(_) => return,
                Err(end) => return self.settle(index, Err(end)),
            }
            if self.connections[index].session.client.behaviour == Behaviour::Stalled {
                return;
            }
        }
        self.unread.push(index);
    }

    /// One read of at most `bytes_max`; how much it was, `None` if nothing was there.
    fn read_once(&mut self, index: usize, bytes_max: usize) -> Result<Option<usize>, End> {
        let connection = &mut self.connections[index];
        let Some(stream) = &mut connection.stream else { return Ok(None) };
        let buffer = &mut self.buffer[..bytes_max];
        let read = match stream.read(buffer) {
            Ok(0) => return Err(End::Eof),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Some(0)),
            Err(error) => return Err(End::Io(error)),
        };
        let at_us = now_us();
        let arrival = Arrival { at_us, place: self.course.place(at_us) };
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

    fn notice_window(&mut self, turn: Duration) {
        let place = self.course.place(now_us());
        if place == Place::Within {
            self.receiver.tally.turns.saturating_record(u64::try_from(turn.as_micros()).unwrap_or(u64::MAX));
        }
        if place == self.window.place {
            return;
        }
        if self.window.place == Place::Before {
            self.window = Window { place, cpu: cpu::of_thread(), waited: cpu::thread_wait() };
        }
        if place == Place::After {
            let tally = &mut self.receiver.tally;
            tally.cpu = cpu::of_thread().saturating_sub(self.window.cpu);
            tally.cpu_busiest = tally.cpu;
            let waited = cpu::thread_wait().zip(self.window.waited);
            tally.waited = waited.map(|(now, then)| now.saturating_sub(then));
            self.window.place = place;
        }
    }

    fn publish(&self) {
        let Board { deliveries, faults, comparisons_due, .. } = &*self.board;
        deliveries.store(self.receiver.tally.deliveries, Ordering::Relaxed);
        if let Some(verifier) = &self.receiver.verifier {
            faults.store(verifier.found(), Ordering::Relaxed);
            comparisons_due.store(verifier.comparisons_due(), Ordering::Release);
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
