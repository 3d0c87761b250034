//! The one task that owns the venue: it takes what clients send, plays records when they are due, and hands out what each
//! connection gets.

use super::connection::{Opened, Outgoing};
use super::faults::{Injector, ToConnections};
use super::reel::Reel;
use super::schedule::Clock;
use super::tally::Tally;
use super::{Command, Limits, ServeError, Settings, Speed};
use crate::stand_in::{ConnId, HttpReply, KeepAlive, Moment, Out, Outbox, StandIn, Target};
use crate::time::now;
use crate::venue::window::Window;
use crate::venue::{Connects, Venue};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

const TICK: Duration = Duration::from_millis(200);
/// Where the faults made are told: no venue has anything there.
const FAULTS_PATH: &str = "/-/faults";
/// How many records are played before commands are looked at again.
const BATCH: usize = 128;
/// Requests put the start off, but not for longer than so many times the settling time.
const SETTLE_TIMES_MAX: u32 = 10;

pub(super) struct Player {
    stand_in: Box<dyn StandIn>,
    reel: Reel,
    state: State,
    speed: Speed,
    looped: bool,
    restamp: bool,
    faults: Option<Injector>,
    tally: Tally,
    limits: Limits,
    conns: FxHashMap<ConnId, Outgoing>,
    connects: Window,
    next_conn: ConnId,
    outbox: Outbox,
    /// The connections that have as much waiting as they may, and since when, at speed `max`.
    full: FxHashMap<ConnId, Instant>,
    drained: Arc<Notify>,
    commands: mpsc::Receiver<Command>,
    stop: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nobody has subscribed yet.
    Waiting,
    /// Somebody has; more requests may follow.
    Settling { until: Instant, latest: Instant },
    /// Records are played when they are due.
    Playing(Clock),
    /// All has been played.
    Ended,
}

impl Player {
    pub(super) fn new(
        settings: Settings,
        tally: Tally,
        commands: mpsc::Receiver<Command>,
        stop: CancellationToken,
    ) -> Result<Self, ServeError> {
        let mut stand_in = settings.venue.stand_in(&settings.limits);
        let reel = Reel::new(&settings, &mut *stand_in)?;
        let mut player = Self {
            stand_in,
            reel,
            state: State::Waiting,
            speed: settings.speed,
            looped: settings.looped,
            restamp: settings.restamp,
            faults: Injector::new(settings.venue, settings.faults, tally.clone()),
            tally,
            limits: settings.limits,
            conns: FxHashMap::default(),
            connects: connects(settings.venue),
            next_conn: 1,
            outbox: Outbox::default(),
            full: FxHashMap::default(),
            drained: Arc::new(Notify::new()),
            commands,
            stop,
        };
        player.play_to_start();
        Ok(player)
    }

    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (drained, stop) = (self.drained.clone(), self.stop.clone());
        loop {
            let (due, held) = (self.due(), self.faults.as_ref().and_then(Injector::next_due));
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                command = self.commands.recv() => match command {
                    Some(command) => self.take(command),
                    None => break,
                },
                _ = ticks.tick() => self.tick(),
                () = drained.notified(), if !self.full.is_empty() => self.look_at_full(),
                () = sleep_until(held), if held.is_some() => self.hand_out(),
                () = sleep_until(due), if due.is_some() => {
                    self.go_on();
                    // At speed `max` this is never pending by itself.
                    tokio::task::yield_now().await;
                }
            }
        }
        self.conns.values().for_each(|outgoing| outgoing.close(1001, "going away"));
    }

    /// When there is something to do without being told; none if only a command can change anything.
    fn due(&mut self) -> Option<Instant> {
        match self.state {
            State::Waiting | State::Ended => None,
            State::Settling { until, latest } => Some(until.min(latest)),
            State::Playing(_) if self.is_held_back() => None,
            State::Playing(clock) => {
                Some(self.reel.peek().map_or_else(Instant::now, |(time, _)| clock.due(time)))
            }
        }
    }

    /// At speed `max` playing waits for readers, and for there to be any.
    fn is_held_back(&self) -> bool {
        self.speed == Speed::Max && (!self.full.is_empty() || !self.stand_in.has_subscribers())
    }

    fn go_on(&mut self) {
        match self.state {
            State::Waiting | State::Ended => {}
            State::Settling { .. } => {
                tracing::info!("replay starts at speed {}", self.speed);
                let origin = self.reel.start().saturating_add(self.reel.shift());
                self.state = State::Playing(Clock::start(origin, self.speed, now()));
                self.faults.iter_mut().for_each(|faults| faults.start(Instant::now()));
            }
            State::Playing(clock) => self.play_due(clock),
        }
    }

    /// Plays what is due, up to a batch.
    fn play_due(&mut self, clock: Clock) {
        let now = Instant::now();
        for _ in 0..BATCH {
            let Some((time, _)) = self.reel.peek() else { return self.end_turn() };
            if clock.due(time) > now || self.is_held_back() {
                return;
            }
            self.play(Some((clock, time)));
        }
    }

    /// Plays the record last peeked at: at its time by the clock, or unheard.
    fn play(&mut self, scheduled: Option<(Clock, u64)>) {
        let stamp =
            scheduled.filter(|_| self.restamp).map(|(clock, time)| clock.scheduled(time).unwrap_or_else(now));
        let (turn, shift_ns) = (self.reel.turn(), self.reel.shift());
        let moment = Moment { turn, shift_ns, stamp, heard: scheduled.is_some() };
        if let Some((time, item)) = self.reel.peek() {
            self.stand_in.play(item, &moment, &mut self.outbox);
            if let Some(faults) = self.faults.as_mut().filter(|_| moment.heard) {
                faults.disturb(item, time, Instant::now(), &mut self.outbox);
            }
        }
        self.reel.advance();
        self.hand_out();
    }

    /// Plays what lies before the start, unheard: the state there is then as it was.
    fn play_to_start(&mut self) {
        while self.reel.peek().is_some() && self.reel.is_before_start() {
            self.play(None);
        }
    }

    fn end_turn(&mut self) {
        if !self.looped {
            tracing::info!("replay finished");
            self.state = State::Ended;
            return;
        }
        if let Err(error) = self.reel.rewind() {
            tracing::error!("{error}");
            self.state = State::Ended;
            return;
        }
        tracing::info!("replay begins anew: turn {}", self.reel.turn() + 1);
        self.stand_in.rewind();
        self.play_to_start();
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Open { target, reply } => {
                // A client that has gone meanwhile is told to the stand-in like any other end.
                if let Err(Ok(opened)) = reply.send(self.open(&target)) {
                    self.close(opened.conn);
                }
            }
            Command::Message { conn, text } if self.conns.contains_key(&conn) => {
                self.stand_in.message(conn, &text, now(), &mut self.outbox);
            }
            Command::Message { .. } => {}
            Command::Closed { conn } => self.close(conn),
            Command::Http { target, reply } => self.reply(&target, reply),
        }
        self.hand_out();
        self.settle();
    }

    fn reply(&mut self, target: &Target, reply: oneshot::Sender<HttpReply>) {
        if target.path == FAULTS_PATH {
            let counts = serde_json::to_string(&self.tally.counts()).unwrap_or_default();
            return drop(reply.send(HttpReply::ok(counts)));
        }
        let answer = self.stand_in.http(target, now());
        let delay = self
            .faults
            .as_mut()
            .map(|faults| faults.rest_delay(&target.path, target.query("symbol"), Instant::now()));
        match delay.filter(|delay| !delay.is_zero()) {
            None => drop(reply.send(answer)),
            Some(delay) => drop(tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let _ = reply.send(answer);
            })),
        }
    }

    fn open(&mut self, target: &Target) -> Result<Opened, HttpReply> {
        if !self.connects.takes(now()) && !self.limits.lenient {
            tracing::warn!("a client is refused: it connects more often than the venue allows");
            return Err(HttpReply { status: 429, body: "{\"message\":\"Too Many Requests\"}".to_owned() });
        }
        let conn = self.next_conn;
        self.stand_in.opened(conn, target, now(), &mut self.outbox)?;
        self.next_conn += 1;
        let (outgoing, queue) = Outgoing::new(self.limits.ahead_bytes_max, self.drained.clone());
        self.conns.insert(conn, outgoing.clone());
        Ok(Opened { conn, outgoing, queue, keep_alive: self.keep_alive() })
    }

    /// The venue's way, with the limits' times where they give some.
    fn keep_alive(&self) -> Option<KeepAlive> {
        let KeepAlive { every, pong_within } = self.stand_in.keep_alive()?;
        let Limits { ping_every, pong_within: pong_limit, .. } = self.limits;
        Some(KeepAlive { every: ping_every.unwrap_or(every), pong_within: pong_limit.unwrap_or(pong_within) })
    }

    fn close(&mut self, conn: ConnId) {
        self.stand_in.closed(conn);
        self.faults.iter_mut().for_each(|faults| faults.closed(conn));
        self.conns.remove(&conn);
        self.full.remove(&conn);
    }

    /// Begins to wait for the start, or waits anew, after a request.
    fn settle(&mut self) {
        let (now, settle) = (Instant::now(), self.limits.settle);
        self.state = match self.state {
            State::Waiting if self.stand_in.has_subscribers() => {
                State::Settling { until: now + settle, latest: now + settle * SETTLE_TIMES_MAX }
            }
            State::Settling { .. } if !self.stand_in.has_subscribers() => State::Waiting,
            State::Settling { latest, .. } => State::Settling { until: now + settle, latest },
            other => other,
        };
    }

    fn tick(&mut self) {
        let ended = matches!(self.state, State::Ended);
        self.stand_in.tick(now(), ended, &mut self.outbox);
        if let Some(faults) = self.faults.as_mut().filter(|_| ended) {
            faults.end(&mut self.outbox);
        }
        self.hand_out();
        self.fault_connections();
        let stalled: Vec<_> =
            self.full.iter().filter(|(_, since)| since.elapsed() >= self.limits.stall_max).collect();
        let stalled: Vec<_> = stalled.into_iter().map(|(conn, _)| *conn).collect();
        stalled.into_iter().for_each(|conn| self.cut(conn, "it reads nothing"));
    }

    /// Ends or freezes connections, if that is due.
    fn fault_connections(&mut self) {
        let count = self.conns.len();
        let Some(faults) = &mut self.faults else { return };
        while let Some(what) = faults.due_to_connections(count, Instant::now()) {
            if what == ToConnections::Mute {
                faults.mute(self.conns.keys().copied());
                continue;
            }
            for (conn, outgoing) in self.conns.drain() {
                match what {
                    ToConnections::Freeze => outgoing.freeze(),
                    _ => outgoing.cut(),
                }
                faults.closed(conn);
                self.full.remove(&conn);
                self.stand_in.closed(conn);
            }
        }
    }

    /// Puts what the stand-in has to say into the queues of the connections, behind what was held back for long enough and but for
    /// what is to be held back.
    fn hand_out(&mut self) {
        let mut outbox = std::mem::take(&mut self.outbox);
        if let Some(faults) = &mut self.faults {
            faults.hold(&mut outbox, Instant::now());
        }
        outbox.0.drain(..).for_each(|(conn, out)| self.push(conn, out));
        self.outbox = outbox;
        let max = self.limits.queue_bytes_max;
        while let Some(conn) = self.faults.as_ref().and_then(|faults| faults.overfull(max)) {
            self.cut(conn, "too much is held back for it");
        }
    }

    fn push(&mut self, conn: ConnId, out: Out) {
        let Some(outgoing) = self.conns.get(&conn) else { return };
        let bytes = out.bytes();
        let before = outgoing.push(out);
        if self.speed == Speed::Max && before + bytes > self.limits.ahead_bytes_max {
            self.full.entry(conn).or_insert_with(Instant::now);
        } else if before > 0 && before + bytes > self.limits.queue_bytes_max {
            // One message may exceed the limit alone: a snapshot may be as large as the venue makes it.
            self.cut(conn, "it reads too slowly");
        }
    }

    fn look_at_full(&mut self) {
        let (conns, max) = (&self.conns, self.limits.ahead_bytes_max);
        self.full.retain(|conn, _| conns.get(conn).is_some_and(|outgoing| outgoing.waiting() > max / 2));
    }

    fn cut(&mut self, conn: ConnId, why: &str) {
        tracing::warn!("connection {conn} is cut off: {why}");
        if let Some(outgoing) = self.conns.get(&conn) {
            outgoing.cut();
        }
        self.close(conn);
    }
}

fn connects(venue: Venue) -> Window {
    let Connects { max, within } = venue.profile().connects;
    Window::new(max, within)
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
