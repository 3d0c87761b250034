//! Lines out of a stream of bytes, however it is cut.

/// Gathers lines of at most so many bytes; a longer one is passed over as a whole.
#[derive(Debug)]
pub(crate) struct Lines {
    line_bytes_max: usize,
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    /// The line was too long already: what follows belongs to it.
    passes_over: bool,
}

impl Lines {
    pub(crate) fn new(line_bytes_max: usize) -> Self {
        Self { line_bytes_max, partial: Vec::new(), passes_over: false }
    }

    /// Takes bytes, and calls `line` for each line that they end, without its line feed. A line that is too long comes as
    /// [`TooLong`], once.
    pub(crate) fn take(&mut self, mut bytes: &[u8], mut line: impl FnMut(Result<&mut Vec<u8>, TooLong>)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            if self.extend(&bytes[..end]) && !self.passes_over {
                if self.partial.last() == Some(&b'\r') {
                    self.partial.pop();
                }
                if !self.partial.is_empty() {
                    line(Ok(&mut self.partial));
                }
            } else if !self.passes_over {
                line(Err(TooLong));
            }
            self.partial.clear();
            self.passes_over = false;
            bytes = &bytes[end + 1..];
        }
        if !self.passes_over && !self.extend(bytes) {
            self.passes_over = true;
            self.partial = Vec::new();
            line(Err(TooLong));
        }
    }

    /// Whether there was room.
    fn extend(&mut self, bytes: &[u8]) -> bool {
        let fits = self.partial.len() + bytes.len() <= self.line_bytes_max;
        if fits && !self.passes_over {
            self.partial.extend_from_slice(bytes);
        }
        fits
    }
}

/// A line was longer than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(chunks: &[&[u8]]) -> Vec<Result<Vec<u8>, TooLong>> {
        let (mut lines, mut taken) = (Lines::new(8), Vec::new());
        for chunk in chunks {
            lines.take(chunk, |line| taken.push(line.map(|line| line.clone())));
        }
        taken
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_as_a_whole() {
        let taken = lines(&[b"one\r\n\n123456789\ntwo\n12345", b"6789 and so on", b"\nthree\n"]);
        let expected =
            [Ok(b"one".to_vec()), Err(TooLong), Ok(b"two".to_vec()), Err(TooLong), Ok(b"three".to_vec())];
        assert_eq!(taken, expected);
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_lines_are_the_same(text in "[a-c\n]{0,60}", cuts in proptest::collection::vec(0usize..60, 0..5)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(lines(&chunks), lines(&[bytes]));
        }
    }
}
