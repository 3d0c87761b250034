//! The NATS client protocol: lines, of which `MSG` is followed by so many bytes. Over a WebSocket it is a stream: a message
//! may hold several of them, or a part of one.

use super::{DialectError, PACKET_BYTES_MAX, Speaker, shown, unexpected};
use memchr::memmem;

/// The longest line: a server tells much about itself in its first one.
const LINE_BYTES_MAX: usize = 64 << 10;
const END: &[u8] = b"\r\n";
const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"PONG\r\n";
const CONNECT: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\"headers\":false,\
                         \"lang\":\"rust\",\"name\":\"loadgen\",\"version\":\"0.1.0\",\"protocol\":1}\r\n";

/// What a line, with what belongs to it, says.
#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    Info,
    Message(&'a [u8]),
    Ping,
    Pong,
    Fine,
    Error(&'a [u8]),
}

pub(super) fn publish(out: &mut Vec<u8>, symbol: &str, update: &[u8]) {
    out.extend_from_slice(b"PUB ");
    out.extend_from_slice(symbol.as_bytes());
    out.push(b' ');
    out.extend_from_slice(itoa::Buffer::new().format(update.len()).as_bytes());
    out.extend_from_slice(END);
    out.extend_from_slice(update);
    out.extend_from_slice(END);
}

impl Speaker {
    pub(super) fn hear_nats(
        &mut self,
        message: &[u8],
        out: &mut Vec<Vec<u8>>,
        update: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DialectError> {
        self.hear_packets(message, |speaker, bytes| {
            let Some((said, used)) = parse(bytes)? else { return Ok(None) };
            match said {
                Said::Message(text) => update(text),
                other => speaker.answer(&other, out)?,
            }
            Ok(Some(used))
        })
    }

    fn answer(&mut self, said: &Said<'_>, out: &mut Vec<Vec<u8>>) -> Result<(), DialectError> {
        match said {
            // It may come again, when the server's cluster changes.
            Said::Info if self.answers_due == 0 && !self.is_ready => {
                self.answers_due = 1;
                out.push(self.opening());
            }
            Said::Ping => out.push(PONG.to_vec()),
            Said::Pong => self.answered(),
            Said::Error(text) => return Err(DialectError::Refused(shown(text))),
            Said::Info | Said::Fine | Said::Message(_) => {}
        }
        Ok(())
    }

    /// Subscriptions are not answered; but what comes before a ping is done when its pong comes.
    fn opening(&mut self) -> Vec<u8> {
        let mut opening = CONNECT.to_vec();
        for (symbol, id) in std::mem::take(&mut self.symbols).iter().zip(1..) {
            let id: u32 = id;
            opening.extend_from_slice(format!("SUB {symbol} {id}\r\n").as_bytes());
        }
        opening.extend_from_slice(PING);
        opening
    }
}

/// What is said in front, and in how many bytes; `None` if its end is not there yet.
fn parse(bytes: &[u8]) -> Result<Option<(Said<'_>, usize)>, DialectError> {
    let Some(end) = memmem::find(&bytes[..bytes.len().min(LINE_BYTES_MAX)], END) else {
        return if bytes.len() < LINE_BYTES_MAX { Ok(None) } else { Err(DialectError::TooLong) };
    };
    let (line, after) = (&bytes[..end], end + END.len());
    let word = line.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
    let said = match word {
        b"MSG" => return message(line, bytes, after),
        b"INFO" => Said::Info,
        b"PING" => Said::Ping,
        b"PONG" => Said::Pong,
        b"+OK" => Said::Fine,
        b"-ERR" => Said::Error(&line[word.len()..]),
        _ => return Err(unexpected(line)),
    };
    Ok(Some((said, after)))
}

/// `MSG <subject> <id> [reply to] <bytes>`, and behind the line so many bytes and another end.
fn message<'a>(
    line: &[u8],
    bytes: &'a [u8],
    after: usize,
) -> Result<Option<(Said<'a>, usize)>, DialectError> {
    let words = || line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    let length = words().next_back().filter(|_| matches!(words().count(), 4 | 5));
    let length = length.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
    let length = length.ok_or_else(|| unexpected(line))?;
    if length > PACKET_BYTES_MAX {
        return Err(DialectError::TooLong);
    }
    let Some((text, rest)) = bytes[after..].split_at_checked(length) else { return Ok(None) };
    match rest.split_at_checked(END.len()) {
        None => Ok(None),
        Some((END, _)) => Ok(Some((Said::Message(text), after + length + END.len()))),
        Some(_) => Err(unexpected(line)),
    }
}
