//! A scanner for JSON text: it finds where values stand and changes nothing, so that a number keeps its digits.
//!
//! Venues' frames are taken as they are; what is cut off or broken ends the iteration, and what came before it counts.

use std::ops::Range;

/// A field of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The key as written, without quotes.
    pub key: &'a str,
    /// The text of the value.
    pub value: &'a str,
    /// Where the value begins in the scanned text.
    pub at: usize,
}

impl<'a> Field<'a> {
    /// Where the value stands in the scanned text.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.at..self.at + self.value.len()
    }

    /// The value without quotes; the text as it is where it has none.
    #[must_use]
    pub fn text(&self) -> &'a str {
        unquoted(self.value)
    }

    /// The value as an unsigned integer.
    #[must_use]
    pub fn integer(&self) -> Option<u64> {
        self.value.parse().ok()
    }
}

/// A value's text without quotes, if it has any.
#[must_use]
pub fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// The fields of an object, in their order; none if `text` is no object.
#[must_use]
pub fn fields(text: &str) -> Fields<'_> {
    Fields(Scan::new(text, b'{'))
}

/// The elements of an array with where each begins, in their order; none if `text` is no array.
#[must_use]
pub fn elements(text: &str) -> Elements<'_> {
    Elements(Scan::new(text, b'['))
}

/// The first field with this key.
#[must_use]
pub fn field<'a>(text: &'a str, key: &str) -> Option<Field<'a>> {
    fields(text).find(|field| field.key == key)
}

/// Iterates over the fields of an object: see [`fields`].
#[derive(Debug, Clone)]
pub struct Fields<'a>(Scan<'a>);

/// Iterates over the elements of an array: see [`elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a>(Scan<'a>);

impl Fields<'_> {
    /// Whether the text turned out to be no whole object; known when the iteration has ended.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.state == State::Broken
    }
}

impl Elements<'_> {
    /// Whether the text turned out to be no whole array; known when the iteration has ended.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.state == State::Broken
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if !self.0.more(b'}') {
            return None;
        }
        let key = self.0.value().and_then(|(_, key)| key.strip_prefix('"')?.strip_suffix('"'));
        let colon = self.0.skip_space() == Some(b':');
        self.0.at += 1;
        let value = if colon { self.0.value() } else { None };
        match (key, value) {
            (Some(key), Some((at, value))) => Some(Field { key, value, at }),
            _ => self.0.fail(),
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        if !self.0.more(b']') {
            return None;
        }
        match self.0.value() {
            Some(element) => Some(element),
            None => self.0.fail(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    Further,
    Ended,
    Broken,
}

#[derive(Debug, Clone)]
struct Scan<'a> {
    text: &'a str,
    at: usize,
    state: State,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str, open: u8) -> Self {
        let mut scan = Self { text, at: 0, state: State::First };
        if scan.skip_space() != Some(open) {
            scan.state = State::Broken;
        }
        scan.at += 1;
        scan
    }

    fn fail<T>(&mut self) -> Option<T> {
        self.state = State::Broken;
        None
    }

    /// Moves behind the comma before the next member; false behind the last one.
    fn more(&mut self, close: u8) -> bool {
        if matches!(self.state, State::Ended | State::Broken) {
            return false;
        }
        match (self.skip_space(), self.state) {
            (Some(byte), _) if byte == close => self.state = State::Ended,
            (Some(_), State::First) => self.state = State::Further,
            (Some(b','), _) => {
                self.at += 1;
                self.skip_space();
            }
            _ => self.state = State::Broken,
        }
        self.state == State::Further
    }

    fn skip_space(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn value(&mut self) -> Option<(usize, &'a str)> {
        self.skip_space();
        let start = self.at;
        self.at = value_end(self.text.as_bytes(), start)?;
        Some((start, self.text.get(start..self.at)?))
    }
}

/// Where the value that begins at `start` ends; none if it is cut off.
fn value_end(text: &[u8], start: usize) -> Option<usize> {
    match text.get(start)? {
        b'"' => string_end(text, start),
        b'{' | b'[' => nested_end(text, start),
        _ => {
            let length =
                text[start..].iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n'));
            length.filter(|length| *length > 0).map(|length| start + length)
        }
    }
}

fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn nested_end(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut open) = (start, 0_usize);
    loop {
        match text.get(at)? {
            b'"' => {
                at = string_end(text, at)?;
                continue;
            }
            b'{' | b'[' => open += 1,
            b'}' | b']' => open -= 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_given_as_they_stand() {
        let text = r#" { "price" : 63501.60 , "s":"BTC\"/USD","data":[{"a":"]}"},[1, 2]],"x":null}"#;
        let found: Vec<_> = fields(text).map(|field| (field.key, field.value)).collect();
        let expected = [
            ("price", "63501.60"),
            ("s", r#""BTC\"/USD""#),
            ("data", r#"[{"a":"]}"},[1, 2]]"#),
            ("x", "null"),
        ];
        assert_eq!(found, expected);
        let data = field(text, "data").unwrap();
        assert_eq!(&text[data.range()], data.value);
        assert_eq!(
            elements(data.value).map(|(_, value)| value).collect::<Vec<_>>(),
            [r#"{"a":"]}"}"#, "[1, 2]"]
        );
    }

    #[test]
    fn what_is_cut_off_ends_the_iteration() {
        let mut cut = fields(r#"{"stream":"btcusdt@trade","data":{"e":"tra"#);
        assert_eq!(cut.next().unwrap().text(), "btcusdt@trade");
        assert_eq!(cut.next(), None);
        assert!(cut.is_broken());
        for text in ["", "[]", "{\"a\" 1}", "{\"a\":}", "{\"a\":1,,}", "{a:1}", "{\"a\":\"\\"] {
            let mut broken = fields(text);
            assert!(broken.by_ref().count() <= 1, "{text}");
            assert!(broken.is_broken(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}\\[\\]\":,\\\\a1 é]{0,30}") {
            fields(&text).for_each(drop);
            elements(&text).for_each(drop);
        }

        #[test]
        fn agrees_with_serde_json(numbers in prop::collection::vec((".{0,6}", any::<i64>()), 0..6)) {
            let object: serde_json::Map<_, _> = numbers.into_iter().map(|(key, n)| (key, n.into())).collect();
            let text = serde_json::to_string(&object).unwrap();
            let mut found = fields(&text);
            let scanned: serde_json::Map<_, _> = found
                .by_ref()
                .map(|f| (serde_json::from_str(&format!("\"{}\"", f.key)).unwrap(), serde_json::from_str(f.value).unwrap()))
                .collect();
            prop_assert_eq!(scanned, object);
            prop_assert!(!found.is_broken());
        }
    }
}
