//! Makes the faults that were asked for, between the stand-in and its connections.

use super::tally::Tally;
use super::waiting::Waiting;
use crate::fault::{Disturbance, Fault, FaultKind, Faults};
use crate::source::{Item, Kind};
use crate::stand_in::{ConnId, Out, Outbox};
use crate::venue::{ClassKind, Venue};
use feed::sim::random::{STEP, mix};
use rustc_hash::{FxHashMap, FxHashSet};
use schemas::capture::UnixNanos;
use std::time::Duration;
use tokio::time::Instant;

pub(super) struct Injector {
    venue: Venue,
    faults: Faults,
    tally: Tally,
    /// When the replay began.
    started: Option<Instant>,
    /// Records of data played.
    records: u64,
    /// Messages whose time to be held back was decided.
    held: u64,
    /// When a stream was last disturbed, by the capture's clock.
    disturbed: FxHashMap<Stream, UnixNanos>,
    /// What is to follow the next message of its stream.
    behind: FxHashMap<Stream, Vec<(ConnId, Out)>>,
    waiting: Waiting,
    /// Faults of connections that were made, by their places.
    done: Vec<bool>,
    /// Connections that are sent no data any more.
    muted: FxHashSet<ConnId>,
}

/// A channel of a symbol.
type Stream = (String, String);

/// What is to be done to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToConnections {
    End,
    Freeze,
    Mute,
}

impl Injector {
    /// None where there are no faults to make.
    pub(super) fn new(venue: Venue, faults: Faults, tally: Tally) -> Option<Self> {
        if faults.faults.is_empty() {
            return None;
        }
        let done = vec![false; faults.faults.len()];
        Some(Self {
            venue,
            faults,
            tally,
            started: None,
            records: 0,
            held: 0,
            disturbed: FxHashMap::default(),
            behind: FxHashMap::default(),
            waiting: Waiting::default(),
            done,
            muted: FxHashSet::default(),
        })
    }

    /// The replay begins.
    pub(super) fn start(&mut self, now: Instant) {
        self.started.get_or_insert(now);
    }

    /// A record was played at `time` by the capture's clock; what it led to stands in `out`.
    pub(super) fn disturb(&mut self, item: &Item, time: UnixNanos, now: Instant, out: &mut Outbox) {
        if item.kind != Kind::Frame {
            return;
        }
        let class = self.venue.classify(&item.text);
        if class.kind != ClassKind::Data {
            return;
        }
        self.records += 1;
        let stream: Stream = (class.channel.into_owned(), class.symbol.into_owned());
        let hit = (0..self.faults.faults.len()).find_map(|place| {
            let what = self.hit_by(place, &stream, time, now)?;
            (!out.0.is_empty()).then_some((place, what))
        });
        // What waits for this one comes behind it.
        let waited = self.behind.remove(&stream);
        if let Some((place, what)) = hit
            && self.apply(what, &stream, out)
        {
            self.tally.hit(place, &stream.0, &stream.1);
            self.disturbed.insert(stream, time);
        }
        out.0.extend(waited.into_iter().flatten());
    }

    /// What the fault at this place does to the present record.
    fn hit_by(&self, place: usize, stream: &Stream, time: UnixNanos, now: Instant) -> Option<Disturbance> {
        let fault = &self.faults.faults[place];
        let FaultKind::Disturb(what, share) = fault.kind else { return None };
        let spacing = u64::try_from(self.faults.spacing.as_nanos()).unwrap_or(u64::MAX);
        let is_spaced = |last: &UnixNanos| time.saturating_sub(*last) >= spacing;
        let fits = fault.is_about(&stream.1)
            && self.has_begun(fault, now)
            && self.disturbed.get(stream).is_none_or(is_spaced)
            && self.chance(place, self.records) < share;
        fits.then_some(what)
    }

    /// Does it to the messages of one record; false if it cannot be done to them.
    fn apply(&mut self, what: Disturbance, stream: &Stream, out: &mut Outbox) -> bool {
        match what {
            Disturbance::Drop => out.0.clear(),
            Disturbance::Duplicate => {
                out.0 = out.0.iter().flat_map(|one| [one.clone(), one.clone()]).collect()
            }
            Disturbance::Reorder => {
                let behind = std::mem::take(&mut out.0);
                self.behind.insert(stream.clone(), behind);
            }
            Disturbance::BadSum => return change(out, with_bad_sum),
            Disturbance::Garbage => {
                let chance = self.chance(usize::MAX, self.records);
                return change(out, |text| Some(cut_off(text, chance)));
            }
        }
        true
    }

    /// Takes out of `out` what is to be held back, and what nobody is to get, and puts in front what has waited long enough: the
    /// rest may not overtake what is due and was not handed out yet.
    pub(super) fn hold(&mut self, out: &mut Outbox, now: Instant) {
        if !self.muted.is_empty() {
            out.0.retain(|(conn, message)| !self.muted.contains(conn) || !self.is_data(message));
        }
        let new = std::mem::take(&mut out.0);
        out.0.extend(std::iter::from_fn(|| self.next(now)));
        for (conn, message) in new {
            match self.hold_one(&message, now) {
                Some((symbol, due)) => self.waiting.keep(&symbol, due, conn, message),
                None => out.0.push((conn, message)),
            }
        }
    }

    /// A heartbeat is none: it goes on when the data has stopped.
    fn is_data(&self, message: &Out) -> bool {
        match message {
            Out::Text(text) => {
                let class = self.venue.classify(text);
                class.kind != ClassKind::Control && class.channel != "heartbeat"
            }
            Out::Binary(_) => true,
            Out::Ping(_) | Out::Close { .. } => false,
        }
    }

    fn hold_one(&mut self, message: &Out, now: Instant) -> Option<(String, Instant)> {
        let Out::Text(text) = message else { return None };
        let class = self.venue.classify(text);
        if class.kind == ClassKind::Control {
            return None;
        }
        let due = (0..self.faults.faults.len())
            .filter_map(|place| self.held_until(place, (&class.channel, &class.symbol), text, now))
            .max();
        let until = self.waiting.until(&class.symbol, due, now)?;
        Some((class.symbol.into_owned(), until))
    }

    /// Until when the fault at this place holds a message back.
    fn held_until(
        &mut self,
        place: usize,
        (channel, symbol): (&str, &str),
        text: &str,
        now: Instant,
    ) -> Option<Instant> {
        let fault = &self.faults.faults[place];
        if !fault.is_about(symbol) || !self.has_begun(fault, now) {
            return None;
        }
        let due = match fault.kind {
            FaultKind::Delay(least, most) => now + self.between(place, least, most),
            FaultKind::SlowSnapshot(least, most) if is_snapshot_of_book(text) => {
                now + self.between(place, least, most)
            }
            FaultKind::Stall(long) => self.started? + fault.since + long,
            _ => return None,
        };
        if due <= now {
            return None;
        }
        self.tally.hit(place, channel, symbol);
        Some(due)
    }

    /// How long a reply over REST is held back.
    pub(super) fn rest_delay(&mut self, path: &str, symbol: Option<&str>, now: Instant) -> Duration {
        let mut longest = Duration::ZERO;
        for place in 0..self.faults.faults.len() {
            let fault = &self.faults.faults[place];
            if let FaultKind::SlowSnapshot(least, most) = fault.kind
                && path.contains("/depth")
                && fault.is_about(symbol.unwrap_or_default())
                && self.has_begun(fault, now)
            {
                longest = longest.max(self.between(place, least, most));
                self.tally.hit(place, "depth", symbol.unwrap_or_default());
            }
        }
        longest
    }

    /// What is to be done to all connections now, of which there are so many; each fault once.
    pub(super) fn due_to_connections(&mut self, connections: usize, now: Instant) -> Option<ToConnections> {
        let place = (0..self.done.len()).find(|place| {
            let fault = &self.faults.faults[*place];
            to_connections(fault.kind).is_some() && !self.done[*place] && self.has_begun(fault, now)
        })?;
        self.done[place] = true;
        self.tally.hit_connections(place, connections);
        to_connections(self.faults.faults[place].kind)
    }

    /// These connections are sent no data from now on.
    pub(super) fn mute(&mut self, conns: impl IntoIterator<Item = ConnId>) {
        self.muted.extend(conns);
    }

    /// A connection for which more than `bytes_max` bytes are held back.
    pub(super) fn overfull(&self, bytes_max: usize) -> Option<ConnId> {
        self.waiting.overfull(bytes_max)
    }

    /// When something that waits is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.next_due()
    }

    /// The next message that has waited long enough.
    fn next(&mut self, now: Instant) -> Option<(ConnId, Out)> {
        loop {
            let (conn, message) = self.waiting.next(now)?;
            if !self.muted.contains(&conn) || !self.is_data(&message) {
                return Some((conn, message));
            }
        }
    }

    /// Nothing follows that the rest could come behind.
    pub(super) fn end(&mut self, out: &mut Outbox) {
        out.0.extend(self.behind.drain().flat_map(|(_, rest)| rest));
    }

    pub(super) fn closed(&mut self, conn: ConnId) {
        self.waiting.forget(conn);
        self.muted.remove(&conn);
        self.behind.values_mut().for_each(|rest| rest.retain(|(of, _)| *of != conn));
    }

    fn has_begun(&self, fault: &Fault, now: Instant) -> bool {
        self.started.is_some_and(|started| now >= started + fault.since)
    }

    fn between(&mut self, place: usize, least: Duration, most: Duration) -> Duration {
        self.held += 1;
        least + (most - least).mul_f64(self.chance(place, self.held))
    }

    /// From 0 up to 1: the same for the same seed, fault and message.
    fn chance(&self, place: usize, message: u64) -> f64 {
        let place = (place as u64).wrapping_add(1).wrapping_mul(STEP);
        let bits = mix(mix(self.faults.seed ^ place).wrapping_add(message.wrapping_mul(STEP)));
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What a fault does to connections, if it is about them.
const fn to_connections(kind: FaultKind) -> Option<ToConnections> {
    match kind {
        FaultKind::Disconnect => Some(ToConnections::End),
        FaultKind::HalfOpen => Some(ToConnections::Freeze),
        FaultKind::Mute => Some(ToConnections::Mute),
        _ => None,
    }
}

/// Changes all texts; false, and nothing is changed, if one cannot be.
fn change(out: &mut Outbox, with: impl Fn(&str) -> Option<String>) -> bool {
    let changed = |(conn, message): &(ConnId, Out)| match message {
        Out::Text(text) => with(text).map(|text| (*conn, Out::Text(text.into()))),
        _ => None,
    };
    match out.0.iter().map(changed).collect() {
        Some(all) => {
            out.0 = all;
            true
        }
        None => false,
    }
}

/// The same with another last digit in its checksum.
fn with_bad_sum(text: &str) -> Option<String> {
    const KEY: &str = "\"checksum\":";
    let digits = text.find(KEY)? + KEY.len();
    let length = text[digits..].find(|c: char| !c.is_ascii_digit() && c != '-')?;
    let last = digits + length.checked_sub(1)?;
    let digit = if text[last..].starts_with('7') { '3' } else { '7' };
    Some(format!("{}{digit}{}", &text[..last], &text[last + 1..]))
}

/// Some of the second half is missing.
fn cut_off(text: &str, chance: f64) -> String {
    let half = text.len() / 2;
    let mut at = half + ((text.len() - half) as f64 * chance) as usize;
    at = at.min(text.len().saturating_sub(1));
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text[..at].to_owned()
}

fn is_snapshot_of_book(text: &str) -> bool {
    let has = |word: &str| text.contains(word);
    has("snapshot\"") && (has("\"asks\":[") || has("\"a\":["))
}

#[cfg(test)]
mod tests;
