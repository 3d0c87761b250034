//! Decimal digits in fields of fixed width.

/// Writes `value` with leading zeros; of one that is too wide only the low digits.
pub fn put(field: &mut [u8], value: u64) {
    let mut rest = value;
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Counts on by one; false if all digits were nines, which are zeros then.
pub fn increment(field: &mut [u8]) -> bool {
    for digit in field.iter_mut().rev() {
        if *digit != b'9' {
            *digit += 1;
            return true;
        }
        *digit = b'0';
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_written_and_counted_on() {
        let mut field = *b"xxxx";
        put(&mut field, 98);
        assert_eq!(&field, b"0098");
        assert!(increment(&mut field) && increment(&mut field));
        assert_eq!(&field, b"0100");
        put(&mut field, 1_239_999);
        assert_eq!(&field, b"9999");
        assert!(!increment(&mut field));
        assert_eq!(&field, b"0000");
    }
}
