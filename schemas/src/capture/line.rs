//! One line of a capture as a value.

use super::{Body, Record, UnixNanos};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What is wrong with a line, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// The line does not begin with a time.
    #[error("expected the time in unix nanoseconds, found {found:?}")]
    Time {
        /// The line's beginning.
        found: String,
    },
    /// Nothing stands behind the time.
    #[error("expected a frame or a tag after the time, found the end of the line")]
    Empty,
    /// A tag that the format does not have.
    #[error(
        "expected a frame or one of @bin, @open, @sent, @http, @close, @error, @conn, @frame;base64, found {found:?}"
    )]
    Tag {
        /// The tag.
        found: String,
    },
    /// What follows a tag is not what belongs there.
    #[error("{tag}: expected {expected}")]
    Argument {
        /// The tag.
        tag: &'static str,
        /// What belongs behind it.
        expected: &'static str,
    },
    /// Text that is no UTF-8.
    #[error("expected UTF-8, found another byte at offset {offset}")]
    Utf8 {
        /// Where in the line, or in what base64 stood for.
        offset: usize,
    },
    /// A line longer than the reader's limit.
    #[error("expected a line of at most {bytes_max} bytes, found a longer one")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
}

/// Reads one line without its line feed. What stands in base64 is decoded into `scratch`.
///
/// # Errors
/// [`LineFault`] says what was expected.
pub fn parse_line<'a>(line: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Record<'a>, LineFault> {
    let (time, rest) = take_time(line)?;
    let rest = utf8(rest).map_err(|fault| shifted(fault, line.len() - rest.len()))?;
    let (conn, rest) = match rest.strip_prefix("@conn ") {
        Some(numbered) => take_conn(numbered)?,
        None => (0, rest),
    };
    let body = match rest.as_bytes().first() {
        None => return Err(LineFault::Empty),
        Some(b'@') => tagged(rest, scratch)?,
        Some(_) => Body::Frame(rest),
    };
    Ok(Record { time, conn, body })
}

fn take_time(line: &[u8]) -> Result<(UnixNanos, &[u8]), LineFault> {
    let fault = || LineFault::Time { found: beginning(line) };
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&line[..digits]).map_err(|_| fault())?;
    let time = number.parse().map_err(|_| fault())?;
    match line.get(digits) {
        Some(b' ') => Ok((time, &line[digits + 1..])),
        None => Err(LineFault::Empty),
        Some(_) => Err(fault()),
    }
}

fn take_conn(text: &str) -> Result<(u32, &str), LineFault> {
    let fault = LineFault::Argument { tag: "@conn", expected: "a number and then a record" };
    let (number, rest) = text.split_once(' ').ok_or_else(|| fault.clone())?;
    Ok((number.parse().map_err(|_| fault)?, rest))
}

fn tagged<'a>(text: &'a str, scratch: &'a mut Vec<u8>) -> Result<Body<'a>, LineFault> {
    let (tag, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok(match tag {
        "@bin" => Body::Binary(decoded("@bin", rest, scratch)?),
        "@frame;base64" => Body::Frame(decoded_text("@frame;base64", rest, scratch)?),
        "@open" => Body::Open { url: rest },
        "@sent" => Body::Sent(rest),
        "@sent;base64" => Body::Sent(decoded_text("@sent;base64", rest, scratch)?),
        "@http" => {
            let (url, body) = two_parts("@http", "<url> <body>", rest)?;
            Body::Http { url, body }
        }
        "@http;base64" => {
            let (url, body) = two_parts("@http;base64", "<url> <base64>", rest)?;
            Body::Http { url, body: decoded_text("@http;base64", body, scratch)? }
        }
        "@close" => close(rest)?,
        "@close;base64" => {
            let (code, reason) = two_parts("@close;base64", "<code> <base64>", rest)?;
            Body::Close { code: code_of(code)?, reason: decoded_text("@close;base64", reason, scratch)? }
        }
        "@error" => Body::Error(rest),
        "@error;base64" => Body::Error(decoded_text("@error;base64", rest, scratch)?),
        _ => return Err(LineFault::Tag { found: beginning(tag.as_bytes()) }),
    })
}

fn close(rest: &str) -> Result<Body<'_>, LineFault> {
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(Body::Close { code: code_of(code)?, reason })
}

fn code_of(text: &str) -> Result<u16, LineFault> {
    text.parse().map_err(|_| LineFault::Argument { tag: "@close", expected: "a close code and a reason" })
}

fn two_parts<'a>(
    tag: &'static str,
    expected: &'static str,
    text: &'a str,
) -> Result<(&'a str, &'a str), LineFault> {
    text.split_once(' ').ok_or(LineFault::Argument { tag, expected })
}

fn decoded<'a>(tag: &'static str, text: &str, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], LineFault> {
    scratch.clear();
    STANDARD
        .decode_vec(text, scratch)
        .map_err(|_| LineFault::Argument { tag, expected: "base64 with padding" })?;
    Ok(scratch)
}

fn decoded_text<'a>(tag: &'static str, text: &str, scratch: &'a mut Vec<u8>) -> Result<&'a str, LineFault> {
    utf8(decoded(tag, text, scratch)?)
}

fn utf8(bytes: &[u8]) -> Result<&str, LineFault> {
    std::str::from_utf8(bytes).map_err(|error| LineFault::Utf8 { offset: error.valid_up_to() })
}

fn shifted(fault: LineFault, by: usize) -> LineFault {
    match fault {
        LineFault::Utf8 { offset } => LineFault::Utf8 { offset: offset + by },
        other => other,
    }
}

/// So much of a damaged text as a message should show.
fn beginning(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned()
}
