//! MQTT 3.1.1 (OASIS standard, 2014), as much of it as publishing and subscribing with QoS 0 takes.

use super::{DialectError, PACKET_BYTES_MAX, Speaker, unexpected};

/// The client says something at least this often, in seconds, or the server lets it go (after one and a half times this).
pub(super) const KEEP_ALIVE_S: u16 = 120;
/// Symbols of one subscription.
const SYMBOLS_MAX: usize = 500;

const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const SUBACK: u8 = 9;
const PINGRESP: u8 = 13;
/// What a server answers for a topic that it does not grant.
const NOT_GRANTED: u8 = 0x80;

/// A packet: the first byte, and all behind its length.
#[derive(Debug, PartialEq, Eq)]
struct Packet<'a> {
    first: u8,
    body: &'a [u8],
}

/// Protocol level 4, a clean session, and a name that the server chooses.
pub(super) fn connect() -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0b10];
    body.extend_from_slice(&KEEP_ALIVE_S.to_be_bytes());
    body.extend_from_slice(&[0, 0]);
    packet(0x10, &body)
}

pub(super) fn ping() -> Vec<u8> {
    vec![0xc0, 0]
}

pub(super) fn publish(out: &mut Vec<u8>, symbol: &str, update: &[u8]) {
    out.push(PUBLISH << 4);
    length(out, 2 + symbol.len() + update.len());
    string(out, symbol);
    out.extend_from_slice(update);
}

impl Speaker {
    pub(super) fn hear_mqtt(
        &mut self,
        message: &[u8],
        out: &mut Vec<Vec<u8>>,
        update: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DialectError> {
        self.hear_packets(message, |speaker, bytes| {
            let Some((packet, used)) = parse(bytes)? else { return Ok(None) };
            if packet.first >> 4 == PUBLISH {
                update(published(&packet)?);
            } else {
                speaker.acknowledged(&packet, out)?;
            }
            Ok(Some(used))
        })
    }

    fn acknowledged(&mut self, packet: &Packet<'_>, out: &mut Vec<Vec<u8>>) -> Result<(), DialectError> {
        match (packet.first >> 4, packet.body) {
            (CONNACK, [_, 0]) => self.subscribe_mqtt(out),
            (CONNACK, [_, code]) => {
                return Err(DialectError::Refused(format!("return code {code} to CONNECT")));
            }
            (SUBACK, [_, _, codes @ ..]) if codes.contains(&NOT_GRANTED) => {
                return Err(DialectError::Refused("a subscription".to_owned()));
            }
            (SUBACK, [_, _, _, ..]) => self.answered(),
            (PINGRESP, []) => {}
            (_, body) => return Err(unexpected(&[&[packet.first], body].concat())),
        }
        Ok(())
    }

    fn subscribe_mqtt(&mut self, out: &mut Vec<Vec<u8>>) {
        let symbols = std::mem::take(&mut self.symbols);
        self.is_ready = symbols.is_empty();
        for (symbols, id) in symbols.chunks(SYMBOLS_MAX).zip(1_u16..) {
            self.answers_due += 1;
            let mut body = id.to_be_bytes().to_vec();
            for symbol in symbols {
                string(&mut body, symbol);
                body.push(0);
            }
            out.push(packet(0x82, &body));
        }
    }
}

/// The packet in front, and its bytes; `None` if its end is not there yet.
fn parse(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>, DialectError> {
    let [first, rest @ ..] = bytes else { return Ok(None) };
    // Seven bits a byte, the lowest first, of which there are at most four bytes.
    let digits = rest.iter().take(4).take_while(|byte| **byte & 0x80 != 0).count();
    if digits == 4 {
        return Err(unexpected(&bytes[..5]));
    }
    let Some(length_bytes) = rest.get(..=digits) else { return Ok(None) };
    let length = length_bytes.iter().rev().fold(0, |sum, byte| (sum << 7) | usize::from(byte & 0x7f));
    if length > PACKET_BYTES_MAX {
        return Err(DialectError::TooLong);
    }
    let header = 1 + length_bytes.len();
    let body = bytes.get(header..header + length);
    Ok(body.map(|body| (Packet { first: *first, body }, header + length)))
}

/// What was published: all behind the topic's name, and behind the packet's number if it has one.
fn published<'a>(packet: &Packet<'a>) -> Result<&'a [u8], DialectError> {
    let has_number = packet.first & 0b110 != 0;
    let rest = || {
        let (length, rest) = packet.body.split_first_chunk::<2>()?;
        let (_, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        if has_number { rest.get(2..) } else { Some(rest) }
    };
    rest().ok_or_else(|| unexpected(packet.body))
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    length(&mut packet, body.len());
    packet.extend_from_slice(body);
    packet
}

fn length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let digit = u8::try_from(length & 0x7f).unwrap_or(0);
        length >>= 7;
        out.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            return;
        }
    }
}

/// Names of symbols are far shorter than the 64 KiB that a string may have.
fn string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}
