//! How each connection of a storm comes back: what it has of its topics, and when it got that far.

use super::awaited::Awaited;
use super::tiles::{Grant, Tiles};
use crate::phase::Place;
use crate::plan::{Client, Plan};
use crate::reply::{Granted, Reply};
use crate::request::Asked;
use crate::scan::Header;
use crate::verify::{Fault, Faults};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Names of epochs that are remembered; of what comes after them, snapshots are asked for.
const EPOCHS_MAX: usize = 1 << 16;

/// What a connection has, and when it got there.
#[derive(Debug, Default)]
pub struct Followed {
    tiles: Tiles,
    /// The steps of its way back.
    pub times: Times,
}

/// The steps of a connection's way back, in microseconds since the Unix epoch; of the last attempt where it took several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// When it was to begin to connect; none before the storm.
    pub due_us: Option<u64>,
    /// TCP was connected.
    pub connected_us: Option<u64>,
    /// The answer to the upgrade came, and it subscribed.
    pub upgraded_us: Option<u64>,
    /// The last reply to its subscription came.
    pub replied_us: Option<u64>,
    /// The first frame about a topic came.
    pub first_frame_us: Option<u64>,
    /// Each topic was granted, and had its state.
    pub consistent_us: Option<u64>,
}

/// Follows the connections of one thread of a storm.
#[derive(Debug)]
pub struct Follower {
    resume: bool,
    numbers: FxHashMap<Box<str>, u32>,
    epochs: Epochs,
    awaited: Arc<Awaited>,
    /// What was wrong with the frames.
    pub faults: Faults,
    /// Frames that were looked at.
    pub frames: u64,
}

/// Names of epochs by number, since each is that of thousands of topics held.
#[derive(Debug, Default)]
struct Epochs {
    names: Vec<Box<str>>,
    numbers: FxHashMap<Box<str>, u32>,
}

impl Follower {
    /// Follows those of a run who come back for what they missed, if nobody else keeps what they have.
    #[must_use]
    pub fn of_run(plan: &Plan) -> Option<Self> {
        let nobody = Arc::new(Awaited::new(Arc::default(), 0));
        (plan.resume && !plan.verify).then(|| Self::new(plan, true, nobody))
    }

    /// Follows connections of this plan; with `resume` they ask for what they missed.
    #[must_use]
    pub fn new(plan: &Plan, resume: bool, awaited: Arc<Awaited>) -> Self {
        let names = plan.symbols.iter().map(|name| Box::from(name.as_str()));
        Self {
            resume,
            numbers: names.zip(0..).collect(),
            epochs: Epochs::default(),
            awaited,
            faults: Faults::default(),
            frames: 0,
        }
    }

    /// TCP is connected.
    pub fn connected(&self, followed: &mut Followed, at_us: u64) {
        let Times { due_us, .. } = followed.times;
        followed.times = Times { due_us, connected_us: Some(at_us), ..Times::default() };
    }

    /// The upgrade is complete, and the connection asks for `symbols`; what to ask for.
    pub fn upgraded<'a>(
        &'a self,
        followed: &mut Followed,
        symbols: &[u32],
        plan: &'a Plan,
        at_us: u64,
    ) -> Vec<Asked<'a>> {
        followed.times.upgraded_us = Some(at_us);
        followed.tiles.begin(symbols, self.resume);
        let asked = followed.tiles.resumable().map(|(symbol, after)| {
            let symbol = plan.symbols[symbol as usize].as_str();
            let known = after.and_then(|(epoch, after)| Some((self.epochs.name(epoch)?, after)));
            known.map_or(Asked::Afresh(symbol), |(epoch, after)| Asked::Resumed { symbol, epoch, after })
        });
        asked.collect()
    }

    /// A reply came.
    pub fn reply(&mut self, followed: &mut Followed, reply: &Reply<'_>, at_us: u64) {
        for granted in reply.result.iter().flat_map(|outcome| &outcome.subscribed) {
            self.granted(followed, granted);
        }
        if followed.times.consistent_us.is_none() {
            followed.times.replied_us = Some(at_us);
        }
        self.look(followed, at_us);
    }

    /// A frame about a topic came to a connection.
    pub fn frame(
        &mut self,
        client: &Client,
        followed: &mut Followed,
        header: &Header<'_>,
        text: &[u8],
        at_us: u64,
    ) {
        self.frames += 1;
        followed.times.first_frame_us.get_or_insert(at_us);
        let number = self.numbers.get(&*header.symbol).filter(|_| header.channel == client.channel.name());
        let fault = match number {
            Some(symbol) => followed.tiles.frame(*symbol, header),
            None => Some(Fault::NotSubscribed),
        };
        if let Some(fault) = fault {
            self.faults.add(client.number, &fault, text);
        }
        if followed.times.consistent_us.is_none() {
            self.look(followed, at_us);
        }
    }

    /// The connection was lost. In the storm that takes it back to where it began.
    pub fn lost(&self, followed: &mut Followed, at_us: u64) {
        let times = &mut followed.times;
        if times.due_us.is_none() || self.awaited.course.place(at_us) != Place::Within {
            return;
        }
        if times.consistent_us.is_some() {
            self.awaited.went();
        }
        *times = Times { due_us: times.due_us, ..Times::default() };
    }

    fn granted(&mut self, followed: &mut Followed, granted: &Granted<'_>) {
        let Some(symbol) = granted.symbol.as_deref().and_then(|symbol| self.numbers.get(symbol)) else {
            return;
        };
        let epoch = self.epochs.number(granted.epoch.as_deref().unwrap_or_default());
        let resumed = granted.resumed == Some(true);
        followed.tiles.granted(*symbol, Grant { epoch, seq: granted.seq.unwrap_or(0), resumed });
    }

    fn look(&self, followed: &mut Followed, at_us: u64) {
        let Followed { tiles, times } = followed;
        if times.due_us.is_some() && times.consistent_us.is_none() && tiles.is_whole() {
            times.consistent_us = Some(at_us);
            self.awaited.came(at_us);
        }
    }
}

impl Epochs {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        if self.names.len() < EPOCHS_MAX {
            self.numbers.insert(name.into(), number);
            self.names.push(name.into());
        }
        number
    }

    fn name(&self, number: u32) -> Option<&str> {
        self.names.get(number as usize).map(|name| &**name)
    }
}
