//! The fan-out: shards that read the table's logs and write to subscribers' sockets.
//!
//! | file | answers |
//! | --- | --- |
//! | `shard` | what one turn does |
//! | `batch` | how frames are gathered once and shared |
//! | `advance` | what a cursor is sent |
//! | `serve`, `gathered` | how one connection catches up |
//! | `membership`, `subscription` | who is subscribed to what |
//! | `tier` | how updates are merged for those who want fewer |
//! | `adaptation` | who is moved to a slower tier, and back |
//! | `connection`, `hot`, `lifecycle`, `socket` | what is kept of a connection, how it comes and goes |
//! | `thread`, `wake`, `chores` | the tasks of a shard's runtime, what wakes them, how they share its time |

mod adaptation;
mod advance;
mod batch;
mod chores;
pub(crate) mod connection;
mod gathered;
mod hot;
mod lifecycle;
mod membership;
#[cfg(test)]
mod model;
#[cfg(test)]
pub(crate) mod scripted;
mod serve;
mod settings;
pub(crate) mod shard;
pub(crate) mod socket;
mod stats;
pub(crate) mod subscription;
pub(crate) mod thread;
mod tier;
mod wake;

pub use connection::Permit;
pub use settings::Settings;
pub use stats::ShardStats;
pub use wake::ShardWake;

pub(crate) use membership::Beginning;
pub(crate) use wake::hold_wakes;

use crate::clock::Clock;
use bytes::Bytes;
use feed::market::Market;
use feed::topic::Table;
use shard::Shard;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use thread::Command;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// The shards, as the control side sees them.
#[derive(Debug)]
pub struct Shards {
    shards: Vec<ShardLink>,
}

#[derive(Debug)]
struct ShardLink {
    commands: mpsc::UnboundedSender<Command>,
    /// Spawns tasks on the shard's thread.
    runtime: Handle,
    stats: Arc<ShardStats>,
    /// Connections handed to it so far; together with those that ended this tells its load before it has told it itself.
    handed: AtomicUsize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Shards {
    /// Starts a thread for each of `wakes`, which the table was made with.
    ///
    /// # Errors
    /// If a thread or its runtime cannot be made.
    pub fn start(
        wakes: &[ShardWake],
        table: &Arc<Table>,
        market: &Arc<Market>,
        settings: &Arc<Settings>,
        clock: &Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let start = |(index, wake): (usize, &ShardWake)| {
            let (commands, inbox) = mpsc::unbounded_channel();
            let stats = Arc::new(ShardStats::default());
            let (table, market) = (Arc::clone(table), Arc::clone(market));
            let (settings, clock, wake) = (Arc::clone(settings), Arc::clone(clock), wake.notify());
            let shard_stats = Arc::clone(&stats);
            let (made, is_made) = std::sync::mpsc::sync_channel(1);
            let thread = std::thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build_local(tokio::runtime::LocalOptions::default());
                // Who started this thread waits for the answer.
                let _ = made.send(runtime.as_ref().map(|runtime| runtime.handle().clone()).map_err(copy_of));
                if let Ok(runtime) = runtime {
                    let shard = Shard::new(index, table, market, settings, shard_stats);
                    runtime.block_on(thread::run(shard, wake, clock, inbox));
                }
            })?;
            let runtime = is_made.recv().map_err(|_| io::Error::other("a shard's thread has ended"))??;
            let (handed, thread) = (AtomicUsize::new(0), Mutex::new(Some(thread)));
            Ok(ShardLink { commands, runtime, stats, handed, thread })
        };
        let shards = wakes.iter().enumerate().map(start).collect::<io::Result<_>>()?;
        Ok(Self { shards })
    }

    /// Hands an upgraded connection to the shard with the fewest, with the bytes read behind its handshake. `permit` is
    /// dropped when the connection ends.
    ///
    /// # Errors
    /// If the socket cannot be taken off its runtime, or the shards have ended.
    pub fn admit(
        &self,
        socket: tokio::net::TcpStream,
        read_ahead: Bytes,
        peer: SocketAddr,
        permit: Permit,
    ) -> io::Result<()> {
        let socket = socket.into_std()?;
        let shard = self.shards.iter().min_by_key(|shard| shard.load()).ok_or(io::ErrorKind::NotConnected)?;
        shard.handed.fetch_add(1, Relaxed);
        let command = Command::Admit(socket, read_ahead, peer, permit);
        shard.commands.send(command).map_err(|_| io::ErrorKind::NotConnected.into())
    }

    /// The runtime of a shard's thread, for tasks that are to run beside its turns. `place` counts round the shards.
    #[must_use]
    pub fn runtime(&self, place: usize) -> Option<&Handle> {
        self.shards.get(place.checked_rem(self.shards.len())?).map(|shard| &shard.runtime)
    }

    /// The figures of each shard.
    pub fn stats(&self) -> impl Iterator<Item = &ShardStats> {
        self.shards.iter().map(|shard| &*shard.stats)
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shards.iter().map(ShardLink::load).sum()
    }

    /// Tells all clients to go and waits for the threads to end, which takes at most about two
    /// close timeouts. Blocks.
    pub fn shutdown(&self) {
        for shard in &self.shards {
            // A shard that has ended needs no telling.
            let _ = shard.commands.send(Command::Shutdown);
        }
        let threads = self
            .shards
            .iter()
            .filter_map(|shard| shard.thread.lock().unwrap_or_else(PoisonError::into_inner).take());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a shard's thread has panicked");
            }
        }
    }
}

impl ShardLink {
    fn load(&self) -> usize {
        self.handed.load(Relaxed).saturating_sub(self.stats.ended.load(Relaxed) as usize)
    }
}

/// The same error once more, for somebody else.
fn copy_of(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}
