//! Where the server speaks a dialect: its messages are unpacked, and the updates in them go the way of all updates.

use super::{Arrival, Receiver};
use crate::connection::{End, Session, Stage};
use crate::dialect::{Dialect, Speaker};
use crate::random::Random;

impl Receiver {
    /// Takes a message of a server that speaks a dialect.
    pub(super) fn in_dialect(
        &mut self,
        session: &mut Session,
        message: &[u8],
        arrival: Arrival,
    ) -> Result<(), End> {
        let Some(mut speaker) = session.speaker.take() else { return Ok(()) };
        let mut answers = Vec::new();
        let heard = speaker.message(message, &mut answers, &mut |update| self.text(session, update, arrival));
        session.say(speaker.opcode(), &answers, &mut self.random);
        if speaker.is_ready() && matches!(session.stage, Stage::Subscribing) {
            self.all_replied(session);
        }
        session.speaker = Some(speaker);
        Ok(heard?)
    }
}

impl Session {
    /// Begins to speak, to subscribe to these symbols.
    pub(super) fn begin_dialect(&mut self, dialect: Dialect, symbols: &[&str], random: &mut Random) {
        self.stage = Stage::Subscribing;
        let mut speaker = Speaker::new(dialect, symbols.iter().map(|&symbol| symbol.to_owned()).collect());
        let mut opening = Vec::new();
        speaker.open(&mut opening);
        self.say(dialect.opcode(), &opening, random);
        self.speaker = Some(Box::new(speaker));
    }
}
