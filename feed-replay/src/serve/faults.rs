//! Makes the faults that were asked for, between the stand-in and its connections.

use super::tally::Tally;
use super::waiting::Waiting;
use crate::fault::{Disturbance, Fault, FaultKind, Faults};
use crate::source::{Item, Kind};
use crate::stand_in::{ConnId, Out, Outbox};
use crate::venue::{ClassKind, Venue};
use feed::sim::random::{STEP, mix};
use rustc_hash::FxHashMap;
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
}

/// A channel of a symbol.
type Stream = (String, String);

/// What is to be done to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToConnections {
    End,
    Freeze,
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

    /// Takes out of `out` what is to be held back.
    pub(super) fn hold(&mut self, out: &mut Outbox, now: Instant) {
        for (conn, message) in std::mem::take(&mut out.0) {
            match self.hold_one(&message, now) {
                Some((symbol, due)) => self.waiting.keep(&symbol, due, conn, message),
                None => out.0.push((conn, message)),
            }
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
            let is_of_connections = matches!(fault.kind, FaultKind::Disconnect | FaultKind::HalfOpen);
            is_of_connections && !self.done[*place] && self.has_begun(fault, now)
        })?;
        self.done[place] = true;
        self.tally.hit_connections(place, connections);
        let ends = self.faults.faults[place].kind == FaultKind::Disconnect;
        Some(if ends { ToConnections::End } else { ToConnections::Freeze })
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
    pub(super) fn next(&mut self, now: Instant) -> Option<(ConnId, Out)> {
        self.waiting.next(now)
    }

    /// Nothing follows that the rest could come behind.
    pub(super) fn end(&mut self, out: &mut Outbox) {
        out.0.extend(self.behind.drain().flat_map(|(_, rest)| rest));
    }

    pub(super) fn closed(&mut self, conn: ConnId) {
        self.waiting.forget(conn);
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
mod tests {
    use super::*;

    fn injector(specs: &[&str], spacing: u64) -> Injector {
        let faults = specs.iter().map(|spec| spec.parse().unwrap()).collect();
        let faults = Faults { faults, seed: 7, spacing: Duration::from_nanos(spacing) };
        let tally = Tally::new(&faults);
        let mut injector = Injector::new(Venue::Binance, faults, tally).unwrap();
        injector.start(Instant::now());
        injector
    }

    fn trade(symbol: &str, id: u64) -> Item {
        let mut item = Item::default();
        let text = format!(r#"{{"e":"trade","E":1,"s":"{symbol}","t":{id},"p":"1","q":"1","T":1,"m":true}}"#);
        item.set_text(id, Kind::Frame, &text);
        item
    }

    /// The ids of what goes out for trades 1 to `count`.
    fn ids(injector: &mut Injector, symbol: &str, count: u64) -> Vec<u64> {
        let mut sent = Outbox::default();
        for id in 1..=count {
            let item = trade(symbol, id);
            let mut out = Outbox::default();
            out.text(1, item.text.as_str());
            injector.disturb(&item, id, Instant::now(), &mut out);
            sent.0.extend(out.0);
        }
        let id = |out: &Out| match out {
            Out::Text(text) => text.split("\"t\":").nth(1)?.split(',').next()?.parse().ok(),
            _ => None,
        };
        sent.0.iter().filter_map(|(_, out)| id(out)).collect()
    }

    fn injected(injector: &Injector) -> u64 {
        injector.tally.counts().faults[0].injected
    }

    #[test]
    fn a_share_of_messages_is_left_out_and_counted() {
        let mut dropping = injector(&["drop:10%"], 0);
        let sent = ids(&mut dropping, "A", 2_000);
        let dropped = 2_000 - sent.len() as u64;
        assert!((120..280).contains(&dropped), "{dropped}");
        assert_eq!(injected(&dropping), dropped);
        assert_eq!(ids(&mut injector(&["drop:10%"], 0), "A", 2_000), sent, "the seed decides");
        assert_eq!(ids(&mut injector(&["drop:100%:B"], 0), "A", 5), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn twice_and_behind_the_next_one() {
        assert_eq!(ids(&mut injector(&["dup:100%"], 0), "A", 2), [1, 1, 2, 2]);
        assert_eq!(ids(&mut injector(&["reorder:100%"], 2), "A", 5), [2, 1, 4, 3]);
        let mut last = injector(&["reorder:100%"], 2);
        ids(&mut last, "A", 1);
        let mut rest = Outbox::default();
        last.end(&mut rest);
        assert_eq!(rest.0.len(), 1);
    }

    #[test]
    fn faults_of_a_stream_keep_their_distance() {
        let mut spaced = injector(&["drop:100%"], 10);
        assert_eq!(ids(&mut spaced, "A", 25).len(), 22);
        assert_eq!(injected(&spaced), 3);
    }

    #[test]
    fn what_nobody_hears_is_not_counted() {
        let mut injector = injector(&["drop:100%"], 0);
        injector.disturb(&trade("A", 1), 1, Instant::now(), &mut Outbox::default());
        assert_eq!(injected(&injector), 0);
    }

    #[test]
    fn checksums_change_in_one_digit_and_frames_are_cut_in_their_second_half() {
        assert_eq!(with_bad_sum(r#"{"checksum":-127,"b":1}"#).unwrap(), r#"{"checksum":-123,"b":1}"#);
        assert_eq!(with_bad_sum(r#"{"checksum":5}"#).unwrap(), r#"{"checksum":7}"#);
        assert_eq!(with_bad_sum(r#"{"b":1}"#), None);
        let mut none = injector(&["badsum:100%"], 0);
        assert_eq!((ids(&mut none, "A", 3), injected(&none)), (vec![1, 2, 3], 0));
        for chance in [0.0, 0.5, 0.999_999] {
            let text = "{\"é\":\"éééé\"}";
            let cut = cut_off(text, chance).len();
            assert!((text.len() / 2 - 1..text.len()).contains(&cut), "{cut}");
        }
    }

    #[test]
    fn what_is_held_back_keeps_its_order_and_pongs_pass() {
        let mut delaying = injector(&["delay:10ms..20ms", "stall:1h@0s:B"], 0);
        let now = Instant::now();
        let mut out = Outbox::default();
        (1..=3).for_each(|id| out.text(1, trade("A", id).text));
        out.text(1, trade("B", 1).text);
        out.text(1, r#"{"result":null,"id":1}"#);
        delaying.hold(&mut out, now);
        assert_eq!(out.0.len(), 1, "the reply");
        assert!(delaying.next(now + Duration::from_millis(9)).is_none());
        let later = now + Duration::from_millis(61);
        let texts: Vec<_> = std::iter::from_fn(|| delaying.next(later)).map(|(_, out)| out).collect();
        assert_eq!(texts, [1, 2, 3].map(|id| Out::Text(trade("A", id).text.into())));
        let counts = delaying.tally.counts().faults;
        assert_eq!(counts.iter().map(|count| count.injected).collect::<Vec<_>>(), [4, 1]);
    }

    #[test]
    fn connections_are_ended_once_and_snapshots_over_rest_are_slow() {
        let mut injector = injector(&["disconnect@0s", "half-open@0s", "slow-snapshot:2s:A"], 0);
        let now = Instant::now();
        let done = [(); 3].map(|()| injector.due_to_connections(4, now));
        assert_eq!(done, [Some(ToConnections::End), Some(ToConnections::Freeze), None]);
        assert_eq!(injected(&injector), 4);
        assert_eq!(injector.rest_delay("/api/v3/depth", Some("A"), now), Duration::from_secs(2));
        assert_eq!(injector.rest_delay("/api/v3/depth", Some("B"), now), Duration::ZERO);
        assert_eq!(injector.rest_delay("/api/v3/time", None, now), Duration::ZERO);
    }
}
