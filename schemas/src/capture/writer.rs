//! Writing a capture record by record.

use super::{Body, Header, Record};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, Write};

/// Writes records as lines. It issues one write for each, so give it something buffered.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// A writer to `output`: see [`super::compressed`].
    pub fn new(output: W) -> Self {
        Self { output, line: Vec::new() }
    }

    /// Writes the first line.
    ///
    /// # Errors
    /// Those of the output.
    pub fn header(&mut self, header: &Header) -> io::Result<()> {
        writeln!(self.output, "{}", header.line())
    }

    /// Writes a record.
    ///
    /// # Errors
    /// Those of the output, and [`io::ErrorKind::InvalidInput`] for a URL with a space or a line feed.
    pub fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        self.line.clear();
        write!(self.line, "{} ", record.time)?;
        if record.conn != 0 {
            write!(self.line, "@conn {} ", record.conn)?;
        }
        write_body(&mut self.line, &record.body)?;
        self.line.push(b'\n');
        self.output.write_all(&self.line)
    }

    /// Writes a record that is a line already, its line feed included.
    ///
    /// # Errors
    /// Those of the output.
    pub fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.output.write_all(line)
    }

    /// Passes on what the output still holds back.
    ///
    /// # Errors
    /// Those of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// The output.
    pub fn get_ref(&self) -> &W {
        &self.output
    }

    /// The output, with everything written to it.
    pub fn into_inner(self) -> W {
        self.output
    }
}

fn write_body(line: &mut Vec<u8>, body: &Body<'_>) -> io::Result<()> {
    match *body {
        Body::Frame(frame) if frame.is_empty() || frame.starts_with('@') || breaks_line(frame) => {
            line.extend_from_slice(b"@frame;base64 ");
            base64(line, frame.as_bytes());
        }
        Body::Frame(frame) => line.extend_from_slice(frame.as_bytes()),
        Body::Binary(bytes) => {
            line.extend_from_slice(b"@bin ");
            base64(line, bytes);
        }
        Body::Open { url } => write!(line, "@open {}", plain_url(url)?)?,
        Body::Sent(frame) => last_part(line, "@sent", "", frame),
        Body::Http { url, body } => last_part(line, "@http", &format!("{} ", plain_url(url)?), body),
        Body::Error(message) => last_part(line, "@error", "", message),
        Body::Close { code, reason } => last_part(line, "@close", &format!("{code} "), reason),
    }
    Ok(())
}

/// A tag with `first` behind it and then the text, in base64 where it cannot stand on a line.
fn last_part(line: &mut Vec<u8>, tag: &str, first: &str, text: &str) {
    let escaped = breaks_line(text);
    line.extend_from_slice(tag.as_bytes());
    line.extend_from_slice(if escaped { b";base64 " } else { b" " });
    line.extend_from_slice(first.as_bytes());
    if escaped {
        base64(line, text.as_bytes());
    } else {
        line.extend_from_slice(text.as_bytes());
    }
}

/// Whether a text would not be the same again at the end of a line.
fn breaks_line(text: &str) -> bool {
    text.contains('\n') || text.ends_with('\r')
}

fn plain_url(url: &str) -> io::Result<&str> {
    if url.contains([' ', '\r', '\n']) {
        let message = format!("expected a URL without white space, found {url:?}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(url)
}

fn base64(line: &mut Vec<u8>, bytes: &[u8]) {
    line.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}
