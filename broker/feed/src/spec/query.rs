//! The parameters of a feed URL: each is taken once, and what is left over is unknown.

use std::fmt::Display;
use std::str::FromStr;

/// Parameters that were not asked for yet, and the names of those that were.
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Query {
    /// From the part of a URL behind the question mark.
    ///
    /// # Errors
    /// A message, if a parameter stands there twice.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // A plus is a plus here: symbols may have one.
        let text = text.replace('+', "%2B");
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let twice = |i: usize| pairs[..i].iter().any(|(name, _)| *name == pairs[i].0);
        if let Some(i) = (0..pairs.len()).find(|&i| twice(i)) {
            return Err(format!("parameter `{}` stands there twice", pairs[i].0));
        }
        Ok(Self { pairs, known: Vec::new() })
    }

    /// The value of `name`, decoded.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let place = self.pairs.iter().position(|(key, _)| key == name)?;
        Some(self.pairs.swap_remove(place).1)
    }

    /// Whether `name` stands there with exactly this value, which is not taken.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.pairs.iter().any(|(key, found)| key == name && found == value)
    }

    /// The value of `name` as something else.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub(super) fn value<T: FromStr>(
        &mut self,
        name: &'static str,
        expected: &str,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| wrong(name, expected, &text))
    }

    /// `true` or `false`; the bare name is true, and nothing is false.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, String> {
        match self.text(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(other) => Err(wrong(name, "true or false", other)),
        }
    }

    /// # Errors
    /// A message that names a parameter that nobody asked for.
    pub(super) fn finish(mut self) -> Result<(), String> {
        let Some((name, _)) = self.pairs.pop() else { return Ok(()) };
        Err(format!("unknown parameter `{name}`: expected {}", self.known.join(", ")))
    }
}

/// `name` has a value that is none.
pub(super) fn wrong(name: &str, expected: impl Display, found: &str) -> String {
    let found: String = found.chars().take(64).collect();
    format!("{name}: expected {expected}, found `{found}`")
}

/// `10, 25 or 100`
pub(super) fn alternatives<T: Display>(some: &[T]) -> String {
    match some {
        [most @ .., last] if !most.is_empty() => {
            format!("{} or {last}", most.iter().map(T::to_string).collect::<Vec<_>>().join(", "))
        }
        some => some.iter().map(T::to_string).collect(),
    }
}
