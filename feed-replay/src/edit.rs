//! Replacing single values in a text and leaving every other byte as it is.

use std::ops::Range;

/// Replacements that wait to be applied.
#[derive(Debug, Clone, Default)]
pub struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// Notes that `range` of the text is to be replaced; ranges do not overlap.
    pub fn replace(&mut self, range: Range<usize>, text: String) {
        self.0.push((range, text));
    }

    /// The text with all replacements made.
    #[must_use]
    pub fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(range, _)| range.start);
        let mut out = String::with_capacity(text.len() + 16);
        let mut at = 0;
        for (range, new) in &self.0 {
            out += &text[at..range.start];
            out += new;
            at = range.end;
        }
        out + &text[at..]
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_is_replaced_changes() {
        let mut edits = super::Edits::default();
        edits.replace(6..7, "22".into());
        edits.replace(1..3, String::new());
        assert_eq!(edits.apply("abcdefgh"), "adef22h");
    }
}
