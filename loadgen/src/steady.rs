//! The cheap way through updates that simply follow each other.
//!
//! At full depth a read returns a hundred updates of one topic, and to parse each of them would cost more than the rest of
//! the way. What is to be proven of them is little: that each is an update of this topic, that it is one `seq` wide, and that
//! its `seq` is the last one's plus 1. Since brokers write keys in one order and whole numbers in one way, all that is the
//! same as: the frame begins with a known text. That text is compared, and its digits are counted on in place. The
//! first frame that begins otherwise, for whatever reason, is left to the parser.

use crate::ascii;
use std::ops::Range;

/// A final text frame, and the two forms of its length that are looked at.
const TEXT: u8 = 0x81;
const SHORT_MAX: u8 = 125;
const MEDIUM: u8 = 126;

/// What the next update of a topic begins with.
#[derive(Debug)]
pub struct Steady {
    /// From the brace to the bracket behind the second number.
    start: Vec<u8>,
    /// Bytes in front of the first number.
    before: usize,
    first: Range<usize>,
    last: Range<usize>,
}

/// Updates that were passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hopped<'a> {
    /// How many.
    pub updates: u64,
    /// Bytes of their texts.
    pub text_bytes: u64,
    /// The text of the last one.
    pub last: Option<&'a [u8]>,
}

impl Steady {
    /// For the updates of a topic.
    #[must_use]
    pub fn new(channel: &str, symbol: &str) -> Self {
        let start =
            format!(r#"{{"type":"update","channel":"{channel}","symbol":"{symbol}","seq":["#).into_bytes();
        Self { before: start.len(), start, first: 0..0, last: 0..0 }
    }

    /// Takes whole frames off the front of `input` that are the updates after `last_seq`, which it moves on.
    pub fn hop<'a>(&mut self, input: &mut &'a [u8], last_seq: &mut u64) -> Hopped<'a> {
        let mut hopped = Hopped::default();
        self.expect(last_seq.saturating_add(1));
        while let Some((text, rest)) = whole_text(input)
            && text.starts_with(&self.start)
            && text.ends_with(b"}")
        {
            *input = rest;
            *last_seq += 1;
            hopped.updates += 1;
            hopped.text_bytes += text.len() as u64;
            hopped.last = Some(text);
            self.expect_next(*last_seq);
        }
        hopped
    }

    fn expect(&mut self, seq: u64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(seq).as_bytes();
        self.start.truncate(self.before);
        self.start.extend_from_slice(digits);
        self.start.push(b',');
        self.start.extend_from_slice(digits);
        self.start.push(b']');
        self.first = self.before..self.before + digits.len();
        self.last = self.first.end + 1..self.first.end + 1 + digits.len();
    }

    fn expect_next(&mut self, last_seq: u64) {
        if ascii::increment(&mut self.start[self.first.clone()]) {
            self.start.copy_within(self.first.clone(), self.last.start);
        } else {
            self.expect(last_seq.saturating_add(1));
        }
    }
}

/// The text of the frame at the front, if that is a whole text frame of less than 64 KiB, and what comes after it.
fn whole_text(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match input {
        [TEXT, short @ ..=SHORT_MAX, rest @ ..] => (usize::from(*short), rest),
        [TEXT, MEDIUM, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::wire::websocket;

    fn update(seq: &str, rest: &str) -> Vec<u8> {
        let text =
            format!(r#"{{"type":"update","channel":"quotes","symbol":"a:b","seq":[{seq}],"ts":1{rest}}}"#);
        websocket::text(text.as_bytes()).to_vec()
    }

    fn hop(frames: &[Vec<u8>], last_seq: u64) -> (u64, u64, usize) {
        let bytes = frames.concat();
        let (mut input, mut last_seq) = (bytes.as_slice(), last_seq);
        let hopped = Steady::new("quotes", "a:b").hop(&mut input, &mut last_seq);
        (hopped.updates, last_seq, input.len())
    }

    #[test]
    fn updates_in_a_row_are_passed_over_also_where_numbers_grow() {
        for first in [1_u64, 8, 95, 99_998, u64::from(u32::MAX)] {
            let frames: Vec<_> = (first..first + 12).map(|seq| update(&format!("{seq},{seq}"), "")).collect();
            assert_eq!(hop(&frames, first - 1), (12, first + 11, 0));
        }
        let long = update("1,1", &format!(r#","note":"{}""#, "x".repeat(1_000)));
        assert_eq!(hop(&[long], 0), (1, 1, 0));
    }

    #[test]
    fn whatever_is_not_the_next_update_is_left() {
        let one = update("7,7", "");
        for other in [
            update("7,7", ""),
            update("9,9", ""),
            update("8,9", ""),
            update("88,88", ""),
            update("08,08", ""),
            update("8, 8", ""),
            websocket::text(br#"{"type":"update","channel":"quotes","symbol":"a:c","seq":[8,8]}"#).to_vec(),
            websocket::text(br#"{"type":"state","channel":"quotes","symbol":"a:b","seq":[8,8]}"#).to_vec(),
            websocket::text(br#"{"type":"update","channel":"quotes","symbol":"a:b","seq":[8,8],"#).to_vec(),
            vec![0x89, 0],
            vec![0x81],
            vec![0x01, 0x7e, 0, 200],
            update("8,8", "")[..20].to_vec(),
        ] {
            let left = other.len();
            assert_eq!(hop(&[one.clone(), other], 6), (1, 7, left));
        }
    }
}
