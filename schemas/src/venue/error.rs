use crate::decimal::DecimalError;

/// The longest piece of a frame that an error repeats, in characters.
const SHOWN_CHARACTERS_MAX: usize = 40;

/// What is wrong with a frame, and where. The frame itself is not in it: whoever logs the error adds the bytes,
/// bounded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VenueError {
    /// The frame is only the beginning of one.
    #[error("the frame is cut off after {bytes} bytes")]
    Truncated {
        /// How many bytes there are.
        bytes: usize,
    },
    /// The frame is not JSON.
    #[error("not JSON: expected {expected} at offset {offset}")]
    Syntax {
        /// Where, in bytes from 0; for what concerns the frame as a whole, 0.
        offset: usize,
        /// What should have stood there.
        expected: &'static str,
    },
    /// Arrays and objects are nested too deeply.
    #[error("nested more than {} deep", super::DEPTH_MAX)]
    TooDeep,
    /// A field that has to be there is not.
    #[error("{field}: missing, expected {expected}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// A field holds something else.
    #[error("{field}: expected {expected}, found {found}")]
    Type {
        /// The field.
        field: &'static str,
        /// What it should hold.
        expected: &'static str,
        /// What it holds, clipped.
        found: Box<str>,
    },
    /// A price, a size or another number is none.
    #[error("{field}: `{text}` is not a number: {source}")]
    Number {
        /// The field.
        field: &'static str,
        /// What it holds, clipped.
        text: Box<str>,
        /// Why it is no number.
        source: DecimalError,
    },
    /// Something is wrong within an element of a list.
    #[error("{field}[{index}]: {source}")]
    Element {
        /// The list.
        field: &'static str,
        /// Which element, from 0.
        index: usize,
        /// What is wrong there.
        source: Box<VenueError>,
    },
    /// The venue answered a request for data with an error of its own.
    #[error("the venue refused: {message} (code {code})")]
    Refused {
        /// The venue's number for the error.
        code: i64,
        /// The venue's words, clipped.
        message: Box<str>,
    },
}

impl VenueError {
    /// A word for the kind of error, to count it by.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::Syntax { .. } => "syntax",
            Self::TooDeep => "too_deep",
            Self::Missing { .. } => "missing",
            Self::Type { .. } => "type",
            Self::Number { .. } => "number",
            Self::Element { source, .. } => source.kind(),
            Self::Refused { .. } => "refused",
        }
    }

    /// The element `index` of the list `field` in front of this error.
    pub(super) fn at(self, field: &'static str, index: usize) -> Self {
        Self::Element { field, index, source: Box::new(self) }
    }
}

/// So that an error cannot be made long from outside.
pub(super) fn clipped(text: &str) -> Box<str> {
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown.into()
}
