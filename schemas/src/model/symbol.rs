use super::Channel;
use crate::decimal::Decimal;
use std::fmt;
use std::sync::Arc;

/// The longest symbol, venue included.
const BYTES_MAX: usize = 96;

/// A symbol by the venue's own name, with the venue in front: `kraken:BTC/USD`.
///
/// It holds nothing that JSON escapes and nothing that patterns or lists of symbols use, so it can be written
/// into frames and URLs' lists as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(Arc<str>);

/// Why a text is not a symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// Venue or name is empty, or the colon between them is missing.
    #[error("expected VENUE:NAME, found `{0}`")]
    Incomplete(String),
    /// Longer than 96 bytes.
    #[error("a symbol has at most {BYTES_MAX} bytes, `{0}`... is longer")]
    TooLong(String),
    /// Control characters, white space, `"`, `\`, `*` and `,` do not occur in symbols.
    #[error("{character:?} cannot stand in a symbol")]
    BadCharacter {
        /// The offending character.
        character: char,
    },
}

impl Symbol {
    /// The symbol `name` of `venue`.
    ///
    /// # Errors
    /// [`SymbolError`] if it is incomplete, too long or holds a character that symbols do not have.
    pub fn new(venue: &str, name: &str) -> Result<Self, SymbolError> {
        format!("{venue}:{name}").parse()
    }

    /// The whole symbol, `kraken:BTC/USD`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part in front of the first colon.
    #[must_use]
    pub fn venue(&self) -> &str {
        self.0.split_once(':').map_or("", |(venue, _)| venue)
    }

    /// The venue's own name, behind the first colon.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }
}

impl std::str::FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        let shown = || text.chars().take(BYTES_MAX).collect();
        if text.len() > BYTES_MAX {
            return Err(SymbolError::TooLong(shown()));
        }
        let bad = |c: &char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '\\' | '*' | ',');
        if let Some(character) = text.chars().find(bad) {
            return Err(SymbolError::BadCharacter { character });
        }
        match text.split_once(':') {
            Some((venue, name)) if !venue.is_empty() && !name.is_empty() => Ok(Self(text.into())),
            _ => Err(SymbolError::Incomplete(shown())),
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// What is known of a symbol besides its topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolInfo {
    /// Its name.
    pub symbol: Symbol,
    /// The asset that is traded, where the venue says so.
    pub base: Option<String>,
    /// The asset that it is priced in, where the venue says so.
    pub quote: Option<String>,
    /// The step of its prices, where the venue says so.
    pub tick_size: Option<Decimal>,
    /// The step of its sizes, where the venue says so.
    pub lot_size: Option<Decimal>,
    /// The channels that its feed can fill.
    pub channels: Vec<Channel>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_venue_apart_from_the_name() {
        let symbol = Symbol::new("kraken", "BTC/USD").unwrap();
        assert_eq!((symbol.venue(), symbol.name(), symbol.as_str()), ("kraken", "BTC/USD", "kraken:BTC/USD"));
    }

    #[test]
    fn refuses_what_would_break_frames_and_patterns() {
        for text in
            ["", "BTC", ":BTC", "kraken:", "a:b c", "a:\"", "a:b*", "a:b,c", "a:\u{7}", &"a:b".repeat(40)]
        {
            assert!(text.parse::<Symbol>().is_err(), "{text}");
        }
    }
}
