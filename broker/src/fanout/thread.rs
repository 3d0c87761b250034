//! A shard's thread: a runtime of its own, on which the shard's turns, its readers and its timers run.

use super::chores::{Chore, Chores};
use super::connection::{ConnectionId, Permit, Sent};
use super::hot::Flow;
use super::settings::Settings;
use super::shard::{Effect, Shard};
use super::socket::Socket;
use super::subscription::Tier;
use crate::clock::{self, Clock};
use crate::session;
use bytes::Bytes;
use schemas::wire::close;
use schemas::wire::reply;
use schemas::wire::websocket::{self, TEXT};
use std::cell::RefCell;
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::{spawn_local, yield_now};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

/// How often pings, heartbeats and time limits are looked at.
const SWEEP: Duration = Duration::from_millis(250);

/// When clients are told to come back after a shutdown: the first of them; the last after twice that.
const RECONNECT_IN_MS: u64 = 1_500;

/// What the control side asks of a shard.
#[derive(Debug)]
pub(crate) enum Command {
    /// Take an upgraded connection in, with the bytes that were read behind its handshake.
    Admit(std::net::TcpStream, Bytes, SocketAddr, Permit),
    /// Tell all clients to come back elsewhere or later, and end when they are gone.
    Shutdown,
}

/// A shard and what its tasks need beside its state.
pub(crate) struct ShardTasks {
    shard: RefCell<Shard>,
    wake: Arc<Notify>,
    clock: Arc<dyn Clock>,
    chores: Chores,
}

/// Runs a shard until it is told to shut down and its connections are gone.
pub(crate) async fn run(
    shard: Shard,
    wake: Arc<Notify>,
    clock: Arc<dyn Clock>,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let settings = Arc::clone(&shard.settings);
    let tasks = Rc::new(ShardTasks { shard: RefCell::new(shard), wake, clock, chores: Chores::new() });
    spawn_local(Rc::clone(&tasks).turns());
    spawn_local(Rc::clone(&tasks).sweeps());
    while let Some(command) = commands.recv().await {
        match command {
            Command::Admit(socket, read_ahead, peer, permit) => {
                spawn_local(Rc::clone(&tasks).admit(socket, read_ahead, peer, permit));
            }
            Command::Shutdown => break,
        }
    }
    tasks.shutdown(&settings).await;
}

impl ShardTasks {
    /// Works on the shard's state, then starts what has to go on beside it.
    pub(crate) fn with<T>(self: &Rc<Self>, work: impl FnOnce(&mut Shard) -> T) -> T {
        let (result, effects) = {
            let mut shard = self.shard.borrow_mut();
            let result = work(&mut shard);
            if shard.has_next_turn() {
                self.wake.notify_one();
            }
            (result, std::mem::take(&mut shard.effects))
        };
        for effect in effects {
            self.start(effect);
        }
        result
    }

    /// The time that replies and heartbeats tell.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    async fn turns(self: Rc<Self>) {
        let at_least = Duration::from_millis(self.shard.borrow().settings.turn_interval_ms);
        let mut next = Instant::now();
        loop {
            let mut woken = pin!(self.wake.notified());
            // When there is work again at once, the readers must have their turn first: else permits that keep coming
            // would shut them out.
            if woken.as_mut().enable() {
                yield_now().await;
            }
            woken.await;
            if !at_least.is_zero() {
                sleep_until(next).await;
                next = Instant::now() + at_least;
            }
            while self.turn() {
                yield_now().await;
            }
        }
    }

    fn turn(self: &Rc<Self>) -> bool {
        let is_more = self.with(Shard::turn);
        self.chores.renew();
        is_more
    }

    /// Waits for its turn to work for a single connection.
    pub(crate) async fn chore(&self) -> Chore<'_> {
        self.chores.begin(&self.wake).await
    }

    async fn sweeps(self: Rc<Self>) {
        let mut ticks = interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let mut from = Some(0);
            while let Some(place) = from {
                let clock = self.clock.now();
                from = self.with(|shard| shard.sweep(place, clock));
                if from.is_some() {
                    yield_now().await;
                }
            }
        }
    }

    async fn admit(
        self: Rc<Self>,
        socket: std::net::TcpStream,
        read_ahead: Bytes,
        peer: SocketAddr,
        permit: Permit,
    ) {
        let chore = self.chore().await;
        let unsent_bytes_max = self.shard.borrow().settings.unsent_bytes_max;
        let socket = match Socket::prepare(socket, unsent_bytes_max) {
            Ok(socket) => Rc::new(socket),
            Err(error) => return tracing::debug!(%peer, %error, "a connection could not be taken over"),
        };
        drop(chore);
        // A socket new to this runtime counts as not writable until it was awaited once.
        if socket.writable().await.is_err() {
            return;
        }
        let chore = self.chore().await;
        let id = self.with(|shard| shard.admit(Rc::clone(&socket), peer, permit, clock::instant()));
        drop(chore);
        session::read(Rc::clone(&self), id, Rc::clone(&socket), read_ahead).await;
        let chore = self.chore().await;
        self.with(|shard| {
            if is_same(shard, id, &socket) {
                shard.remove(id);
            }
        });
        // To close a socket is work too.
        drop(socket);
        drop(chore);
    }

    /// Starts a task. Which connection it is about is settled now: when it first runs the place may be another's.
    fn start(self: &Rc<Self>, effect: Effect) {
        let tasks = Rc::clone(self);
        match effect {
            Effect::AwaitWritable(id) => {
                if let Some(socket) = self.socket(id) {
                    spawn_local(tasks.await_writable(id, socket));
                }
            }
            Effect::Linger(id) => {
                if let Some(socket) = self.socket(id) {
                    spawn_local(tasks.linger(id, socket));
                }
            }
            Effect::Tick(tier) => drop(spawn_local(tasks.tick(tier))),
        }
    }

    async fn await_writable(self: Rc<Self>, id: ConnectionId, socket: Rc<Socket>) {
        // An error shows in the write that follows.
        let _ = socket.writable().await;
        self.with(|shard| {
            if is_same(shard, id, &socket) {
                shard.became_writable(id);
            }
        });
    }

    /// Sees a closing connection to its end: its last frames out, our side ended, the peer's bytes discarded by its reader. One
    /// that does not take its close frame is reset, so that the kernel keeps nothing for it.
    async fn linger(self: Rc<Self>, id: ConnectionId, socket: Rc<Socket>) {
        let limit = Duration::from_millis(self.shard.borrow().settings.close_timeout_ms);
        let sent = timeout(limit, self.send_last(id, &socket)).await.unwrap_or(false);
        if sent {
            socket.shutdown(Shutdown::Write);
            // The reader ends when the peer does, and removes the connection.
            let _ = timeout(limit, self.gone(id, &socket)).await;
        }
        self.with(|shard| {
            if is_same(shard, id, &socket) {
                if !sent {
                    shard.counts.resets += 1;
                    socket.reset_when_dropped();
                }
                shard.break_off(id);
                shard.remove(id);
            }
        });
    }

    async fn send_last(&self, id: ConnectionId, socket: &Rc<Socket>) -> bool {
        loop {
            let sent = {
                let mut shard = self.shard.borrow_mut();
                if !is_same(&shard, id, socket) {
                    return false;
                }
                let now = clock::instant();
                shard.connections.get_mut(id).map_or(Sent::Broken, |connection| connection.send_waiting(now))
            };
            match sent {
                Sent::All => return true,
                Sent::Broken => return false,
                Sent::Full if socket.writable().await.is_err() => return false,
                Sent::Full => {}
            }
        }
    }

    async fn gone(&self, id: ConnectionId, socket: &Rc<Socket>) {
        let mut looks = interval(Duration::from_millis(20));
        while is_same(&self.shard.borrow(), id, socket) {
            looks.tick().await;
        }
    }

    async fn tick(self: Rc<Self>, tier: Tier) {
        let every =
            Duration::from_millis(u64::from(self.shard.borrow().settings.tiers_ms[usize::from(tier)]));
        let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if !self.with(|shard| shard.tier_is_used(tier)) {
                return;
            }
            self.with(|shard| shard.tiers.tick(tier));
            self.wake.notify_one();
        }
    }

    fn socket(&self, id: ConnectionId) -> Option<Rc<Socket>> {
        self.shard.borrow().connections.get(id).map(|connection| Rc::clone(&connection.socket))
    }

    /// Tells all clients to go, spread over a while so that they do not all come back at once, and waits until they are gone.
    async fn shutdown(self: &Rc<Self>, settings: &Settings) {
        self.with(|shard| {
            let ids: Vec<_> = shard.connections.iter().map(|(id, _)| id).collect();
            let count = ids.len().max(1) as u64;
            for (n, id) in ids.into_iter().enumerate() {
                let reconnect_in_ms = RECONNECT_IN_MS * (count + n as u64) / count;
                let mut frames = Vec::new();
                websocket::append(&mut frames, TEXT, &reply::goaway(reconnect_in_ms, "shutdown"));
                websocket::append_close(&mut frames, close::GOING_AWAY, "shutdown");
                shard.close_with(id, &frames);
            }
        });
        let limit = Duration::from_millis(2 * settings.close_timeout_ms + 500);
        let _ = timeout(limit, async {
            let mut looks = interval(Duration::from_millis(10));
            while !self.shard.borrow().connections.is_empty() {
                looks.tick().await;
            }
        })
        .await;
    }
}

/// Whether a place is still that of the connection with this socket: places are used again.
fn is_same(shard: &Shard, id: ConnectionId, socket: &Rc<Socket>) -> bool {
    shard.connections.get(id).is_some_and(|connection| Rc::ptr_eq(&connection.socket, socket))
}

/// Whether a connection gets nothing more: what it sends is read and discarded.
pub(crate) fn is_closing(shard: &Shard, id: ConnectionId) -> bool {
    shard.hot.get(id).is_none_or(|hot| hot.flow == Flow::Closing)
}
