use super::VenueError;
use super::parser::DEPTH_MAX;
use simd_json::{Node, StaticNode};

/// Reads JSON onto a tape as simd-json would, except that numbers stay texts, with all their digits.
pub(super) struct Scanner<'a, 't> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// The decoded strings that are yet to come, of those that hold escapes.
    unescaped: std::slice::Iter<'a, String>,
    tape: &'t mut Vec<Node<'a>>,
}

impl<'a, 't> Scanner<'a, 't> {
    /// Scans `frame`, which must be JSON in UTF-8. Strings with escapes go through `unescaped`, all others and the
    /// numbers stay where they are.
    pub(super) fn scan(
        frame: &'a [u8],
        unescaped: &'a mut Vec<String>,
        tape: &'t mut Vec<Node<'a>>,
    ) -> Result<(), VenueError> {
        let text = std::str::from_utf8(frame).map_err(|error| match error.error_len() {
            None => VenueError::Truncated { bytes: frame.len() },
            Some(_) => VenueError::Syntax { offset: error.valid_up_to(), expected: "UTF-8" },
        })?;
        if memchr::memchr(b'\\', frame).is_some() {
            unescape(text, unescaped)?;
        }
        let mut scanner = Scanner { text, at: 0, depth: 0, unescaped: unescaped.iter(), tape };
        scanner.value()?;
        match scanner.peek() {
            None => Ok(()),
            Some(_) => Err(scanner.expected("the end of the frame")),
        }
    }

    fn value(&mut self) -> Result<(), VenueError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b't') => self.literal("true", StaticNode::Bool(true)),
            Some(b'f') => self.literal("false", StaticNode::Bool(false)),
            Some(b'n') => self.literal("null", StaticNode::Null),
            _ => Err(self.expected("a value")),
        }
    }

    /// An object or array: its header gets its counts when its end is found.
    fn nested(
        &mut self,
        content: fn(&mut Self) -> Result<(usize, bool), VenueError>,
    ) -> Result<(), VenueError> {
        if self.depth == DEPTH_MAX {
            return Err(VenueError::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        let header = self.tape.len();
        self.tape.push(Node::Static(StaticNode::Null));
        let (len, is_object) = content(self)?;
        let count = self.tape.len() - header - 1;
        self.tape[header] = if is_object { Node::Object { len, count } } else { Node::Array { len, count } };
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self) -> Result<(usize, bool), VenueError> {
        if self.take(b'}') {
            return Ok((0, true));
        }
        let mut len = 0;
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key"));
            }
            self.string()?;
            if !self.take(b':') {
                return Err(self.expected("a colon"));
            }
            self.value()?;
            len += 1;
            if self.take(b'}') {
                return Ok((len, true));
            }
            if !self.take(b',') {
                return Err(self.expected("a comma or the end of an object"));
            }
        }
    }

    fn array(&mut self) -> Result<(usize, bool), VenueError> {
        if self.take(b']') {
            return Ok((0, false));
        }
        let mut len = 0;
        loop {
            self.value()?;
            len += 1;
            if self.take(b']') {
                return Ok((len, false));
            }
            if !self.take(b',') {
                return Err(self.expected("a comma or the end of an array"));
            }
        }
    }

    fn string(&mut self) -> Result<(), VenueError> {
        let start = self.at + 1;
        let (end, escaped) = string_end(self.text, start)?;
        self.at = end + 1;
        let string =
            if escaped { self.unescaped.next().map_or("", String::as_str) } else { &self.text[start..end] };
        self.tape.push(Node::String(string));
        Ok(())
    }

    /// The digits of the whole part, the fraction and the exponent, as JSON has them.
    fn number(&mut self) -> Result<(), VenueError> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let leading_zero = self.byte() == Some(b'0');
        let whole = self.digits()?;
        if leading_zero && whole > 1 {
            self.at -= whole - 1;
            return Err(self.expected("a point, an exponent or the end of a number"));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        self.tape.push(Node::String(&self.text[start..self.at]));
        Ok(())
    }

    fn digits(&mut self) -> Result<usize, VenueError> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.expected("a digit")) } else { Ok(count) }
    }

    fn literal(&mut self, word: &'static str, value: StaticNode) -> Result<(), VenueError> {
        let rest = &self.text.as_bytes()[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            self.tape.push(Node::Static(value));
            return Ok(());
        }
        if word.as_bytes().starts_with(rest) {
            self.at = self.text.len();
        }
        Err(self.expected("true, false or null"))
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.byte()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> VenueError {
        if self.at >= self.text.len() {
            return VenueError::Truncated { bytes: self.text.len() };
        }
        VenueError::Syntax { offset: self.at, expected }
    }
}

/// The bytes that end a run of plain text in a string: a quote, a backslash, control characters.
const ENDS_TEXT: [bool; 256] = {
    let mut table = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = true;
        control += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

/// Where the string ends whose first character is at `start`, and whether it holds escapes.
fn string_end(text: &str, start: usize) -> Result<(usize, bool), VenueError> {
    let bytes = text.as_bytes();
    let (mut at, mut escaped) = (start, false);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| ENDS_TEXT[usize::from(*byte)]) else {
            return Err(VenueError::Truncated { bytes: bytes.len() });
        };
        at += length;
        match rest[length] {
            b'"' => return Ok((at, escaped)),
            b'\\' => {
                escaped = true;
                at += 2;
            }
            _ => return Err(VenueError::Syntax { offset: at, expected: "no control character in a string" }),
        }
    }
}

/// Decodes the strings with escapes, in their order. Venues hardly send any, so this may take its time.
#[cold]
fn unescape(text: &str, unescaped: &mut Vec<String>) -> Result<(), VenueError> {
    let mut at = 0;
    while let Some(quote) = memchr::memchr(b'"', &text.as_bytes()[at..]) {
        let start = at + quote;
        let (end, escaped) = string_end(text, start + 1)?;
        if escaped {
            let string = serde_json::from_str(&text[start..=end])
                .map_err(|_| VenueError::Syntax { offset: start, expected: "a string with valid escapes" })?;
            unescaped.push(string);
        }
        at = end + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
