//! Numbers as the digits they were written with.
//!
//! Written apart from the broker's own decimals, so that a fault there is not repeated here.

use std::cmp::Ordering;
use std::fmt;

/// Mantissas have up to this many digits, which is what 119 bits hold for sure.
const DIGITS_MAX: usize = 35;
const SIGN: u128 = 1 << 127;
const SCALE_BITS: u32 = 8;

/// A number whose text can be given back digit by digit. Equal if the text is; ordered by value with [`Digits::order`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digits(u128);

impl Digits {
    /// Reads `-12.340`: digits, with a point between two of them, and no superfluous zero in front.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sign, unsigned) = text.strip_prefix('-').map_or((0, text), |unsigned| (SIGN, unsigned));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let pointless = fraction.is_empty() && unsigned.contains('.');
        let superfluous = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || pointless || superfluous || whole.len() + fraction.len() > DIGITS_MAX {
            return None;
        }
        let mut mantissa = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            mantissa = mantissa * 10 + u128::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        }
        Some(Self(sign | mantissa << SCALE_BITS | fraction.len() as u128))
    }

    /// Whether the value is zero.
    #[must_use]
    pub(super) const fn is_zero(self) -> bool {
        self.mantissa() == 0
    }

    /// The order of the values.
    #[must_use]
    pub(super) fn order(self, other: Self) -> Ordering {
        match (self.is_negative(), other.is_negative()) {
            (false, false) => self.magnitude_order(other),
            (true, true) => other.magnitude_order(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    /// All digits without point and leading zeros; of a zero none.
    pub(super) fn append_significant(self, out: &mut Vec<u8>) {
        if !self.is_zero() {
            out.extend_from_slice(itoa::Buffer::new().format(self.mantissa()).as_bytes());
        }
    }

    /// The number as bits: the same for the same text only.
    #[must_use]
    pub(super) const fn bits(self) -> u128 {
        self.0
    }

    const fn mantissa(self) -> u128 {
        (self.0 & !SIGN) >> SCALE_BITS
    }

    const fn scale(self) -> u32 {
        (self.0 & 0xff) as u32
    }

    const fn is_negative(self) -> bool {
        self.0 & SIGN != 0 && !self.is_zero()
    }

    fn magnitude_order(self, other: Self) -> Ordering {
        let scale = self.scale().max(other.scale());
        // What does not fit when scaled up is larger than anything that fits.
        let scaled =
            |number: Self| number.mantissa().checked_mul(10_u128.checked_pow(scale - number.scale())?);
        match (scaled(self), scaled(other)) {
            (Some(a), Some(b)) => a.cmp(&b),
            (None, Some(_)) => {
                if self.is_zero() {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (Some(_), None) => {
                if other.is_zero() {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            // Only one of them is scaled up.
            (None, None) => Ordering::Equal,
        }
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale() as usize;
        let digits = format!("{:0width$}", self.mantissa(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if self.0 & SIGN != 0 { "-" } else { "" };
        let point = if scale > 0 { "." } else { "" };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Digits {
        Digits::parse(text).unwrap()
    }

    #[test]
    fn text_comes_back_and_equality_is_that_of_text() {
        for text in ["0", "0.00", "63501.60", "-0.00", "-12.5", "0.00000500", "12345678901234567890123.45678"]
        {
            assert_eq!(digits(text).to_string(), text);
        }
        assert_ne!(digits("1.0"), digits("1.00"));
        assert_ne!(digits("0.0"), digits("-0.0"));
    }

    #[test]
    fn order_is_that_of_values() {
        let ascending = [
            "-10",
            "-9.99",
            "-0.5",
            "0",
            "0.0000001",
            "0.5",
            "0.51",
            "5",
            "5.1",
            "10",
            "99999999999999999999999999999999999",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(digits(a).order(digits(b)), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(digits("1.0").order(digits("1.00")), Ordering::Equal);
        assert_eq!(digits("-0.0").order(digits("0.00")), Ordering::Equal);
    }

    #[test]
    fn significant_digits_have_no_point_and_no_leading_zeros() {
        let significant = |text: &str| {
            let mut out = Vec::new();
            digits(text).append_significant(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            [significant("0.05005"), significant("63501.60"), significant("0.00")],
            ["5005", "6350160", ""]
        );
    }

    #[test]
    fn what_is_no_number_is_none() {
        for wrong in
            ["", "-", ".", "1.", ".5", "01", "1e5", "+1", "1,0", " 1", "--1", "1.-5", "1.2.3", "0000"]
        {
            assert_eq!(Digits::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Digits::parse(&"9".repeat(36)), None);
    }
}
