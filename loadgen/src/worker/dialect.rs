//! Signs of life, where a dialect wants them of its clients.

use super::Worker;
use super::schedule::Task;
use std::time::{Duration, Instant};

/// How often they go out: before any dialect misses them.
pub(super) const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(30);

impl Worker {
    /// Says what keeps each connection alive, and is to do so again.
    pub(super) fn keep_alive(&mut self, at: Instant) {
        self.timers.schedule(at + KEEP_ALIVE_EVERY, Task::KeepAlive);
        for index in 0..self.connections.len() {
            let session = &mut self.connections[index].session;
            let Some(speaker) = &session.speaker else { continue };
            let (opcode, Some(said)) = (speaker.opcode(), speaker.keep_alive()) else { continue };
            session.say(opcode, &[said], &mut self.receiver.random);
            let flushed = self.connections[index].flush();
            self.settle(index, flushed);
        }
    }
}
