//! Several sources as one, by time.

use super::{Item, Source, SourceError};

/// Delivers the records of several sources in the order of their times; of equal times the first source comes first. Within
/// a source the order stays as it is, even where its times step back.
///
/// The records of the second source on carry the source's number as their connection.
pub struct Merge {
    inputs: Vec<Input>,
}

struct Input {
    source: Box<dyn Source>,
    head: Item,
    /// The latest time seen, by which it is ordered.
    time: u64,
    state: Head,
}

enum Head {
    Wanted,
    Ready,
    Ended,
}

impl Merge {
    /// Merges these sources.
    #[must_use]
    pub fn new(sources: Vec<Box<dyn Source>>) -> Self {
        let input = |source| Input { source, head: Item::default(), time: 0, state: Head::Wanted };
        Self { inputs: sources.into_iter().map(input).collect() }
    }
}

impl Input {
    fn fill(&mut self) -> Result<(), SourceError> {
        if matches!(self.state, Head::Wanted) {
            match self.source.next(&mut self.head) {
                None => self.state = Head::Ended,
                Some(read) => {
                    read?;
                    self.time = self.time.max(self.head.time);
                    self.state = Head::Ready;
                }
            }
        }
        Ok(())
    }
}

impl Source for Merge {
    fn next(&mut self, item: &mut Item) -> Option<Result<(), SourceError>> {
        for input in &mut self.inputs {
            if let Err(error) = input.fill() {
                return Some(Err(error));
            }
        }
        let ready =
            self.inputs.iter_mut().enumerate().filter(|(_, input)| matches!(input.state, Head::Ready));
        let (number, input) = ready.min_by_key(|(number, input)| (input.time, *number))?;
        std::mem::swap(item, &mut input.head);
        if number > 0 {
            item.conn = u32::try_from(number).unwrap_or(u32::MAX);
        }
        input.state = Head::Wanted;
        Some(Ok(()))
    }
}
