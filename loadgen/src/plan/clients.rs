//! The connections to be: who behaves how, on which tier of which channel, and watches what.

use super::Plan;
use crate::mix::{self, Dealt};
use crate::popularity::Chooser;
use crate::random::Random;
use schemas::model::Channel;
use std::sync::Arc;

/// Streams of the seed besides those of the connections, and of the publisher.
const KINDS_STREAM: u64 = u64::MAX;
const TIERS_STREAM: u64 = u64::MAX - 2;
const CHANNELS_STREAM: u64 = u64::MAX - 3;

/// How a connection behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Reads what comes as it comes.
    Prompt,
    /// Never reads once it has subscribed.
    Stalled,
    /// Reads 1 KiB a second.
    Trickling,
}

/// A connection to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its number, from 0.
    pub number: u32,
    /// What it subscribes to.
    pub channel: Channel,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// Its rate tier in milliseconds; 0 is each update.
    pub interval_ms: u32,
    /// What it watches, as numbers of symbols.
    pub symbols: Arc<[u32]>,
}

impl Plan {
    /// The connections of each thread, of those that belong to this process.
    #[must_use]
    pub fn clients(&self) -> Vec<Vec<Client>> {
        let kinds = self.behaviours().into_iter().zip(self.shuffled(&self.tiers, TIERS_STREAM));
        let kinds = kinds.zip(self.shuffled(&self.channels, CHANNELS_STREAM));
        let chooser = Chooser::new(self.popularity, u32::try_from(self.symbols.len()).unwrap_or(u32::MAX));
        let mut threads = vec![Vec::new(); self.threads];
        let own = (0..).zip(kinds).filter(|(number, _)| self.own_part().has(*number));
        for (turn, (number, ((behaviour, interval_ms), channel))) in own.enumerate() {
            let mut random = Random::new(self.seed, u64::from(number));
            let symbols = chooser.choose(self.symbols_per_connection, &mut random);
            threads[turn % self.threads].push(Client { number, channel, behaviour, interval_ms, symbols });
        }
        threads
    }

    /// How many connections watch each symbol.
    #[must_use]
    pub fn watchers(&self) -> Vec<u64> {
        let mut watchers = vec![0; self.symbols.len()];
        for client in self.clients().iter().flatten() {
            client.symbols.iter().for_each(|symbol| watchers[*symbol as usize] += 1);
        }
        watchers
    }

    fn behaviours(&self) -> Vec<Behaviour> {
        let mut behaviours = vec![Behaviour::Prompt; self.connections];
        behaviours[..self.stalled].fill(Behaviour::Stalled);
        behaviours[self.stalled..self.stalled + self.trickling].fill(Behaviour::Trickling);
        Random::new(self.seed, KINDS_STREAM).shuffle(&mut behaviours);
        behaviours
    }

    /// What each connection has, in random order.
    fn shuffled<T: Copy>(&self, dealt: &[Dealt<T>], stream: u64) -> Vec<T> {
        let mut all = mix::spread(dealt);
        Random::new(self.seed, stream).shuffle(&mut all);
        all
    }
}
