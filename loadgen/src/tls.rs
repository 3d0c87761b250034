//! TLS over the sockets of a poll loop: what arrives is decrypted when it is read, and what is sent is encrypted before.

use ::tls::Tls;
use rustls::ClientConnection;
use std::io::{self, ErrorKind, Read, Write};

/// One connection's part.
#[derive(Debug)]
pub struct Session(ClientConnection);

impl Session {
    /// Of a connection that is to be.
    ///
    /// # Errors
    /// If the settings are refused.
    pub fn new(tls: &Tls) -> Result<Self, rustls::Error> {
        tls.session().map(Self)
    }

    /// Reads what is decrypted, or decrypts what has arrived; 0 is the end of the stream. A short read does not mean that
    /// nothing is left.
    ///
    /// # Errors
    /// Of the socket, [`ErrorKind::WouldBlock`] when nothing is left, [`ErrorKind::InvalidData`] when the server breaks TLS's rules.
    pub fn read(&mut self, stream: &mut (impl Read + Write), buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.0.read_tls(stream)? == 0 {
                return Ok(0);
            }
            let processed = self.0.process_new_packets();
            // Also an alert that tells the server why.
            let pushed = self.push(stream);
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            pushed?;
        }
    }

    /// Sends `unsent`, as far as the socket takes it, and keeps the rest there. What waits for the end of the handshake is
    /// bounded by the library.
    ///
    /// # Errors
    /// Of the socket.
    pub fn send(&mut self, stream: &mut impl Write, unsent: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let taken = if unsent.is_empty() { 0 } else { self.0.writer().write(unsent)? };
            unsent.drain(..taken);
            if !self.push(stream)? || taken == 0 {
                return Ok(());
            }
        }
    }

    /// Sends what is encrypted; whether the socket took all.
    fn push(&mut self, stream: &mut impl Write) -> io::Result<bool> {
        while self.0.wants_write() {
            match self.0.write_tls(stream) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
