//! The little that a server written by hand needs: a list to subscribe, and updates as they are.

use super::{DialectError, Speaker, json_list, unexpected};

/// What the answer to a subscription begins with.
const SUBSCRIBED: &[u8] = b"{\"subscribed\":";

impl Speaker {
    pub(super) fn open_plain(&mut self, out: &mut Vec<Vec<u8>>) {
        // Who only publishes waits for nothing.
        self.is_ready = self.symbols.is_empty();
        if !self.is_ready {
            out.push(format!("{{\"subscribe\":{}}}", json_list(&self.symbols)).into_bytes());
            self.symbols = Vec::new();
        }
    }

    pub(super) fn hear_plain(
        &mut self,
        message: &[u8],
        update: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DialectError> {
        if message.starts_with(SUBSCRIBED) {
            self.is_ready = true;
        } else if message.first() == Some(&b'{') {
            update(message);
        } else {
            return Err(unexpected(message));
        }
        Ok(())
    }
}
