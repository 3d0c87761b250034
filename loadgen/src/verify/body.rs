//! What a frame about a topic carries, read in full.

use super::book::{Book, Level, Side, mix};
use super::digits::Digits;
use super::fault::Fault;
use rustc_hash::FxHasher;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hasher;

/// Fields that say what a frame is about, not what the topic's data is.
const ABOUT: [&str; 7] = ["type", "channel", "symbol", "seq", "epoch", "ts", "rx"];
/// Fields of a change of state, which are the data of `status` only.
const STATE: [&str; 3] = ["state", "reason", "since"];

/// A price and a size as they were written.
type Written<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The fields of all kinds of frames.
#[derive(Debug, Deserialize)]
pub(super) struct Body<'a> {
    /// The topic's epoch.
    #[serde(borrow)]
    pub(super) epoch: Option<Cow<'a, str>>,
    /// The topic's state.
    #[serde(borrow)]
    pub(super) state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    bids: Option<Vec<Written<'a>>>,
    #[serde(borrow)]
    asks: Option<Vec<Written<'a>>>,
    /// The checksum of a book.
    pub(super) checksum: Option<u32>,
    #[serde(borrow)]
    trades: Option<Vec<&'a RawValue>>,
    /// How many trades are lost.
    pub(super) lost: Option<u64>,
    /// Why.
    #[serde(borrow)]
    pub(super) reason: Option<Cow<'a, str>>,
}

impl<'a> Body<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, Fault> {
        serde_json::from_slice(text).map_err(|error| Fault::Malformed(error.to_string()))
    }

    /// Sets the frame's levels in `book`.
    ///
    /// # Errors
    /// [`Fault::Malformed`] when a side is missing or something there is no number.
    pub(super) fn apply(&self, book: &mut Book) -> Result<(), Fault> {
        for (side, levels) in [(Side::Bids, &self.bids), (Side::Asks, &self.asks)] {
            let levels = levels.as_ref().ok_or_else(|| Fault::Malformed(format!("no {side:?}")))?;
            for written in levels {
                book.set(side, level(written)?);
            }
        }
        Ok(())
    }

    /// Whether the frame's levels are at most ten a side, best first, none deleted: those of `book`, which was made of
    /// them.
    #[must_use]
    pub(super) fn is_top_ten(&self, book: &Book) -> bool {
        [(Side::Bids, &self.bids), (Side::Asks, &self.asks)].into_iter().all(|(side, written)| {
            let written = written.as_deref().unwrap_or_default();
            let levels = written.iter().map(|written| level(written).ok());
            written.len() <= 10 && levels.eq(book.levels(side).map(Some))
        })
    }

    /// Whether a level is deleted, which a snapshot has no reason to do.
    #[must_use]
    pub(super) fn deletes(&self) -> bool {
        let zero = |written: &Written<'_>| level(written).is_ok_and(|level| level.size.is_zero());
        self.bids.iter().chain(&self.asks).flatten().any(zero)
    }

    /// Digests of the frame's trades, in their order.
    pub(super) fn trades(&self) -> impl ExactSizeIterator<Item = u64> + DoubleEndedIterator {
        self.trades.as_deref().unwrap_or_default().iter().map(|trade| hash(trade.get().as_bytes()))
    }
}

/// A digest of all data fields of a frame whose updates are whole, whatever their order.
///
/// # Errors
/// [`Fault::Malformed`] when the frame is no JSON object.
pub(super) fn whole(text: &[u8], is_status: bool) -> Result<u64, Fault> {
    let fields: HashMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(text).map_err(|error| Fault::Malformed(error.to_string()))?;
    let is_data = |name: &str| !ABOUT.contains(&name) && (is_status || !STATE.contains(&name));
    let data = fields.iter().filter(|(name, _)| is_data(name));
    Ok(data.fold(0, |sum: u64, (name, value)| {
        sum.wrapping_add(mix(hash(name.as_bytes()) ^ hash(value.get().as_bytes()).rotate_left(32)))
    }))
}

fn level((price, size): &Written<'_>) -> Result<Level, Fault> {
    let number =
        |text: &str| Digits::parse(text).ok_or_else(|| Fault::Malformed(format!("`{text}` is no number")));
    Ok(Level { price: number(price)?, size: number(size)? })
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    mix(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_data_is_compared_digit_by_digit_and_nothing_else_is() {
        let digest = |text: &str| whole(text.as_bytes(), false).unwrap();
        let update = r#"{"type":"update","seq":[2,2],"ts":1,"rx":2,"bid":"1.10","ask":"1.2"}"#;
        let snapshot =
            r#"{"type":"snapshot","seq":[2,2],"epoch":"e","state":"live","rx":3,"ask":"1.2","bid":"1.10"}"#;
        assert_eq!(digest(update), digest(snapshot));
        assert_ne!(digest(update), digest(&update.replace("1.10", "1.1")));
        assert_ne!(digest(update), digest(&update.replace("\"bid\"", "\"last\"")));
        let status = |state: &str| whole(format!(r#"{{"state":"{state}"}}"#).as_bytes(), true).unwrap();
        assert_ne!(status("live"), status("stale"));
    }

    #[test]
    fn levels_that_are_no_numbers_are_malformed() {
        for side in [r#"[["1","x"]]"#, r#"[["01","1"]]"#, "null"] {
            let text = format!(r#"{{"bids":{side},"asks":[]}}"#);
            let applied = Body::parse(text.as_bytes()).and_then(|body| body.apply(&mut Book::default()));
            assert!(matches!(applied, Err(Fault::Malformed(_))), "{side}");
        }
    }
}
