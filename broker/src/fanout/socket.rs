//! A subscriber's socket, as its shard has it.

use prefetch_index::prefetch_index;
use rustix::net::SendFlags;
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::slice;
use std::time::Duration;
use tokio::net::TcpStream;

/// A connected socket. The one variant costs nothing; tests have another, which takes what they say.
#[derive(Debug)]
pub(crate) enum Socket {
    /// A real one.
    Tcp(TcpStream),
    /// One that a test reads.
    #[cfg(test)]
    Scripted(super::scripted::ScriptedSocket),
}

impl Socket {
    /// Takes a socket onto this runtime, set so that the kernel holds no more than `unsent_bytes_max` that it has not sent:
    /// there it could no longer be conflated.
    pub(crate) fn prepare(socket: std::net::TcpStream, unsent_bytes_max: u32) -> io::Result<Self> {
        let options = SockRef::from(&socket);
        options.set_tcp_nodelay(true)?;
        options.set_tcp_notsent_lowat(unsent_bytes_max)?;
        TcpStream::from_std(socket).map(Self::Tcp)
    }

    /// Writes what the socket takes now: none of it, if it is full.
    #[inline]
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => match rustix::net::send(stream, bytes, SendFlags::NOSIGNAL) {
                Ok(taken) => Ok(taken),
                // The runtime has to see for itself that the socket is full, or it will not tell when it is not.
                Err(_) => nothing_if_full(stream.try_write(bytes)),
            },
            #[cfg(test)]
            Self::Scripted(socket) => nothing_if_full(socket.try_write(bytes)),
        }
    }

    /// Has the cache fetch what [`write`](Self::write) needs, for a socket whose turn comes soon, and does not wait for it.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch_index(slice::from_ref(self), 0);
    }

    /// Reads what has come.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream()?.try_read(buffer)
    }

    /// Waits until it may take bytes.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.stream()?.writable().await
    }

    /// Waits until bytes may have come.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.stream()?.readable().await
    }

    /// Ends one side or both. It may be gone already, which is what is wanted.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        let _ = self.stream().map(|stream| SockRef::from(stream).shutdown(how));
    }

    /// When it is dropped the kernel keeps nothing for it, and resets the connection.
    pub(crate) fn reset_when_dropped(&self) {
        let _ = self.stream().map(|stream| SockRef::from(stream).set_linger(Some(Duration::ZERO)));
    }

    /// The real one; what awaits or reads it is not tested with another.
    #[cfg_attr(not(test), expect(clippy::unnecessary_wraps, reason = "a test's socket is no stream"))]
    fn stream(&self) -> io::Result<&TcpStream> {
        match self {
            Self::Tcp(stream) => Ok(stream),
            #[cfg(test)]
            Self::Scripted(_) => Err(ErrorKind::Unsupported.into()),
        }
    }
}

fn nothing_if_full(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        other => other,
    }
}
