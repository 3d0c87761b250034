//! Digests of topics: SHA-256 over the frames of a topic's log, in order, so that two replays can be compared.

use schemas::model::{Channel, Event, Symbol};
use schemas::wire::{SeqRange, frame};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// The digest of a topic as of now: over the JSON text of each entry's frame, each followed by a newline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// The channel's name.
    pub channel: &'static str,
    /// The symbol.
    pub symbol: String,
    /// How many entries the log has had.
    pub entries: u64,
    /// The last sequence number.
    pub seq: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// All digests of a feed or a broker, in the order of symbols and channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digests {
    /// One for each topic that has had an entry.
    pub topics: Vec<Digest>,
}

/// The running digest of one topic: written by its publisher, read by anyone.
#[derive(Debug, Default)]
pub struct TopicDigest(Mutex<Running>);

#[derive(Debug, Default)]
struct Running {
    hash: Sha256,
    entries: u64,
    seq: u64,
    frame: Vec<u8>,
}

impl TopicDigest {
    /// Without entries.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Takes the next entry.
    pub(crate) fn take(&self, topic: frame::Topic<'_>, seq: SeqRange, event: &Event) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Running { hash, entries, seq: last, frame } = &mut *running;
        frame.clear();
        frame::entry(frame, topic, seq, event);
        frame.push(b'\n');
        hash.update(&*frame);
        *entries += 1;
        *last = seq.last;
    }

    /// As of now; none before the first entry.
    #[must_use]
    pub fn digest(&self, channel: Channel, symbol: &Symbol) -> Option<Digest> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sha256 = || hex(&running.hash.clone().finalize());
        (running.entries > 0).then(|| Digest {
            channel: channel.name(),
            symbol: symbol.to_string(),
            entries: running.entries,
            seq: running.seq,
            sha256: sha256(),
        })
    }
}

/// Hexadecimal digits of bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::model::{Body, Loss, Micros, State};

    #[test]
    fn digests_the_frames_as_lines() {
        let symbol = Symbol::new("kraken", "BTC/USD").unwrap();
        let digest = TopicDigest::default();
        assert_eq!(digest.digest(Channel::Trades, &symbol), None);
        let loss = Event { ts: None, rx: Micros(1), state: State::Live, body: Body::Loss(Loss { lost: 3 }) };
        let topic = frame::Topic { channel: Channel::Trades, symbol: &symbol, epoch: "e" };
        digest.take(topic, SeqRange::new(1, 1), &loss);
        let line = concat!(
            r#"{"type":"gap","channel":"trades","symbol":"kraken:BTC/USD","seq":[1,1],"#,
            r#""lost":3,"reason":"venue"}"#,
            "\n"
        );
        let expected = Digest {
            channel: "trades",
            symbol: "kraken:BTC/USD".to_owned(),
            entries: 1,
            seq: 1,
            sha256: hex(&Sha256::digest(line)),
        };
        assert_eq!(digest.digest(Channel::Trades, &symbol), Some(expected));
    }
}
