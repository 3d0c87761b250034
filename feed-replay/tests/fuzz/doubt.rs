//! Which books may differ from the venue's without anybody's fault: those that a frame told of that was changed, and can be read.
//!
//! A wrong number in a message is what the venue said. The book is right again when it has begun anew, and the venue's rule may
//! see it earlier.

use crate::corpus::{Corpus, Rule};
use crate::line::Book;
use std::collections::BTreeMap;

/// By symbol.
pub(crate) struct Doubts {
    rule: Rule,
    of: BTreeMap<String, Doubt>,
}

#[derive(Debug, Default)]
struct Doubt {
    /// The book may hold what a changed message said.
    told: bool,
    /// It may lack what nobody could read.
    lacks: bool,
    /// A changed message came since the book was given up: it may wait to be applied.
    waits: bool,
    was_live: bool,
    resets: u64,
}

impl Doubts {
    pub(crate) fn new(corpus: &Corpus) -> Self {
        let of = corpus.symbols.iter().map(|symbol| (symbol.clone(), Doubt::default()));
        Self { rule: corpus.rule, of: of.collect() }
    }

    /// All is as the venue sent it from here on.
    pub(crate) fn none(&mut self) {
        for doubt in self.of.values_mut() {
            *doubt = Doubt { resets: doubt.resets, ..Doubt::default() };
        }
    }

    pub(crate) fn about(&self, symbol: &str) -> bool {
        self.of[symbol].told || self.of[symbol].lacks
    }

    /// A changed frame has been delivered: what it is or was about, and the books that it should have changed.
    pub(crate) fn disturbed<'a>(
        &mut self,
        about: impl Iterator<Item = &'a String>,
        moved: &'a [String],
        is_json: bool,
        books: &BTreeMap<String, Book>,
    ) {
        self.look(books);
        for symbol in about.chain(moved) {
            let Some(doubt) = self.of.get_mut(symbol) else { continue };
            doubt.told |= is_json;
            doubt.lacks = true;
            doubt.waits = true;
        }
    }

    /// A frame as the venue sent it has been delivered, which changed these books.
    pub(crate) fn undisturbed(&mut self, moved: &[String]) {
        for symbol in moved {
            let Some(doubt) = self.of.get_mut(symbol) else { continue };
            doubt.lacks &= self.rule == Rule::None;
            doubt.told &= self.rule != Rule::Wrong;
        }
    }

    /// Looks at which books have been given up, and begun anew.
    pub(crate) fn look(&mut self, books: &BTreeMap<String, Book>) {
        for (symbol, book) in books {
            let Some(doubt) = self.of.get_mut(symbol) else { continue };
            if book.resets != doubt.resets {
                doubt.resets = book.resets;
                (doubt.told, doubt.lacks) = (doubt.waits, doubt.waits);
                doubt.waits = false;
            }
            if doubt.was_live && !book.is_live() {
                doubt.waits = false;
            }
            doubt.was_live = book.is_live();
        }
    }
}
