//! A publisher to a server that speaks a dialect: one WebSocket, over which every update goes as it would come from a broker
//! of this project.

use super::link::{Link, LinkError};
use crate::ascii;
use crate::connection::End;
use crate::dialect::{Dialect, Speaker};
use crate::floor::{Frame, TS_DIGITS};
use crate::frame::{self, Decoder, Message, opcode};
use crate::handshake::Handshake;
use crate::plan::Target;
use crate::random::Random;
use anyhow::{Context as _, bail};
use std::time::{Duration, Instant};

/// How long the server may take until it can be published to.
const OPENING_TIME_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(2);
const READ_BYTES: usize = 16 << 10;

/// Says updates in a dialect, and answers what the server asks.
#[derive(Debug)]
pub struct Voice {
    dialect: Dialect,
    topics: Vec<(String, Frame)>,
    speaker: Speaker,
    decoder: Decoder,
    random: Random,
    message: Vec<u8>,
}

impl Voice {
    /// Connects to `target` and opens what publishing there takes; the updates are of `symbols`, whole names.
    ///
    /// # Errors
    /// When the server is not there, refuses, or takes more than ten seconds.
    pub fn open(
        target: &Target,
        dialect: Dialect,
        symbols: &[String],
        random: Random,
    ) -> anyhow::Result<Link> {
        let topic = |name: &String| Ok((name.clone(), Frame::new(name.parse()?)?));
        let mut voice = Self {
            dialect,
            topics: symbols.iter().map(topic).collect::<anyhow::Result<_>>()?,
            speaker: Speaker::new(dialect, Vec::new()),
            decoder: Decoder::default(),
            random,
            message: Vec::new(),
        };
        let mut link = Link::dial(target.address)?;
        voice.settle(&mut link, target).context("the publisher's connection")?;
        link.voice = Some(Box::new(voice));
        Ok(link)
    }

    /// Appends the next update of a symbol, with these times in microseconds since the Unix epoch.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, symbol: u32, ts_us: u64, now_us: u64) {
        let [mut ts, mut rx] = [[0; TS_DIGITS]; 2];
        ascii::put(&mut ts, ts_us);
        ascii::put(&mut rx, now_us);
        let (name, frame) = &mut self.topics[symbol as usize];
        self.message.clear();
        self.dialect.publish(&mut self.message, name, frame.next_text(&ts, &rx));
        frame::append_masked(out, self.dialect.opcode(), &self.message, self.random.mask());
    }

    /// Hears what has come over the link, and answers.
    ///
    /// # Errors
    /// When the server closed, or broke the rules.
    pub(super) fn attend(&mut self, link: &mut Link) -> Result<(), AttendError> {
        let mut buffer = [0; READ_BYTES];
        loop {
            let received = link.receive_some(&mut buffer)?;
            let answers = self.hear(&buffer[..received])?;
            link.send(&answers, || false)?;
            if received < READ_BYTES {
                return Ok(());
            }
        }
    }

    fn settle(&mut self, link: &mut Link, target: &Target) -> anyhow::Result<()> {
        let until = Instant::now() + OPENING_TIME_MAX;
        let (request, mut handshake) = Handshake::start(target, self.dialect.subprotocol());
        link.send(&request, || Instant::now() >= until)?;
        let mut buffer = [0; READ_BYTES];
        let rest = loop {
            let received = link.receive_some(&mut buffer)?;
            if let Some(used) = handshake.advance(&buffer[..received])? {
                break &buffer[used..received];
            }
            wait(until)?;
        };
        let mut opening = Vec::new();
        self.speaker.open(&mut opening);
        let mut said = self.framed(&opening);
        said.extend(self.hear(rest)?);
        link.send(&said, || Instant::now() >= until)?;
        while !self.speaker.is_ready() {
            self.attend(link)?;
            wait(until)?;
        }
        Ok(())
    }

    /// The answers to what came.
    fn hear(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, End> {
        let mut said = Vec::new();
        while let Some(message) = self.decoder.next(&mut bytes)? {
            match message {
                Message::Text(message) | Message::Binary(message) => {
                    let mut answers = Vec::new();
                    // To whom publishes, updates are echoes.
                    self.speaker.message(message, &mut answers, &mut |_| {})?;
                    for answer in &answers {
                        frame::append_masked(&mut said, self.dialect.opcode(), answer, self.random.mask());
                    }
                }
                Message::Ping(payload) => {
                    frame::append_masked(&mut said, opcode::PONG, payload, self.random.mask());
                }
                Message::Pong => {}
                Message::Close { code, reason } => {
                    let reason = String::from_utf8_lossy(reason).chars().take(80).collect();
                    return Err(End::Closed { code, reason });
                }
            }
        }
        Ok(said)
    }

    fn framed(&mut self, messages: &[Vec<u8>]) -> Vec<u8> {
        let mut framed = Vec::new();
        for message in messages {
            frame::append_masked(&mut framed, self.dialect.opcode(), message, self.random.mask());
        }
        framed
    }
}

/// Why a server could not be attended to any longer.
#[derive(Debug, thiserror::Error)]
pub enum AttendError {
    /// The connection failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The server ended it, or broke the rules.
    #[error("the publisher's connection: {0}")]
    End(#[from] End),
}

fn wait(until: Instant) -> anyhow::Result<()> {
    if Instant::now() >= until {
        bail!("the server does not answer within {} s", OPENING_TIME_MAX.as_secs());
    }
    std::thread::sleep(LOOK_EVERY);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Scanned, scan};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use tungstenite::Message as Sent;

    /// A server that takes what is published, after it has pinged.
    fn taken(updates: u32) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target { address: listener.local_addr().unwrap(), ..Target::nowhere() };
        let server = std::thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            socket.send(Sent::Ping("x".into())).unwrap();
            let mut taken = Vec::new();
            while taken.len() <= updates as usize {
                taken.push(socket.read().unwrap().to_string());
            }
            taken
        });
        let symbols = ["a:S0000".to_owned(), "a:S0001".to_owned()];
        let mut link = Voice::open(&target, Dialect::Plain, &symbols, Random::new(1, 1)).unwrap();
        let mut voice = link.voice.take().unwrap();
        let mut out = Vec::new();
        for number in 0..updates {
            voice.append(
                &mut out,
                number % 2,
                1_795_257_960_428_740 + u64::from(number),
                1_795_257_960_999_999,
            );
        }
        link.send(&out, || false).unwrap();
        while !server.is_finished() {
            // In the end the server is gone.
            let _ = voice.attend(&mut link);
            std::thread::sleep(LOOK_EVERY);
        }
        server.join().unwrap()
    }

    #[test]
    fn updates_are_those_of_a_broker_and_pings_are_answered() {
        let taken = taken(4);
        let updates: Vec<_> = taken.iter().filter(|text| text.starts_with('{')).collect();
        assert_eq!((updates.len(), taken.len()), (4, 5), "{taken:?}");
        for (number, text) in (0..).zip(updates) {
            let Ok(Scanned::Topic(header)) = scan(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(header.symbol, ["a:S0000", "a:S0001"][number % 2]);
            assert_eq!(header.ts, Some(1_795_257_960_428_740 + number as u64));
            assert_eq!(header.seq.0, 1_000 + number as u64 / 2);
        }
    }

    #[test]
    fn a_server_that_refuses_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target { address: listener.local_addr().unwrap(), ..Target::nowhere() };
        let server = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let refused = Voice::open(&target, Dialect::Mqtt, &[], Random::new(1, 1)).unwrap_err();
        assert!(format!("{refused:#}").contains("400 Bad Request"), "{refused:#}");
        server.join().unwrap();
    }
}
