//! Exact decimals that keep the digits they were written with.
//!
//! A venue's `63501.60` must leave as `63501.60`: checksums count the last zero. A [`Decimal`] is therefore a
//! mantissa and the number of digits after the point, and remembers the sign of a zero (`-0.00` occurs in
//! 24-hour changes). It takes 16 bytes, and so does an `Option` of it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;
use std::str::FromStr;

/// The most digits that may follow the point, and the most that a number may have in all.
pub const DIGITS_MAX: u32 = 35;

const SIGN: u128 = 1 << 127;
const SCALE_SHIFT: u32 = 120;
/// Always set, so that no value is zero as bits and `Option<Decimal>` needs no tag.
const PRESENT: u128 = 1 << 119;
const MANTISSA: u128 = PRESENT - 1;
const POWERS: [u128; DIGITS_MAX as usize + 1] = powers_of_ten();

/// An exact decimal number of up to [`DIGITS_MAX`] digits, ordered and compared by value (`1.0 == 1.00`).
///
/// 128 bits: sign, scale (7 bits), a constant one, mantissa (119 bits). In two words, lest all that has one in it grow to a multiple of
/// 16 bytes.
#[derive(Clone, Copy)]
pub struct Decimal {
    high: NonZeroU64,
    low: u64,
}

/// Why a text is not a decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is empty.
    #[error("expected a number, found nothing")]
    Empty,
    /// A byte that has no place in a number.
    #[error("expected a digit at offset {offset}, found {:?}", char::from(*.byte))]
    NotADigit {
        /// Where in the text, from 0.
        offset: usize,
        /// What stands there.
        byte: u8,
    },
    /// The text ends where a digit has to follow.
    #[error("expected a digit at the end of the number")]
    Unfinished,
    /// `007`: such digits cannot be given back as they came.
    #[error("a number does not begin with a superfluous zero")]
    LeadingZero,
    /// More digits than a [`Decimal`] holds.
    #[error("a number has at most {DIGITS_MAX} digits")]
    TooLong,
}

impl Decimal {
    /// Zero, without digits after the point.
    pub const ZERO: Decimal = Decimal::pack(false, 0, 0);

    /// `mantissa` divided by ten to the power of `scale`: `new(6350160, 2)` is `63501.60`.
    ///
    /// # Panics
    /// If the mantissa has more than [`DIGITS_MAX`] digits or the scale is larger than that.
    #[must_use]
    pub const fn new(mantissa: i128, scale: u32) -> Self {
        assert!(scale <= DIGITS_MAX && mantissa.unsigned_abs() < POWERS[DIGITS_MAX as usize]);
        Self::pack(mantissa < 0, mantissa.unsigned_abs(), scale)
    }

    /// Reads a number as JSON writes it, also with an exponent (`6.563e-5` becomes `0.00006563`).
    ///
    /// # Errors
    /// [`DecimalError`] if the text is no such number or has too many digits.
    #[inline]
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        usual(text).map_or_else(|| Self::parse_any(text), Ok)
    }

    /// Whatever is a number, and what is wrong with what is none.
    #[inline(never)]
    fn parse_any(text: &[u8]) -> Result<Self, DecimalError> {
        let negative = text.first() == Some(&b'-');
        let start = usize::from(negative);
        let mut digits = Digits::default();
        let mut at = digits.take_run(text, start)?;
        if at - start > 1 && text[start] == b'0' {
            return Err(DecimalError::LeadingZero);
        }
        let mut scale = 0;
        if text.get(at) == Some(&b'.') {
            let point = at;
            at = digits.take_run(text, point + 1)?;
            scale = at - point - 1;
        }
        if at < text.len() {
            return digits.with_exponent(negative, scale, text, at);
        }
        Self::checked(negative, digits.mantissa()?, scale)
    }

    const fn pack(negative: bool, mantissa: u128, scale: u32) -> Self {
        let sign = if negative { SIGN } else { 0 };
        let bits = sign | ((scale as u128) << SCALE_SHIFT) | PRESENT | mantissa;
        let Some(high) = NonZeroU64::new((bits >> 64) as u64) else { unreachable!() };
        Self { high, low: bits as u64 }
    }

    fn checked(negative: bool, mantissa: u128, scale: usize) -> Result<Self, DecimalError> {
        match u32::try_from(scale) {
            Ok(scale) if scale <= DIGITS_MAX => Ok(Self::pack(negative, mantissa, scale)),
            _ => Err(DecimalError::TooLong),
        }
    }

    const fn bits(self) -> u128 {
        (self.high.get() as u128) << 64 | self.low as u128
    }

    /// The digits without the point and without the sign.
    #[must_use]
    pub const fn magnitude(self) -> u128 {
        self.bits() & MANTISSA
    }

    /// The digits without the point, with the sign.
    #[must_use]
    pub const fn mantissa(self) -> i128 {
        let magnitude = self.magnitude() as i128;
        if self.is_negative() { -magnitude } else { magnitude }
    }

    /// How many digits follow the point.
    #[must_use]
    pub const fn scale(self) -> u32 {
        ((self.bits() >> SCALE_SHIFT) & 0x7f) as u32
    }

    /// Whether it is written with a minus sign, which a zero can be too.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.bits() & SIGN != 0
    }

    /// Whether its value is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.magnitude() == 0
    }

    /// Whether both are written with the same digits, which is more than being equal.
    #[must_use]
    pub fn same_digits(self, other: Self) -> bool {
        self.bits() == other.bits()
    }

    /// Appends the number as it was written.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        if self.is_negative() {
            out.push(b'-');
        }
        let mut buffer = itoa::Buffer::new();
        let digits = write_integer(self.magnitude(), &mut buffer);
        let scale = self.scale() as usize;
        if scale == 0 {
            out.extend_from_slice(digits);
        } else if digits.len() > scale {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        } else {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + scale - digits.len(), b'0');
            out.extend_from_slice(digits);
        }
    }

    /// Value order of two magnitudes with different scales.
    fn compare_scaled(self, other: Self) -> Ordering {
        let (a, b) = (POWERS[self.scale() as usize], POWERS[other.scale() as usize]);
        let whole = (self.magnitude() / a).cmp(&(other.magnitude() / b));
        // Each remainder is below its own power, so the products stay below ten to the 35th.
        whole.then_with(|| {
            let scale = self.scale().max(other.scale());
            let left = self.magnitude() % a * POWERS[(scale - self.scale()) as usize];
            let right = other.magnitude() % b * POWERS[(scale - other.scale()) as usize];
            left.cmp(&right)
        })
    }

    /// Value order, whatever the signs and scales.
    fn compare_any(self, other: Self) -> Ordering {
        match (self.is_negative(), other.is_negative()) {
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
            _ if self.is_zero() && other.is_zero() => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    fn compare_magnitude(self, other: Self) -> Ordering {
        if self.scale() == other.scale() {
            self.magnitude().cmp(&other.magnitude())
        } else {
            self.compare_scaled(other)
        }
    }
}

/// A number as venues write nearly all: no exponent, and digits that fit 64 bits. None if it is another one, or none at all.
#[inline]
fn usual(text: &[u8]) -> Option<Decimal> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let begins = match digits {
        [b'0'] | [b'0', b'.', ..] => true,
        [first, ..] => matches!(first, b'1'..=b'9'),
        [] => false,
    };
    if !begins || digits.len() > 19 {
        return None;
    }
    let (whole, behind) = take_digits(digits, 0);
    match behind {
        [] => Some(Decimal::pack(negative, u128::from(whole), 0)),
        [b'.', fraction @ ..] if !fraction.is_empty() => {
            let (mantissa, behind) = take_digits(fraction, whole);
            let decimal = || Decimal::pack(negative, u128::from(mantissa), fraction.len() as u32);
            behind.is_empty().then(decimal)
        }
        _ => None,
    }
}

/// The digits that `text` begins with, behind those of `before`, and what is behind them.
#[inline]
fn take_digits(mut text: &[u8], before: u64) -> (u64, &[u8]) {
    let mut digits = before;
    while let [byte, behind @ ..] = text
        && byte.is_ascii_digit()
    {
        digits = digits * 10 + u64::from(byte - b'0');
        text = behind;
    }
    (digits, text)
}

/// Digits read so far. The first 19 fit 64 bits, which is where nearly all numbers end.
#[derive(Default)]
struct Digits {
    low: u64,
    wide: u128,
    count: usize,
}

impl Digits {
    /// Takes the digits that stand at `from`, of which there must be one, and says where they end.
    #[inline]
    fn take_run(&mut self, text: &[u8], from: usize) -> Result<usize, DecimalError> {
        let mut at = from;
        while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|d| *d < 10) {
            self.push(digit);
            at += 1;
        }
        match text.get(at) {
            _ if at > from => Ok(at),
            Some(&byte) => Err(DecimalError::NotADigit { offset: at, byte }),
            None if text.is_empty() => Err(DecimalError::Empty),
            None => Err(DecimalError::Unfinished),
        }
    }

    #[inline]
    fn push(&mut self, digit: u8) {
        self.count += 1;
        if self.count <= 19 {
            self.low = self.low * 10 + u64::from(digit);
        } else {
            if self.count == 20 {
                self.wide = u128::from(self.low);
            }
            // Beyond 35 digits the value is refused, so what it wraps to does not matter.
            self.wide = self.wide.wrapping_mul(10).wrapping_add(u128::from(digit));
        }
    }

    fn mantissa(&self) -> Result<u128, DecimalError> {
        match self.count {
            0..=19 => Ok(u128::from(self.low)),
            20..=35 => Ok(self.wide),
            _ => Err(DecimalError::TooLong),
        }
    }

    /// Finishes a number behind whose digits, at `at`, something follows: an exponent, or it is no number.
    #[cold]
    fn with_exponent(
        &self,
        negative: bool,
        scale: usize,
        text: &[u8],
        at: usize,
    ) -> Result<Decimal, DecimalError> {
        if !matches!(text[at], b'e' | b'E') {
            return Err(DecimalError::NotADigit { offset: at, byte: text[at] });
        }
        let minus = text.get(at + 1) == Some(&b'-');
        let signed = minus || text.get(at + 1) == Some(&b'+');
        let mut exponent = Digits::default();
        let end = exponent.take_run(text, at + 1 + usize::from(signed))?;
        if let Some(&byte) = text.get(end) {
            return Err(DecimalError::NotADigit { offset: end, byte });
        }
        let shift =
            usize::try_from(exponent.mantissa()?).ok().filter(|n| *n <= 70).ok_or(DecimalError::TooLong)?;
        if minus || shift <= scale {
            let scale = if minus { scale + shift } else { scale - shift };
            return Decimal::checked(negative, self.mantissa()?, scale);
        }
        let power = POWERS.get(shift - scale).ok_or(DecimalError::TooLong)?;
        let mantissa = self.mantissa()?.checked_mul(*power).filter(|m| *m < POWERS[DIGITS_MAX as usize]);
        Decimal::checked(negative, mantissa.ok_or(DecimalError::TooLong)?, 0)
    }
}

/// The decimal digits of `value`; the 64-bit path is several times as fast and nearly always taken.
pub(crate) fn write_integer(value: u128, buffer: &mut itoa::Buffer) -> &[u8] {
    match u64::try_from(value) {
        Ok(value) => buffer.format(value).as_bytes(),
        Err(_) => buffer.format(value).as_bytes(),
    }
}

const fn powers_of_ten() -> [u128; DIGITS_MAX as usize + 1] {
    let mut powers = [1; DIGITS_MAX as usize + 1];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.bits(), other.bits());
        // Of the same scale and not negative, as prices of one symbol nearly always are: only the digits differ.
        if (a ^ b) >> SCALE_SHIFT == 0 && a & SIGN == 0 { a.cmp(&b) } else { self.compare_any(*other) }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits() || self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (mut mantissa, mut scale) = (self.mantissa(), self.scale());
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        (mantissa, scale).hash(state);
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(DIGITS_MAX as usize + 3);
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    #[test]
    fn fits_sixteen_bytes_even_as_an_option() {
        assert_eq!((size_of::<Decimal>(), align_of::<Decimal>()), (16, 8));
        assert_eq!(size_of::<Option<Decimal>>(), 16);
    }

    #[test]
    fn gives_back_the_digits_it_was_given() {
        for text in
            ["0", "0.00", "-0.00", "63501.60", "0.00000001", "-12.5", "99999999999999999999999999999999999"]
        {
            assert_eq!(decimal(text).to_string(), text);
        }
    }

    #[test]
    fn reads_exponents_by_value() {
        for (text, plain) in
            [("6.563e-5", "0.00006563"), ("2.0e3", "2000"), ("1.25E1", "12.5"), ("5e+0", "5")]
        {
            assert_eq!(decimal(text).to_string(), plain);
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        let refused = [
            ("", DecimalError::Empty),
            ("-", DecimalError::Unfinished),
            ("1.", DecimalError::Unfinished),
            (".5", DecimalError::NotADigit { offset: 0, byte: b'.' }),
            ("1.2.3", DecimalError::NotADigit { offset: 3, byte: b'.' }),
            ("abc", DecimalError::NotADigit { offset: 0, byte: b'a' }),
            ("+1", DecimalError::NotADigit { offset: 0, byte: b'+' }),
            ("1e", DecimalError::Unfinished),
            ("007", DecimalError::LeadingZero),
            ("NaN", DecimalError::NotADigit { offset: 0, byte: b'N' }),
            ("999999999999999999999999999999999999", DecimalError::TooLong),
            ("1e99999999999", DecimalError::TooLong),
            ("0.000000000000000000000000000000000001", DecimalError::TooLong),
        ];
        for (text, error) in refused {
            assert_eq!(text.parse::<Decimal>(), Err(error), "{text}");
        }
    }

    #[test]
    fn orders_by_value_whatever_the_scale() {
        let sorted =
            ["-2", "-1.50", "-1.5", "-0.00", "0", "0.000000000000000000000000000000001", "1", "1.00", "1.01"];
        for pair in sorted.windows(2) {
            assert!(decimal(pair[0]) <= decimal(pair[1]), "{pair:?}");
        }
        assert_eq!(decimal("-0.0"), decimal("0"));
        assert!(!decimal("1.0").same_digits(decimal("1.00")));
    }

    proptest! {
        #[test]
        fn text_survives(text in "-?(0|[1-9][0-9]{0,16})(\\.[0-9]{1,18})?") {
            prop_assert_eq!(decimal(&text).to_string(), text);
        }

        #[test]
        fn order_is_that_of_integers(a in -10i128.pow(15)..10i128.pow(15), b in -10i128.pow(15)..10i128.pow(15), shift in 0u32..15) {
            // The same value at two scales: b is written with `shift` more zeros.
            let left = Decimal::new(a, 3);
            let right = Decimal::new(b * 10i128.pow(shift), 3 + shift);
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        }

        #[test]
        fn the_usual_form_is_read_as_any_other(text in "-?[0-9.]{0,22}([eE][0-9]{1,2})?") {
            let (text, expected) = (text.as_bytes(), Decimal::parse_any(text.as_bytes()));
            if let Some(read) = usual(text) {
                prop_assert!(expected.is_ok_and(|expected| read.same_digits(expected)), "{:?}", text.escape_ascii());
            }
            prop_assert_eq!(Decimal::parse(text), expected);
        }

        #[test]
        fn any_bytes_are_a_number_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Decimal::parse(&bytes);
        }
    }
}
