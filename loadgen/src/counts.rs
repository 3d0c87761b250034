//! What was received.

use crate::scan::{Header, Kind};
use serde::{Deserialize, Serialize};

/// Counts of what came in; of the measured window, unless said otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Frames of type `update`.
    pub updates: u64,
    /// Of these, updates from before the subscription, or that came before: what follows a snapshot to catch up. They are
    /// deliveries, and their latency says nothing.
    pub catching_up: u64,
    /// Entries that the updates cover: more than updates where some were merged.
    pub entries: u64,
    /// Frames of type `snapshot`.
    pub snapshots: u64,
    /// Frames of type `state`.
    pub states: u64,
    /// Frames of type `conflated`.
    pub conflated_frames: u64,
    /// Entries that they cover.
    pub conflated_entries: u64,
    /// Frames of type `gap`.
    pub gap_frames: u64,
    /// Trades that were lost between the broker and this client.
    pub lost_slow: u64,
    /// Trades that the broker did not get from the venue.
    pub lost_venue: u64,
    /// Replies.
    pub replies: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Pings.
    pub pings: u64,
    /// Messages that are no frames of the protocol.
    pub unparsable: u64,
    /// Frames of types that this version does not know.
    pub unknown: u64,
    /// Bytes of data frames, without WebSocket headers.
    pub frame_bytes: u64,
    /// Bytes received, all of them.
    pub bytes: u64,
    /// Reads that returned bytes.
    pub reads: u64,
}

#[derive(Deserialize)]
struct Gap<'a> {
    #[serde(default)]
    lost: u64,
    #[serde(borrow)]
    reason: Option<std::borrow::Cow<'a, str>>,
}

impl Counts {
    /// Frames that carry data or state of a topic.
    #[must_use]
    pub fn deliveries(&self) -> u64 {
        self.updates + self.snapshots + self.states
    }

    /// Counts a frame about a topic.
    pub fn topic(&mut self, header: &Header<'_>, text: &[u8]) {
        let width = header.seq.1.saturating_sub(header.seq.0).saturating_add(1);
        self.frame_bytes += text.len() as u64;
        match header.kind {
            Kind::Update => {
                self.updates += 1;
                self.entries += width;
            }
            Kind::Snapshot => self.snapshots += 1,
            Kind::State => self.states += 1,
            Kind::Conflated => {
                self.conflated_frames += 1;
                self.conflated_entries += width;
            }
            Kind::Gap => self.gap(text),
        }
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        self.updates += other.updates;
        self.catching_up += other.catching_up;
        self.entries += other.entries;
        self.snapshots += other.snapshots;
        self.states += other.states;
        self.conflated_frames += other.conflated_frames;
        self.conflated_entries += other.conflated_entries;
        self.gap_frames += other.gap_frames;
        self.lost_slow += other.lost_slow;
        self.lost_venue += other.lost_venue;
        self.replies += other.replies;
        self.heartbeats += other.heartbeats;
        self.pings += other.pings;
        self.unparsable += other.unparsable;
        self.unknown += other.unknown;
        self.frame_bytes += other.frame_bytes;
        self.bytes += other.bytes;
        self.reads += other.reads;
    }

    fn gap(&mut self, text: &[u8]) {
        self.gap_frames += 1;
        // A gap that cannot be read in full is still a gap; the verifier complains about it.
        let Ok(gap) = serde_json::from_slice::<Gap<'_>>(text) else { return };
        match gap.reason.as_deref() {
            Some("venue") => self.lost_venue += gap.lost,
            _ => self.lost_slow += gap.lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Scanned, scan};

    #[test]
    fn every_kind_has_its_place() {
        let mut counts = Counts::default();
        for rest in [
            r#""type":"update","seq":[1,1]"#,
            r#""type":"update","seq":[2,9]"#,
            r#""type":"snapshot","seq":[1,50]"#,
            r#""type":"state","seq":[10,10]"#,
            r#""type":"conflated","seq":[11,20]"#,
            r#""type":"gap","seq":[21,23],"lost":3,"reason":"slow_consumer""#,
            r#""type":"gap","seq":[24,24],"lost":7,"reason":"venue""#,
        ] {
            let text = format!(r#"{{"channel":"trades","symbol":"a:b",{rest}}}"#);
            let Ok(Scanned::Topic(header)) = scan(text.as_bytes()) else { panic!("{text}") };
            counts.topic(&header, text.as_bytes());
        }
        let mut expected = Counts { updates: 2, entries: 9, snapshots: 1, states: 1, ..Counts::default() };
        expected.conflated_frames = 1;
        expected.conflated_entries = 10;
        expected.gap_frames = 2;
        expected.lost_slow = 3;
        expected.lost_venue = 7;
        expected.frame_bytes = counts.frame_bytes;
        assert_eq!(counts, expected);
        assert_eq!(counts.deliveries(), 4);
        let mut twice = counts;
        twice.merge(&counts);
        assert_eq!((twice.deliveries(), twice.lost_venue), (8, 14));
    }
}
