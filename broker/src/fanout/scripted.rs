//! What tests of the fan-out put in the place of the world: a socket that takes what they say, and a time that they set.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub(crate) type Hook = Box<dyn FnMut()>;

thread_local! {
    static INSTANT: Cell<Option<Instant>> = const { Cell::new(None) };
    static EACH_LOOK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static AT_WRITE: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// The time of this thread's test, if it has set one. A look at it may take time.
pub(crate) fn instant() -> Option<Instant> {
    let now = INSTANT.get()?;
    INSTANT.set(Some(now + EACH_LOOK.get()));
    Some(now)
}

/// Sets the time of this thread's test.
pub(crate) fn set_instant(now: Instant) {
    INSTANT.set(Some(now));
}

/// How much time goes by with each look at it, so that a turn ends before its work is done.
pub(crate) fn set_each_look(takes: Duration) {
    EACH_LOOK.set(takes);
}

/// What happens elsewhere whenever a socket is written to: publishers do not wait for a turn to end. Gives back what it was.
pub(crate) fn at_write(hook: Option<Hook>) -> Option<Hook> {
    AT_WRITE.replace(hook)
}

/// A socket with room for so many bytes. Clones are the same socket.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScriptedSocket(Rc<RefCell<Wire>>);

#[derive(Debug, Default)]
struct Wire {
    room: usize,
    sent: Vec<u8>,
    is_broken: bool,
    /// Since when each write was taken in part or not at all.
    full_from: Option<Instant>,
    /// Since when it has taken nothing of what it was offered.
    full_since: Option<Instant>,
    last_taken: Option<Instant>,
    was_full: bool,
}

impl ScriptedSocket {
    /// The peer reads: there is room for so many bytes more.
    pub(crate) fn make_room(&self, bytes: usize) {
        let mut wire = self.0.borrow_mut();
        wire.room = wire.room.saturating_add(bytes);
    }

    /// The peer stops reading: there is no room.
    pub(crate) fn fill(&self) {
        self.0.borrow_mut().room = 0;
    }

    /// What was written since this was last asked.
    pub(crate) fn take_sent(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().sent)
    }

    /// Whether a write would be taken, or fail.
    pub(crate) fn is_writable(&self) -> bool {
        let wire = self.0.borrow();
        wire.room > 0 || wire.is_broken
    }

    /// From now on writes fail.
    pub(crate) fn break_off(&self) {
        self.0.borrow_mut().is_broken = true;
    }

    /// Since when it has taken nothing; none if it took all that it was offered last.
    pub(crate) fn full_since(&self) -> Option<Instant> {
        self.0.borrow().full_since
    }

    /// Since when it has had no room, whether it was offered something or not.
    pub(crate) fn without_room_since(&self) -> Option<Instant> {
        let wire = self.0.borrow();
        wire.full_since.or(wire.last_taken.filter(|_| wire.room == 0))
    }

    /// Since when no write was taken whole; none if the last one was.
    pub(crate) fn full_from(&self) -> Option<Instant> {
        self.0.borrow().full_from
    }

    /// Whether it was full since this was last asked.
    pub(crate) fn was_full(&self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().was_full)
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let hook = AT_WRITE.take();
        if let Some(mut hook) = hook {
            hook();
            AT_WRITE.set(Some(hook));
        }
        self.0.borrow_mut().write(bytes)
    }
}

impl Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let (now, taken) = (INSTANT.get(), bytes.len().min(self.room));
        self.full_since = match taken {
            _ if taken == bytes.len() => None,
            0 => self.full_since.or(now),
            _ => now,
        };
        self.full_from = self.full_since.and(self.full_from.or(now));
        self.was_full |= self.full_since.is_some();
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.last_taken = now;
        self.room -= taken;
        self.sent.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::fanout::connection::{Connection, Sent};
    use crate::fanout::socket::Socket;

    #[test]
    fn a_connection_goes_on_where_its_socket_was_full() {
        set_instant(Instant::now());
        let (now, wire) = (clock::instant(), ScriptedSocket::default());
        assert_eq!(now, clock::instant());
        let socket = Rc::new(Socket::Scripted(wire.clone()));
        let mut connection = Connection::new(socket, ([127, 0, 0, 1], 1).into(), Box::new(()), now);
        connection.outbound.push_control(b"a reply");
        wire.make_room(2);
        assert_eq!((connection.send_waiting(now), wire.take_sent()), (Sent::Full, b"a ".to_vec()));
        wire.make_room(100);
        assert_eq!((connection.send_waiting(now), wire.take_sent()), (Sent::All, b"reply".to_vec()));
    }
}
