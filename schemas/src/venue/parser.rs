use super::VenueError;
use super::fields::Field;
use super::scan::Scanner;
use crate::model::Level;
use simd_json::{Buffers, ErrorType, Tape};

/// How deep arrays and objects may be nested; Binance's exchangeInfo, the deepest known, needs 6.
pub const DEPTH_MAX: usize = 32;

/// The largest frame whose buffers are kept, in bytes: a snapshot of 5 MB comes once, and its tape takes 15 MB.
const KEPT_FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The buffers that parsing fills and reuses; one for each connection.
pub struct Parser {
    simd: Buffers,
    tape: Tape<'static>,
    unescaped: Vec<String>,
    levels: Levels,
    last_frame_bytes: usize,
}

/// The levels of one message.
#[derive(Default)]
pub(super) struct Levels {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            simd: Buffers::with_max_depth(1024, DEPTH_MAX),
            tape: Tape(Vec::new()),
            unescaped: Vec::new(),
            levels: Levels::default(),
            last_frame_bytes: 0,
        }
    }
}

impl Parser {
    /// Lets simd-json parse `frame` in place and `read` take a message from it. Bare numbers become integers or
    /// floats, so only integers, and what is written as a string, keep their digits.
    pub(super) fn in_place<'a, M>(
        &'a mut self,
        frame: &'a mut [u8],
        read: impl FnOnce(Field<'_, 'a>, &'a mut Levels) -> Result<M, VenueError>,
    ) -> Result<M, VenueError> {
        self.begin(frame.len());
        let (bytes, closed) = (frame.len(), is_closed(frame));
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed = simd_json::fill_tape(frame, &mut self.simd, &mut tape);
        let message = match parsed {
            Ok(()) => read(Field::root(&tape.0), &mut self.levels),
            Err(error) => Err(refused(&error, bytes, closed)),
        };
        self.tape = tape.reset();
        message
    }

    /// Scans `frame`, whose numbers stay texts, and lets `read` take a message from it.
    pub(super) fn as_text<'a, M>(
        &'a mut self,
        frame: &'a [u8],
        read: impl FnOnce(Field<'_, 'a>, &'a mut Levels) -> Result<M, VenueError>,
    ) -> Result<M, VenueError> {
        self.begin(frame.len());
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let message = Scanner::scan(frame, &mut self.unescaped, &mut tape.0)
            .and_then(|()| read(Field::root(&tape.0), &mut self.levels));
        self.tape = tape.reset();
        message
    }

    /// Forgets the last message, and buffers that only an unusually large frame needed.
    fn begin(&mut self, frame_bytes: usize) {
        if self.last_frame_bytes > KEPT_FRAME_BYTES_MAX {
            *self = Self::default();
        }
        self.last_frame_bytes = frame_bytes;
        self.unescaped.clear();
        self.levels.bids.clear();
        self.levels.asks.clear();
    }
}

impl std::fmt::Debug for Parser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parser").field("last_frame_bytes", &self.last_frame_bytes).finish_non_exhaustive()
    }
}

/// Whether the last byte could end a message.
fn is_closed(frame: &[u8]) -> bool {
    matches!(frame.trim_ascii_end().last(), Some(b'}' | b']'))
}

/// What simd-json's error says about a frame of so many bytes. By then the frame is no longer at hand.
#[cold]
fn refused(error: &simd_json::Error, bytes: usize, closed: bool) -> VenueError {
    let offset = error.index();
    let expected = match error.error() {
        // Running out of input is the one thing that simd-json calls `Syntax`, besides a bad byte in a string.
        ErrorType::Syntax if !closed || error.character().is_some() => {
            return VenueError::Truncated { bytes };
        }
        ErrorType::Eof => return VenueError::Truncated { bytes },
        // Which of the two cannot be told here: a frame may be cut behind a brace that stands in a string.
        ErrorType::Syntax => "the end of a string, and no control character before it",
        ErrorType::InvalidNumber if offset >= bytes => return VenueError::Truncated { bytes },
        ErrorType::ExpectedTrue | ErrorType::ExpectedFalse | ErrorType::ExpectedNull
            if !closed && offset + 5 > bytes =>
        {
            return VenueError::Truncated { bytes };
        }
        ErrorType::DepthLimitExceeded => return VenueError::TooDeep,
        ErrorType::InvalidUtf8 => "UTF-8",
        ErrorType::InvalidNumber | ErrorType::Overflow => "a number",
        ErrorType::InvalidEscape | ErrorType::InvalidUnicodeCodepoint => "an escape sequence",
        ErrorType::ExpectedObjectColon => "a colon",
        ErrorType::ExpectedObjectKey => "a key",
        ErrorType::ExpectedObjectContent => "a key, a comma or the end of an object",
        ErrorType::ExpectedArrayContent => "a comma or the end of an array",
        // Also what simd-json says of a second value behind the first.
        _ => "a single value",
    };
    VenueError::Syntax { offset, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_an_unusually_large_frame_are_given_back() {
        let mut parser = Parser::default();
        let large = format!("[{}0]", "0,".repeat(KEPT_FRAME_BYTES_MAX / 2));
        for _ in 0..2 {
            parser.in_place(&mut large.clone().into_bytes(), |_, _| Ok(())).unwrap();
            assert!(parser.tape.0.capacity() > KEPT_FRAME_BYTES_MAX / 2);
            parser.as_text(b"[1]", |_, _| Ok(())).unwrap();
            assert!(parser.tape.0.capacity() < 1024, "{}", parser.tape.0.capacity());
        }
    }

    #[test]
    fn a_frame_cut_behind_a_brace_in_a_string_lacks_the_end_of_the_string() {
        let mut parser = Parser::default();
        let mut refusal = |text: &str| {
            parser.in_place(&mut text.as_bytes().to_vec(), |_, _| Ok(())).unwrap_err().to_string()
        };
        let lacking =
            "not JSON: expected the end of a string, and no control character before it at offset 0";
        assert_eq!(refusal(r#"{"event":"error","msg":"Invalid request: {\"op\":\"x\"}"#), lacking);
        assert_eq!(refusal("{\"a\":\"b\nc\"}"), lacking);
        assert_eq!(
            refusal(r#"{"event":"error","msg":"Invalid request: {"#),
            "the frame is cut off after 42 bytes"
        );
    }

    #[test]
    fn buffers_of_usual_frames_are_kept() {
        let mut parser = Parser::default();
        let mut tapes = [std::ptr::null(); 2];
        for tape in &mut tapes {
            parser.in_place(&mut b"[1,2,3]".to_vec(), |_, _| Ok(())).unwrap();
            *tape = parser.tape.0.as_ptr();
        }
        assert_eq!(tapes[0], tapes[1]);
    }
}
