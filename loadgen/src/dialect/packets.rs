//! Packets in a stream of bytes that comes in pieces of any size.

use super::{DialectError, PACKET_BYTES_MAX};

/// Keeps what is left of a packet until its end comes.
#[derive(Debug, Default)]
pub(super) struct Packets {
    tail: Vec<u8>,
}

impl Packets {
    /// Calls `take` with what there is, again and again: it says how many bytes the packet in front has, once that is whole.
    ///
    /// # Errors
    /// Those of `take`, and [`DialectError::TooLong`] if it wants more than is accepted.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        take: impl FnMut(&[u8]) -> Result<Option<usize>, DialectError>,
    ) -> Result<(), DialectError> {
        if self.tail.is_empty() {
            let used = take_all(bytes, take)?;
            self.tail.extend_from_slice(&bytes[used..]);
        } else {
            self.tail.extend_from_slice(bytes);
            let used = take_all(&self.tail, take)?;
            self.tail.drain(..used);
        }
        // A header and its end go beyond the packet itself.
        if self.tail.len() > 2 * PACKET_BYTES_MAX { Err(DialectError::TooLong) } else { Ok(()) }
    }

    /// Bytes that wait for the end of their packet.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.tail.len()
    }
}

fn take_all(
    bytes: &[u8],
    mut take: impl FnMut(&[u8]) -> Result<Option<usize>, DialectError>,
) -> Result<usize, DialectError> {
    let mut used = 0;
    while used < bytes.len()
        && let Some(taken) = take(&bytes[used..])?
    {
        used += taken;
    }
    Ok(used)
}
