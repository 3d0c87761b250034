//! Socket.IO 4: Engine.IO packets, whose kind is their first byte, and in those of kind 4 Socket.IO packets of the default
//! namespace.

use super::{DialectError, PACKET_BYTES_MAX, Speaker, json_list, shown, unexpected};

const JOIN: &[u8] = b"40";
const PONG: u8 = b'3';
/// The acknowledgement of the only event that asks for one.
const SUBSCRIBED: &[u8] = b"430";
/// An event `update` with one object.
const UPDATE: &[u8] = b"42[\"update\",";
const UPDATE_END: &[u8] = b"]";

pub(super) fn publish(out: &mut Vec<u8>, update: &[u8]) {
    out.extend_from_slice(b"42[\"publish\",");
    out.extend_from_slice(update);
    out.extend_from_slice(UPDATE_END);
}

impl Speaker {
    pub(super) fn hear_socket_io(
        &mut self,
        message: &[u8],
        out: &mut Vec<Vec<u8>>,
        update: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DialectError> {
        if message.len() > PACKET_BYTES_MAX {
            return Err(DialectError::TooLong);
        }
        let object = message.strip_prefix(UPDATE).and_then(|rest| rest.strip_suffix(UPDATE_END));
        if let Some(object) = object {
            update(object);
            return Ok(());
        }
        match message {
            [b'0', b'{', ..] => out.push(JOIN.to_vec()),
            [b'2', echo @ ..] => out.push([&[PONG], echo].concat()),
            [b'1'] | b"41" => return Err(DialectError::Goodbye),
            // A packet that means nothing.
            [b'6'] => {}
            [b'4', b'0', ..] => self.subscribe_socket_io(out),
            [b'4', b'4', reason @ ..] => return Err(DialectError::Refused(shown(reason))),
            _ if message.starts_with(SUBSCRIBED) => self.is_ready = true,
            _ => return Err(unexpected(message)),
        }
        Ok(())
    }

    fn subscribe_socket_io(&mut self, out: &mut Vec<Vec<u8>>) {
        self.is_ready = self.symbols.is_empty();
        if !self.is_ready {
            out.push(format!("420[\"subscribe\",{}]", json_list(&self.symbols)).into_bytes());
            self.symbols = Vec::new();
        }
    }
}
