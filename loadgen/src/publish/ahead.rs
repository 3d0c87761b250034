//! The closed loop: updates leave as soon as the subscribers have taken enough of those before them.
//!
//! The receiving threads publish themselves, each after its turn of reads: a thread that had to be woken up for it would
//! be late by what it is to measure.

use super::Published;
use super::lines::Lines;
use super::link::{Link, LinkError};
use crate::phase::{Course, Phase, Place};
use crate::worker::now_us;
use hdrhistogram::errors::CreationError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps at most so many updates between the publisher and the mean subscriber.
#[derive(Debug)]
pub struct Ahead {
    ahead: u64,
    connections: u64,
    /// Updates that all connections together have.
    taken: AtomicU64,
    state: Mutex<State>,
    course: Arc<Course>,
}

#[derive(Debug)]
struct State {
    link: Link,
    lines: Lines,
    unsent: Vec<u8>,
    sent: u64,
    published: Published,
    is_finished: bool,
}

impl Ahead {
    /// At most `ahead` updates of the only symbol ahead of the mean of so many connections.
    ///
    /// # Errors
    /// When the link cannot be made one that does not wait.
    pub fn new(link: Link, ahead: u32, connections: usize, course: Arc<Course>) -> anyhow::Result<Self> {
        link.wait_for_nothing()?;
        let state = State {
            link,
            lines: Lines::new(1),
            unsent: Vec::new(),
            sent: 0,
            published: Published::new()?,
            is_finished: false,
        };
        let (ahead, connections) = (u64::from(ahead), connections as u64);
        Ok(Self { ahead, connections, taken: AtomicU64::new(0), state: Mutex::new(state), course })
    }

    /// A turn of reads is over, which brought `taken` updates more: publishes what may be published now.
    ///
    /// # Errors
    /// [`LinkError`] if the broker is gone.
    pub fn turn(&self, taken: u64) -> Result<(), LinkError> {
        let all = self.taken.fetch_add(taken, Ordering::Relaxed) + taken;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match self.course.phase() {
            Phase::Connecting | Phase::Storming | Phase::Ending => Ok(()),
            Phase::Running => {
                let allowed = self.ahead + all / self.connections;
                state.publish(allowed, self.course.place(now_us()) == Place::Within)
            }
            Phase::Checking => state.finish(),
        }
    }

    /// Whether every connection has every update, or has been told of it otherwise.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.missing() == 0
    }

    /// Updates that some connection does not have, summed over all.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.sent * self.connections).saturating_sub(self.taken.load(Ordering::Relaxed))
    }

    /// What was published within the window.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn published(&self) -> Result<Published, CreationError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::replace(&mut state.published, Published::new()?))
    }
}

impl State {
    fn publish(&mut self, allowed: u64, counts: bool) -> Result<(), LinkError> {
        let due = allowed.saturating_sub(self.sent);
        if due == 0 && self.unsent.is_empty() {
            return Ok(());
        }
        let now = now_us();
        for _ in 0..due {
            self.lines.append(&mut self.unsent, 0, now, self.sent);
            self.sent += 1;
        }
        if counts {
            self.published.updates += due;
            self.published.writes += 1;
        }
        self.link.send_some(&mut self.unsent)
    }

    /// Says, once all is sent, that no more comes: a floor with batches then writes what is too little for one.
    fn finish(&mut self) -> Result<(), LinkError> {
        self.link.send_some(&mut self.unsent)?;
        if self.unsent.is_empty() && !self.is_finished {
            self.is_finished = true;
            self.link.finish();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    fn ahead(ahead: u32, connections: usize) -> (Ahead, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = Link::dial(listener.local_addr().unwrap()).unwrap();
        let taker = listener.accept().unwrap().0;
        taker.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        (Ahead::new(link, ahead, connections, Arc::default()).unwrap(), taker)
    }

    /// Lines that came since the last time.
    fn came(taker: &mut TcpStream) -> usize {
        let mut buffer = vec![0; 1 << 20];
        let read = taker.read(&mut buffer).unwrap_or(0);
        buffer[..read].iter().filter(|byte| **byte == b'\n').count()
    }

    #[test]
    fn the_mean_subscriber_is_never_further_behind_than_allowed() {
        let (ahead, mut taker) = ahead(16, 10);
        ahead.turn(0).unwrap();
        assert_eq!(came(&mut taker), 0, "nothing before the run");
        ahead.course.begin(Phase::Running);
        ahead.turn(0).unwrap();
        assert_eq!((came(&mut taker), ahead.missing()), (16, 160));
        ahead.turn(9).unwrap();
        assert_eq!(came(&mut taker), 0, "the mean is less than one update further");
        ahead.turn(1).unwrap();
        assert_eq!(came(&mut taker), 1);
        ahead.turn(155).unwrap();
        assert_eq!((came(&mut taker), ahead.missing()), (15, 155));
        ahead.course.begin(Phase::Checking);
        ahead.turn(155).unwrap();
        assert!(ahead.is_caught_up());
        assert_eq!(taker.read(&mut [0]).unwrap(), 0, "no more lines come");
    }

    #[test]
    fn what_a_full_socket_does_not_take_is_sent_later() {
        let (ahead, mut taker) = ahead(100_000, 1);
        ahead.course.begin(Phase::Running);
        let mut lines = 0;
        while lines < 100_000 {
            ahead.turn(0).unwrap();
            lines += came(&mut taker);
        }
        assert_eq!(lines, 100_000);
    }
}
