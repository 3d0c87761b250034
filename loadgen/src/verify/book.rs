//! A book, rebuilt from what a subscriber gets.
//!
//! Thousands of subscribers hold nearly the same books, so a book shares all it can with the one it came from: a side is
//! a list of chunks of levels, and a change copies one chunk and the list.

use super::digits::Digits;
use rustc_hash::FxHasher;
use std::cmp::Ordering;
use std::hash::Hasher;
use std::rc::Rc;

/// A chunk that grows beyond this is split.
const CHUNK_LEVELS_MAX: usize = 48;
/// Levels of each side that the checksum covers.
const CHECKSUM_LEVELS: usize = 10;

/// A price with the size that stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    /// The price.
    pub(super) price: Digits,
    /// The size; zero deletes.
    pub(super) size: Digits,
}

/// Which side of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// Highest price first.
    Bids,
    /// Lowest price first.
    Asks,
}

/// Both sides of a book. Cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    bids: Levels,
    asks: Levels,
    digest: u64,
}

type Chunk = Rc<Vec<Level>>;

#[derive(Debug, Clone, Default)]
struct Levels(Rc<Vec<Chunk>>);

impl Book {
    /// Sets the level, or deletes it when its size is zero.
    pub(super) fn set(&mut self, side: Side, level: Level) {
        let levels = match side {
            Side::Bids => &mut self.bids,
            Side::Asks => &mut self.asks,
        };
        let before = levels.set(side, level);
        // A sum, so that the order in which levels were set makes no difference.
        self.digest = self.digest.wrapping_sub(before.map_or(0, |level| digest(side, level)));
        if !level.size.is_zero() {
            self.digest = self.digest.wrapping_add(digest(side, level));
        }
    }

    /// Levels of a side, best first.
    pub(super) fn levels(&self, side: Side) -> impl Iterator<Item = Level> {
        let Levels(chunks) = match side {
            Side::Bids => &self.bids,
            Side::Asks => &self.asks,
        };
        chunks.iter().flat_map(|chunk| chunk.iter().copied())
    }

    /// A number that is the same for books whose levels have the same digits.
    #[must_use]
    pub(super) const fn digest(&self) -> u64 {
        self.digest
    }

    /// CRC-32 over the digits of the ten best asks, then the ten best bids, price and size, without point and leading
    /// zeros (the rule of Kraken's WebSocket API v2).
    #[must_use]
    pub(super) fn checksum(&self) -> u32 {
        let mut digits = Vec::with_capacity(512);
        for side in [Side::Asks, Side::Bids] {
            for level in self.levels(side).take(CHECKSUM_LEVELS) {
                level.price.append_significant(&mut digits);
                level.size.append_significant(&mut digits);
            }
        }
        crc32fast::hash(&digits)
    }

    /// The first level that is not the same in `other`, for people.
    #[must_use]
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        [Side::Bids, Side::Asks].into_iter().find_map(|side| {
            let (mut ours, mut theirs) = (self.levels(side), other.levels(side));
            loop {
                match (ours.next(), theirs.next()) {
                    (None, None) => return None,
                    (a, b) if a == b => {}
                    (a, b) => return Some(format!("{side:?}: {} here, {} there", shown(a), shown(b))),
                }
            }
        })
    }
}

impl Levels {
    /// What stood at the price before.
    fn set(&mut self, side: Side, level: Level) -> Option<Level> {
        let ahead =
            |chunk: &Chunk| chunk.last().is_some_and(|last| order(side, last.price, level.price).is_lt());
        let index = self.0.partition_point(ahead).min(self.0.len().saturating_sub(1));
        let place = self
            .0
            .get(index)
            .map_or(Err(0), |chunk| chunk.binary_search_by(|other| order(side, other.price, level.price)));
        if place.is_err() && level.size.is_zero() {
            return None;
        }
        let chunks = Rc::make_mut(&mut self.0);
        if chunks.is_empty() {
            chunks.push(Chunk::default());
        }
        let chunk = Rc::make_mut(&mut chunks[index]);
        let before = match place {
            Ok(at) if level.size.is_zero() => Some(chunk.remove(at)),
            Ok(at) => Some(std::mem::replace(&mut chunk[at], level)),
            Err(at) => {
                chunk.insert(at, level);
                None
            }
        };
        if chunk.is_empty() {
            chunks.remove(index);
        } else if chunk.len() > CHUNK_LEVELS_MAX {
            let second = chunk.split_off(CHUNK_LEVELS_MAX / 2);
            chunks.insert(index + 1, Rc::new(second));
        }
        before
    }
}

fn order(side: Side, a: Digits, b: Digits) -> Ordering {
    match side {
        Side::Bids => b.order(a),
        Side::Asks => a.order(b),
    }
}

fn digest(side: Side, level: Level) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u8(side as u8);
    hasher.write_u128(level.price.bits());
    hasher.write_u128(level.size.bits());
    mix(hasher.finish())
}

/// Spreads each bit over all others (the finalizer of SplitMix64), so that sums of digests tell sets apart.
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn shown(level: Option<Level>) -> String {
    level.map_or("nothing".to_owned(), |level| format!("{} at {}", level.size, level.price))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeMap;

    fn level(price: &str, size: &str) -> Level {
        Level { price: Digits::parse(price).unwrap(), size: Digits::parse(size).unwrap() }
    }

    fn book(asks: &[(&str, &str)], bids: &[(&str, &str)]) -> Book {
        let mut book = Book::default();
        for (side, levels) in [(Side::Asks, asks), (Side::Bids, bids)] {
            for (price, size) in levels {
                book.set(side, level(price, size));
            }
        }
        book
    }

    #[test]
    fn krakens_own_example_of_the_checksum() {
        // From the guide to Kraken's book checksum (v2); its answer is 3310070434.
        let asks = [
            ("45285.2", "0.00100000"),
            ("45286.4", "1.54571953"),
            ("45286.6", "1.54571109"),
            ("45289.6", "1.54560911"),
            ("45290.2", "0.15890660"),
            ("45291.8", "1.54553491"),
            ("45294.7", "0.04454749"),
            ("45296.1", "0.35380000"),
            ("45297.5", "0.09945542"),
            ("45299.5", "0.18772827"),
        ];
        let bids = [
            ("45283.5", "0.10000000"),
            ("45283.4", "1.54582015"),
            ("45282.1", "0.10000000"),
            ("45281.0", "0.10000000"),
            ("45280.3", "1.54592586"),
            ("45279.0", "0.07990000"),
            ("45277.6", "0.03310103"),
            ("45277.5", "0.30000000"),
            ("45277.3", "1.54602737"),
            ("45276.6", "0.15445238"),
        ];
        assert_eq!(book(&asks, &bids).checksum(), 3_310_070_434);
    }

    #[test]
    fn any_sequence_of_changes_gives_the_same_as_a_map() {
        let mut random = Random::new(11, 0);
        let (mut book, mut map) = (Book::default(), BTreeMap::new());
        let mut earlier = Vec::new();
        for step in 0..20_000 {
            let price = random.below(1_000) as u64 + 1;
            let size =
                if random.below(3) == 0 { "0".to_owned() } else { format!("{}.50", random.below(9) + 1) };
            book.set(Side::Bids, level(&price.to_string(), &size));
            if size == "0" {
                map.remove(&price)
            } else {
                map.insert(price, size)
            };
            if step % 1_000 == 0 {
                earlier.push((book.clone(), map.clone()));
            }
        }
        earlier.push((book, map));
        for (book, map) in earlier {
            let levels: Vec<_> =
                book.levels(Side::Bids).map(|l| (l.price.to_string(), l.size.to_string())).collect();
            let expected: Vec<_> =
                map.iter().rev().map(|(price, size)| (price.to_string(), size.clone())).collect();
            assert_eq!(levels, expected);
            let mut fresh = Book::default();
            map.iter().for_each(|(price, size)| fresh.set(Side::Bids, level(&price.to_string(), size)));
            assert_eq!(fresh.digest(), book.digest());
            assert_eq!(fresh.difference(&book), None);
        }
    }

    #[test]
    fn one_digit_makes_a_difference() {
        let one = book(&[("1.10", "5")], &[("1.00", "2"), ("0.90", "3")]);
        let other = book(&[("1.10", "5")], &[("1.00", "2.0"), ("0.90", "3")]);
        assert_ne!(one.digest(), other.digest());
        assert_eq!(one.difference(&other).unwrap(), "Bids: 2 at 1.00 here, 2.0 at 1.00 there");
        assert_ne!(book(&[("1", "2")], &[]).digest(), book(&[], &[("1", "2")]).digest());
    }
}
