//! The book checksum: CRC-32 (IEEE) of the ten best asks, best first, then the ten best bids, best first; of each
//! level the digits of the price, then of the size, without point and leading zeros. Kraken's rule (its WebSocket
//! v2 book documentation), used here for every venue.

use crate::decimal::write_integer;
use crate::model::Level;

/// How many levels of each side the checksum covers.
pub const LEVELS: usize = 10;

/// The checksum of a book whose sides are given best level first; levels beyond the tenth do not count.
#[must_use]
pub fn of_book<'a>(
    asks: impl IntoIterator<Item = &'a Level>,
    bids: impl IntoIterator<Item = &'a Level>,
) -> u32 {
    // Twenty levels of two numbers; 16 digits each are usual.
    let mut digits = Vec::with_capacity(2 * LEVELS * 32);
    for level in asks.into_iter().take(LEVELS).chain(bids.into_iter().take(LEVELS)) {
        for number in [level.price, level.size] {
            // Of a zero nothing is left when the leading zeros are gone.
            if !number.is_zero() {
                digits.extend_from_slice(write_integer(number.magnitude(), &mut itoa::Buffer::new()));
            }
        }
    }
    crc32fast::hash(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(side: &[(&str, &str)]) -> Vec<Level> {
        side.iter()
            .map(|(price, size)| Level { price: price.parse().unwrap(), size: size.parse().unwrap() })
            .collect()
    }

    #[test]
    fn digits_count_without_point_and_leading_zeros() {
        let asks = levels(&[("0.05005", "0.00000500"), ("0.05010", "0.00000500")]);
        let bids = levels(&[("0.05000", "0.00000500")]);
        assert_eq!(of_book(&asks, &bids), crc32fast::hash(b"500550050105005000500"[..].as_ref()));
    }

    #[test]
    fn levels_beyond_the_tenth_do_not_count() {
        let eleven: Vec<_> = (1..=11).map(|n| (n.to_string(), "1".to_string())).collect();
        let eleven: Vec<_> = eleven.iter().map(|(p, s)| (p.as_str(), s.as_str())).collect();
        assert_eq!(of_book(&levels(&eleven), &[]), of_book(&levels(&eleven[..10]), &[]));
    }
}
