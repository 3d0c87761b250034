//! A publisher's connection to a broker.

use super::voice::Voice;
use rustix::net::RecvFlags;
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long connecting may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How often a write that waits looks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The connection failed.
#[derive(Debug, thiserror::Error)]
#[error("--publish {address}: {source}")]
pub struct LinkError {
    address: SocketAddr,
    source: io::Error,
}

/// A connection that takes lines, or what a voice says.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    address: SocketAddr,
    /// Who speaks over it, if the other side wants a dialect instead of lines.
    pub(super) voice: Option<Box<Voice>>,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// [`LinkError`] if nobody listens there.
    pub fn dial(address: SocketAddr) -> Result<Self, LinkError> {
        let dial = || {
            let stream = TcpStream::connect_timeout(&address, CONNECT_TIME_MAX)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(LOOK_EVERY))?;
            Ok(stream)
        };
        dial()
            .map(|stream| Self { stream, address, voice: None })
            .map_err(|source| LinkError { address, source })
    }

    /// Sends all of `bytes`, however long the other side takes; whether it did, or `given_up` said to stop.
    ///
    /// # Errors
    /// [`LinkError`] if the other side is gone.
    pub fn send(&mut self, bytes: &[u8], given_up: impl Fn() -> bool) -> Result<bool, LinkError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => return Err(self.failed(ErrorKind::WriteZero.into())),
                Ok(sent) => rest = &rest[sent..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if given_up() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(true)
    }

    /// What the other side has sent, if anything waits.
    ///
    /// # Errors
    /// [`LinkError`] if the other side is gone.
    pub fn receive_some(&self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        match rustix::net::recv(&self.stream, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((_, 0)) => Err(self.failed(ErrorKind::UnexpectedEof.into())),
            Ok((_, received)) => Ok(received),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            Err(error) => Err(self.failed(error.into())),
        }
    }

    /// Makes this a link for [`Link::send_some`].
    ///
    /// # Errors
    /// Of the system.
    pub fn wait_for_nothing(&self) -> Result<(), LinkError> {
        self.stream.set_nonblocking(true).map_err(|source| self.failed(source))
    }

    /// Sends as much of `bytes` as the other side takes at once, and removes it there.
    ///
    /// # Errors
    /// [`LinkError`] if the other side is gone.
    pub fn send_some(&mut self, bytes: &mut Vec<u8>) -> Result<(), LinkError> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(self.failed(ErrorKind::WriteZero.into())),
                Ok(sent) if sent == bytes.len() => bytes.clear(),
                Ok(sent) => drop(bytes.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    /// Says that no more lines come.
    pub fn finish(&self) {
        // If the other side is gone, it knows.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn failed(&self, source: io::Error) -> LinkError {
        LinkError { address: self.address, source }
    }
}
