//! A share of one load, for processes that carry it together.
//!
//! Each knows the whole load and takes those connections whose numbers fall to it. So what a connection does and watches, and
//! where it comes from, does not depend on how many processes there are.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One of so many parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Which, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

/// A text that names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a part such as 1/2, which is the first one of two")]
pub struct NoPart;

impl Part {
    /// The only part.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Whether the connection of this number, from 0, belongs to it.
    #[must_use]
    pub const fn has(self, connection: u32) -> bool {
        connection % self.of == self.number - 1
    }

    /// How many of so many connections belong to it.
    #[must_use]
    pub const fn share(self, connections: usize) -> usize {
        (connections + self.of as usize - self.number as usize) / self.of as usize
    }
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Part {
    type Err = NoPart;

    fn from_str(text: &str) -> Result<Self, NoPart> {
        let (number, of) = text.split_once('/').ok_or(NoPart)?;
        let (number, of) = number.parse().ok().zip(of.parse().ok()).ok_or(NoPart)?;
        if (1..=of).contains(&number) { Ok(Self { number, of }) } else { Err(NoPart) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_belongs_to_one_part() {
        for connections in 0..20_u32 {
            let parts = (1..=3).map(|number| Part { number, of: 3 });
            for part in parts {
                let has = (0..connections).filter(|number| part.has(*number)).count();
                assert_eq!(has, part.share(connections as usize), "{part} of {connections}");
            }
            let holders = |number| (1..=3).filter(|part| Part { number: *part, of: 3 }.has(number)).count();
            assert!((0..connections).all(|number| holders(number) == 1));
        }
        assert_eq!(Part::WHOLE.share(7), 7);
    }

    #[test]
    fn a_part_is_read_as_it_is_written() {
        assert_eq!("2/3".parse(), Ok(Part { number: 2, of: 3 }));
        assert_eq!(Part { number: 2, of: 3 }.to_string(), "2/3");
        for wrong in ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3"] {
            assert_eq!(wrong.parse::<Part>(), Err(NoPart), "{wrong}");
        }
    }
}
