//! Where the quotes of a symbol come from: a stream of them, or the book's top when it changes.

use super::Times;
use crate::settings::Quotes;
use schemas::model::Quote;

/// Tops that are held back at most while it is open whether the venue sends quotes.
const HELD_MAX: usize = 4_096;

/// Where the quotes of a symbol come from.
#[derive(Debug)]
pub(super) enum QuoteSource {
    /// From the venue.
    Stream,
    /// From the book.
    Book,
    /// It is not known yet whether the venue sends any: the tops are held back until it is.
    Open(Vec<(Times, Quote)>),
}

/// What becomes of a top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is a quote.
    Publish(Quote),
    /// It is no quote, or is held back.
    Kept,
    /// It is held back, and no more can be.
    Full,
}

impl QuoteSource {
    pub(super) const fn of(quotes: Quotes) -> Self {
        match quotes {
            Quotes::Auto => Self::Open(Vec::new()),
            Quotes::Stream => Self::Stream,
            Quotes::Book => Self::Book,
        }
    }

    pub(super) const fn is_book(&self) -> bool {
        matches!(self, Self::Book)
    }

    /// Takes the book's top after it has changed.
    pub(super) fn take(&mut self, times: Times, top: Quote) -> Taken {
        match self {
            Self::Stream => Taken::Kept,
            Self::Book => Taken::Publish(top),
            Self::Open(held) => {
                held.push((times, top));
                if held.len() < HELD_MAX { Taken::Kept } else { Taken::Full }
            }
        }
    }

    pub(super) fn forget(&mut self) {
        if let Self::Open(held) = self {
            held.clear();
        }
    }

    /// From now on quotes come from the book: these are the ones until now.
    pub(super) fn begin_with_book(&mut self) -> Vec<(Times, Quote)> {
        match std::mem::replace(self, Self::Book) {
            Self::Open(held) => held,
            Self::Stream | Self::Book => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::model::Micros;

    #[test]
    fn tops_are_held_back_while_it_is_open_but_not_without_end() {
        let mut source = QuoteSource::of(Quotes::Auto);
        let taken: Vec<_> =
            (1..=HELD_MAX as u64).map(|n| source.take(Times::now(Micros(n)), Quote::default())).collect();
        assert!(taken[..HELD_MAX - 1].iter().all(|taken| *taken == Taken::Kept));
        assert_eq!(taken[HELD_MAX - 1], Taken::Full);
        assert_eq!(source.begin_with_book().len(), HELD_MAX);
        assert_eq!(source.take(Times::now(Micros(1)), Quote::default()), Taken::Publish(Quote::default()));
        assert!(source.is_book() && source.begin_with_book().is_empty());
    }
}
