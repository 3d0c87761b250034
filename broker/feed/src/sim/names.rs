//! Names for simulated symbols.

const CONSONANTS: &[u8] = b"BDFGKLMNPRSTVZ";
const VOWELS: &[u8] = b"AEIOU";
/// How many names of four letters there are.
const SHORT: usize = CONSONANTS.len() * VOWELS.len() * CONSONANTS.len() * VOWELS.len();
/// Shares no divisor with [`SHORT`], so that its multiples visit every name before one comes again.
const STRIDE: usize = 2_741;

/// How many distinct names there are.
pub const NAMES_MAX: usize = 1 + SHORT * (1 + CONSONANTS.len());

/// The name of the symbol with this index: `ACME` is the first, the others can be pronounced too.
#[must_use]
pub fn name(index: usize) -> String {
    if index == 0 {
        return "ACME".to_owned();
    }
    let (round, at) = ((index - 1) / SHORT, (index - 1) % SHORT);
    let mut rest = at * STRIDE % SHORT;
    let mut letter = |letters: &[u8]| {
        let picked = letters[rest % letters.len()];
        rest /= letters.len();
        char::from(picked)
    };
    let mut name: String =
        [letter(CONSONANTS), letter(VOWELS), letter(CONSONANTS), letter(VOWELS)].into_iter().collect();
    if round > 0 {
        name.push(char::from(CONSONANTS[(round - 1) % CONSONANTS.len()]));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_and_begin_with_acme() {
        assert_eq!(name(0), "ACME");
        let names: HashSet<_> = (0..12_000).map(name).collect();
        assert_eq!(names.len(), 12_000);
        assert!(names.iter().all(|name| (4..=5).contains(&name.len())));
    }
}
