//! Quotes as publishers nearly always write them: all fields in the order of the documentation, prices as strings, no
//! spaces. Such a line is read from its beginning to its end, a fifth of the work of reading any JSON.

use super::{Data, Tick};
use crate::decimal::Decimal;
use crate::model::{Micros, Quote};
use memchr::memchr2;

/// What is left of a line.
struct Rest<'a>(&'a str);

/// A quote, if the line is one in the usual form; else it may be anything.
pub(super) fn quote(line: &[u8]) -> Option<Tick<'_>> {
    let line = line.strip_prefix(br#"{"channel":"quotes","symbol":"#)?;
    let mut rest = Rest(std::str::from_utf8(line).ok()?);
    let symbol = rest.string().filter(|name| !name.is_empty())?;
    rest.skip(r#","ts":"#)?;
    let ts = rest.number()?;
    rest.skip(r#","bid":"#)?;
    let bid = rest.decimal()?;
    rest.skip(r#","bid_size":"#)?;
    let bid_size = rest.decimal()?;
    rest.skip(r#","ask":"#)?;
    let ask = rest.decimal()?;
    rest.skip(r#","ask_size":"#)?;
    let ask_size = rest.decimal()?;
    let quote = Quote { bid: Some(bid), bid_size: Some(bid_size), ask: Some(ask), ask_size: Some(ask_size) };
    let tick = Tick { symbol, ts: Some(Micros(ts)), seq: None, data: Data::Quote(quote) };
    (rest.0 == "}").then_some(tick)
}

impl<'a> Rest<'a> {
    fn skip(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// A string without escapes and control characters.
    fn string(&mut self) -> Option<&'a str> {
        self.skip("\"")?;
        let end = memchr2(b'"', b'\\', self.0.as_bytes())?;
        let (string, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix('"')?;
        string.bytes().all(|byte| byte >= b' ').then_some(string)
    }

    fn number(&mut self) -> Option<u64> {
        let end = self.0.bytes().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        let is_json = digits.len() == 1 || !digits.starts_with('0');
        digits.parse().ok().filter(|_| is_json)
    }

    fn decimal(&mut self) -> Option<Decimal> {
        Decimal::parse(self.string()?.as_bytes()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::Parser;
    use crate::venue::ticks::any;
    use proptest::prelude::*;

    const LINE: &str = r#"{"channel":"quotes","symbol":"ACME","ts":1785644622707507,"bid":"9.90","bid_size":"5","ask":"10.01","ask_size":"7"}"#;

    #[test]
    fn the_usual_form_is_taken_and_others_are_left() {
        assert!(quote(LINE.as_bytes()).is_some());
        for (usual, other) in [
            (r#""5""#, "null"),
            (r#""9.90""#, "9.90"),
            ("ACME", r"AC\u004dE"),
            (r#","ts":1785644622707507"#, ""),
            (r#""7"}"#, r#""7","seq":3}"#),
            (r#""7"}"#, r#""7"} "#),
            ("quotes", "trades"),
            (":", ": "),
        ] {
            let line = LINE.replacen(usual, other, 1);
            assert!(line != LINE && quote(line.as_bytes()).is_none(), "{line}");
        }
    }

    proptest! {
        /// Whatever is taken here means what it means to the parser of all forms.
        #[test]
        fn what_is_taken_is_what_any_form_would_be(
            symbol in "[A-Z/é\"\\\\\u{0}-\u{1f}]{0,4}",
            ts in "(0|00|1|-1|1e3|17856446227075(07){0,4})",
            numbers in proptest::collection::vec(r#"(-?[0-9]{0,3}\.?[0-9]{0,9}|1e-7|x|"|)"#, 4),
            cut in prop_oneof![4 => Just(None), 1 => (0usize..130).prop_map(Some)],
        ) {
            let mut line = format!(
                r#"{{"channel":"quotes","symbol":"{symbol}","ts":{ts},"bid":"{}","bid_size":"{}","ask":"{}","ask_size":"{}"}}"#,
                numbers[0], numbers[1], numbers[2], numbers[3]
            ).into_bytes();
            line.truncate(cut.unwrap_or(usize::MAX));
            if let Some(taken) = quote(&line) {
                let mut parser = Parser::default();
                let whole = any(&line, &mut parser);
                prop_assert_eq!(format!("{:?}", Ok::<_, ()>(taken)), format!("{whole:?}"));
            }
        }
    }
}
