//! The measured part: lines in, writes out, and nothing else.

use super::Cost;
use super::setup::{LOOK_EVERY, Topic};
use super::tick::{TS_DIGITS, Tick};
use crate::ascii;
use crate::cpu;
use crate::phase::{Course, Phase, Place};
use crate::worker::now_us;
use anyhow::{Context as _, bail};
use memchr::memchr;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const READ_BYTES: usize = 64 << 10;

/// Writes updates to those who watch their symbols.
#[derive(Debug)]
pub(super) struct Writes<'a> {
    connections: &'a [TcpStream],
    topics: Vec<Batched>,
    /// Consecutive updates of a symbol that go into one write.
    batch: usize,
    course: &'a Course,
    meter: Meter,
    cost: Cost,
}

/// A topic, and its updates that wait until there are enough for a write.
#[derive(Debug)]
struct Batched {
    topic: Topic,
    waiting: Vec<u8>,
    count: usize,
}

/// Notices when the window opens and closes.
#[derive(Debug)]
struct Meter {
    place: Place,
    opened: Duration,
}

impl<'a> Writes<'a> {
    pub(super) fn new(
        connections: &'a [TcpStream],
        topics: Vec<Topic>,
        batch: usize,
        course: &'a Course,
    ) -> Self {
        let topics =
            topics.into_iter().map(|topic| Batched { topic, waiting: Vec::new(), count: 0 }).collect();
        let meter = Meter { place: Place::Before, opened: Duration::ZERO };
        Self { connections, topics, batch, course, meter, cost: Cost::default() }
    }

    /// Takes lines from `feed` and writes updates until the run ends; what that cost within the window.
    pub(super) fn run(mut self, feed: TcpStream) -> anyhow::Result<Cost> {
        if let Err(error) = self.follow(feed) {
            // Subscribers that leave at the end of the run may be quicker than the word that it is over.
            std::thread::sleep(LOOK_EVERY);
            if self.course.phase() != Phase::Ending {
                return Err(error);
            }
        }
        self.notice(Place::After);
        Ok(self.cost)
    }

    fn follow(&mut self, mut feed: TcpStream) -> anyhow::Result<()> {
        feed.set_read_timeout(Some(LOOK_EVERY))?;
        let (mut buffer, mut filled) = (vec![0; READ_BYTES], 0);
        while self.course.phase() != Phase::Ending {
            match feed.read(&mut buffer[filled..]) {
                Ok(0) => {
                    self.write_rest()?;
                    self.course.wait_for(Phase::Ending);
                }
                Ok(read) => {
                    filled += read;
                    let used = self.lines(&buffer[..filled])?;
                    buffer.copy_within(used..filled, 0);
                    filled -= used;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("the publisher is gone"),
            }
        }
        Ok(())
    }

    /// Takes the whole lines at the beginning of `bytes`; how many bytes they are.
    fn lines(&mut self, bytes: &[u8]) -> anyhow::Result<usize> {
        let mut rx = [0; TS_DIGITS];
        ascii::put(&mut rx, now_us());
        let mut used = 0;
        while let Some(end) = memchr(b'\n', &bytes[used..]) {
            let line = &bytes[used..used + end];
            used += end + 1;
            match Tick::of(line) {
                Some(tick) if tick.symbol < self.topics.len() => self.update(&tick, &rx)?,
                _ => bail!("not a line of the publisher: {}", String::from_utf8_lossy(line)),
            }
        }
        Ok(used)
    }

    fn update(&mut self, tick: &Tick<'_>, rx: &[u8; TS_DIGITS]) -> anyhow::Result<()> {
        self.notice(self.course.place(now_us()));
        let Self { connections, topics, batch, .. } = self;
        let Batched { topic, waiting, count } = &mut topics[tick.symbol];
        let frame = topic.frame.next(tick.ts, rx);
        let bytes = if *batch == 1 {
            frame
        } else {
            waiting.extend_from_slice(frame);
            *count += 1;
            if *count < *batch {
                return Ok(());
            }
            waiting.as_slice()
        };
        write_to(connections, &topic.watchers, bytes)?;
        waiting.clear();
        *count = 0;
        Ok(())
    }

    /// What is too little for a batch, once no more comes.
    fn write_rest(&mut self) -> anyhow::Result<()> {
        for Batched { topic, waiting, count } in &mut self.topics {
            if *count > 0 {
                write_to(self.connections, &topic.watchers, waiting)?;
                waiting.clear();
                *count = 0;
            }
        }
        Ok(())
    }

    fn notice(&mut self, place: Place) {
        if place == self.meter.place {
            return;
        }
        match (self.meter.place, place) {
            (Place::Before, Place::Within) => self.meter.opened = cpu::of_thread(),
            (Place::Within, _) => {
                self.cost.cpu_s = cpu::of_thread().saturating_sub(self.meter.opened).as_secs_f64();
            }
            _ => {}
        }
        self.meter.place = place;
    }
}

/// One write for each watcher.
fn write_to(connections: &[TcpStream], watchers: &[usize], bytes: &[u8]) -> anyhow::Result<()> {
    for watcher in watchers {
        let mut stream = &connections[*watcher];
        match stream.write(bytes) {
            Ok(written) if written == bytes.len() => {}
            // Sockets block: less than all was written only if the socket was full for the time that it may be.
            Ok(_) => bail!("a subscriber does not read"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => bail!("a subscriber does not read"),
            Err(error) => return Err(error).context("a subscriber is gone"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_subscriber_that_does_not_read_or_is_gone_ends_the_run_and_does_not_hang_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let subscriber = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let connections = [listener.accept().unwrap().0];
        connections[0].set_write_timeout(Some(Duration::from_millis(50))).unwrap();
        let bytes = vec![b'x'; 1 << 20];
        let until_failed = || (0..64).find_map(|_| write_to(&connections, &[0], &bytes).err());
        assert_eq!(until_failed().unwrap().to_string(), "a subscriber does not read");
        drop(subscriber);
        assert_eq!(until_failed().unwrap().to_string(), "a subscriber is gone");
    }
}
