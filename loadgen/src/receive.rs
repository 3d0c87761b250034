//! What a received message means for its connection and for the figures.

mod dialect;

use crate::class::Class;
use crate::connection::{Connection, End, Session, Stage};
use crate::frame::{Decoder, Message};
use crate::phase::Place;
use crate::plan::{Behaviour, Plan};
use crate::random::Random;
use crate::reply;
use crate::roll_call::RollCall;
use crate::scan::{Header, Kind, Scanned, scan};
use crate::storm::{Follower, Spells};
use crate::streak::Streaks;
use crate::tally::Tally;
use crate::verify::{Verifiers, Watched};
use std::sync::Arc;
use std::time::Duration;

/// Receives for all connections of a thread.
#[derive(Debug)]
pub struct Receiver {
    /// The load.
    pub plan: Arc<Plan>,
    /// What was received.
    pub tally: Tally,
    /// Proves the protocol's promises, if asked to.
    pub verifiers: Verifiers,
    /// Tells apart what came before a storm, in it and after it, for connections that stay.
    pub spells: Option<Spells>,
    /// Follows the connections of a storm.
    pub follower: Option<Follower>,
    /// Sees whether each connection gets each update, if each is to.
    pub streaks: Option<Streaks>,
    /// Looks for each update at each subscriber, if that is wanted.
    pub roll_call: Option<RollCall>,
    /// Masks and jitter.
    pub random: Random,
}

/// When bytes arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// In microseconds since the Unix epoch.
    pub at_us: u64,
    /// In relation to the measured window.
    pub place: Place,
}

impl Receiver {
    /// Takes what one read returned.
    ///
    /// # Errors
    /// [`End`] when the connection is over.
    pub fn bytes(&mut self, connection: &mut Connection, bytes: &[u8], arrival: Arrival) -> Result<(), End> {
        if arrival.place == Place::Within {
            let counts = &mut self.tally.classes.latest(connection.session.class).counts;
            counts.bytes += bytes.len() as u64;
            counts.reads += 1;
        }
        let Connection { decoder, session, .. } = connection;
        let mut input = bytes;
        if let Stage::Upgrading(handshake) = &mut session.stage {
            let Some(used) = handshake.advance(input)? else { return Ok(()) };
            input = &input[used..];
            self.upgraded(session, arrival);
        }
        let received = self.messages(session, decoder, input, arrival);
        self.read_is_over(session.class, arrival);
        received
    }

    fn messages(
        &mut self,
        session: &mut Session,
        decoder: &mut Decoder,
        mut input: &[u8],
        arrival: Arrival,
    ) -> Result<(), End> {
        loop {
            if decoder.is_between() {
                self.hop(session, &mut input, arrival);
            }
            let Some(message) = decoder.next(&mut input)? else { return Ok(()) };
            self.message(session, &message, arrival)?;
        }
    }

    /// Where each update is to come, those that just follow each other need no more than to be counted.
    fn hop(&mut self, session: &mut Session, input: &mut &[u8], arrival: Arrival) {
        let Some(streaks) = &mut self.streaks else { return };
        let hopped = streaks.hop(input, &mut session.streak);
        self.tally.deliveries += hopped.updates;
        if arrival.place == Place::Within {
            let counts = &mut self.tally.classes.latest(session.class).counts;
            counts.updates += hopped.updates;
            counts.entries += hopped.updates;
            counts.frame_bytes += hopped.text_bytes;
        }
    }

    /// Where updates come by the hundred in a read, the last one stands for all of them.
    fn read_is_over(&mut self, class: usize, arrival: Arrival) {
        let times = self.streaks.as_mut().and_then(Streaks::times);
        if let Some((ts, rx)) = times.filter(|_| arrival.place == Place::Within) {
            self.tally.classes.latest(class).latency.record(arrival.at_us, ts, rx);
        }
    }

    /// Within the window, which opened at `start_us`, the second of `at_us` begins.
    pub fn begin_second(&mut self, start_us: u64, at_us: u64) {
        self.tally.begin_second(start_us, at_us, self.plan.has_both_rates());
    }

    /// Within the window, bytes waited from `since_us` to `at_us`.
    pub fn waited(&mut self, since_us: u64, at_us: u64) {
        self.tally.waited(at_us.saturating_sub(since_us));
        if let Some(spells) = &mut self.spells {
            spells.read(since_us, at_us);
        }
    }

    fn upgraded(&mut self, session: &mut Session, arrival: Arrival) {
        session.subscribed_at_us = arrival.at_us;
        session.class = self.tally.classes.join(Class::of(&session.client, session.was_live));
        let names = session.names(&self.plan);
        if let Some(dialect) = self.plan.dialect {
            session.begin_dialect(dialect, &names, &mut self.random);
        } else if let Some(follower) = &self.follower {
            let Session { followed, client, .. } = &mut *session;
            let asked = follower.upgraded(followed, &client.symbols, &self.plan, arrival.at_us);
            session.subscribe(&asked, &mut self.random);
        } else if let Some(verifier) = self.verifiers.of(session.client.channel) {
            if !self.plan.resume {
                session.watched = Watched::default();
            }
            let asked = verifier.watch_on(&mut session.watched, &names);
            session.subscribe(&asked, &mut self.random);
        } else {
            session.subscribe(&names, &mut self.random);
        }
        if session.client.behaviour == Behaviour::Stalled {
            session.stage = Stage::Live;
        }
    }

    fn message(&mut self, session: &mut Session, message: &Message<'_>, arrival: Arrival) -> Result<(), End> {
        match *message {
            Message::Text(message) | Message::Binary(message) if session.speaker.is_some() => {
                return self.in_dialect(session, message, arrival);
            }
            Message::Text(text) => self.text(session, text, arrival),
            Message::Binary(bytes) => self.unparsable(session, "a binary message", bytes),
            Message::Ping(payload) => {
                session.pong(payload, &mut self.random);
                self.tally.others.pings += u64::from(arrival.place == Place::Within);
            }
            Message::Pong => {}
            Message::Close { code, reason } => return Err(self.closed(session, code, reason)),
        }
        Ok(())
    }

    fn closed(&mut self, session: &mut Session, code: u16, reason: &[u8]) -> End {
        if matches!(session.stage, Stage::Closing) {
            return End::Left;
        }
        session.close(if code == 1005 { 1000 } else { code }, &mut self.random);
        let reason = String::from_utf8_lossy(reason).chars().take(80).collect();
        End::Closed { code, reason }
    }

    fn text(&mut self, session: &mut Session, text: &[u8], arrival: Arrival) {
        let within = arrival.place == Place::Within;
        match scan(text) {
            Ok(Scanned::Topic(header)) => self.topic(session, &header, text, arrival),
            Ok(Scanned::Reply) => self.reply(session, text, arrival),
            Ok(Scanned::Hello) => self.tally.hello(text),
            Ok(Scanned::Heartbeat) => self.tally.others.heartbeats += u64::from(within),
            Ok(Scanned::Goaway { reconnect_in_ms }) => {
                session.reconnect_in = reconnect_in_ms.map(Duration::from_millis);
            }
            // The load generator measures whatever rate it is served at.
            Ok(Scanned::Tier) => {}
            Ok(Scanned::Unknown) => self.tally.others.unknown += u64::from(within),
            Err(error) => self.unparsable(session, &error.to_string(), text),
        }
    }

    fn topic(&mut self, session: &mut Session, header: &Header<'_>, text: &[u8], arrival: Arrival) {
        self.tally.deliveries += 1;
        let repeated = match self.verifiers.of(session.client.channel) {
            Some(verifier) => verifier.frame(session.client.number, &mut session.watched, header, text),
            None => false,
        };
        if let Some(follower) = &mut self.follower {
            let Session { followed, client, .. } = &mut *session;
            follower.frame(client, followed, header, text, arrival.at_us);
        }
        if let Some(streaks) = &mut self.streaks {
            streaks.frame(header, &mut session.streak);
        }
        if let Some(roll_call) = &mut self.roll_call {
            roll_call.frame(&session.client, header);
        }
        if arrival.place != Place::Within {
            return;
        }
        let portion = self.tally.classes.latest(session.class);
        portion.counts.topic(header, text);
        let catching_up = repeated || header.rx.is_some_and(|rx| rx < session.subscribed_at_us);
        if let Some(spells) = &mut self.spells {
            spells.topic(header, text, arrival.at_us, catching_up);
        }
        if header.kind != Kind::Update || self.streaks.is_some() {
            return;
        }
        if catching_up {
            portion.counts.catching_up += 1;
        } else {
            portion.latency.record(arrival.at_us, header.ts, header.rx);
        }
    }

    fn reply(&mut self, session: &mut Session, text: &[u8], arrival: Arrival) {
        self.tally.others.replies += u64::from(arrival.place == Place::Within);
        let reply = match reply::parse(text) {
            Ok(reply) => reply,
            Err(error) => return self.unparsable(session, &error.to_string(), text),
        };
        session.replies_due = session.replies_due.saturating_sub(1);
        reply
            .result
            .iter()
            .flat_map(|outcome| &outcome.subscribed)
            .for_each(|granted| self.tally.granted(granted));
        let rejected = reply.result.iter().flat_map(|outcome| &outcome.rejected).chain(&reply.error);
        for refusal in rejected {
            self.tally.refused.count(&format!("{}: {}", refusal.code, refusal.message));
        }
        if let Some(verifier) = self.verifiers.of(session.client.channel) {
            let ended = matches!(session.stage, Stage::Unsubscribing) && session.replies_due == 0;
            verifier.reply(&mut session.watched, &reply, ended);
        }
        if let Some(follower) = &mut self.follower {
            follower.reply(&mut session.followed, &reply, arrival.at_us);
        }
        if session.replies_due == 0 {
            self.all_replied(session);
        }
    }

    fn all_replied(&mut self, session: &mut Session) {
        match session.stage {
            Stage::Subscribing => {
                session.stage = Stage::Live;
                session.attempts = 0;
                session.was_live = true;
            }
            Stage::Unsubscribing => {
                session.stage = Stage::Closing;
                session.close(1000, &mut self.random);
            }
            _ => {}
        }
    }

    fn unparsable(&mut self, session: &Session, error: &str, bytes: &[u8]) {
        self.tally.unparsable(session.client.number, error, bytes);
    }
}

#[cfg(test)]
mod tests;
