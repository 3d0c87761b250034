//! What tests of the fan-out put in the place of the world: a socket that takes what they say, and a time that they set.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Instant;

thread_local! {
    static INSTANT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The time of this thread's test, if it has set one.
pub(crate) fn instant() -> Option<Instant> {
    INSTANT.get()
}

/// Sets the time of this thread's test.
pub(crate) fn set_instant(now: Instant) {
    INSTANT.set(Some(now));
}

/// A socket with room for so many bytes. Clones are the same socket.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScriptedSocket(Rc<RefCell<Wire>>);

#[derive(Debug, Default)]
struct Wire {
    room: usize,
    sent: Vec<u8>,
}

impl ScriptedSocket {
    /// The peer reads: there is room for so many bytes more.
    pub(crate) fn make_room(&self, bytes: usize) {
        let mut wire = self.0.borrow_mut();
        wire.room = wire.room.saturating_add(bytes);
    }

    /// What was written since this was last asked.
    pub(crate) fn take_sent(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().sent)
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        let taken = bytes.len().min(wire.room);
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        wire.room -= taken;
        wire.sent.extend_from_slice(&bytes[..taken]);
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
