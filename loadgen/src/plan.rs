//! What the arguments mean: the load, settled in one place before anything is opened.

mod clients;
mod error;
mod published;
mod target;

pub use clients::{Behaviour, Client};
pub use error::PlanError;
pub use target::{Target, publish_address};

use crate::cli::{RunArgs, WindowArgs};
use crate::dialect::Dialect;
use crate::handshake::SUBPROTOCOL;
use crate::machine;
use crate::mix::{Dealt, Mix};
use crate::part::Part;
use crate::popularity::Popularity;
use crate::publish::Publishing;
use crate::random::Random;
use crate::units::Share;
use schemas::model::Channel;
use std::net::IpAddr;
use std::time::Duration;

/// Threads beyond this number help only when asked for.
const THREADS_MAX_BY_DEFAULT: usize = 4;
/// A stream of the seed besides those of [`clients`].
const PUBLISH_STREAM: u64 = u64::MAX - 1;

/// Who subscribes to what.
#[derive(Debug, Clone, Copy)]
pub struct Interest {
    /// What is subscribed to.
    pub channel: Channel,
    /// Connections in all.
    pub connections: usize,
    /// Symbols that each connection watches.
    pub symbols_per_connection: usize,
    /// How they are chosen.
    pub popularity: Popularity,
}

/// The load.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the broker is.
    pub target: Target,
    /// Where others are, which connections go to in turns with it.
    pub more_targets: Vec<Target>,
    /// What is subscribed to, and by how many connections.
    pub channels: Vec<Dealt<Channel>>,
    /// The rate tiers in milliseconds (0 is each update), and how many connections are on them.
    pub tiers: Vec<Dealt<u32>>,
    /// The symbols to choose from.
    pub symbols: Vec<String>,
    /// How they are chosen.
    pub popularity: Popularity,
    /// How many each connection watches.
    pub symbols_per_connection: usize,
    /// Connections in all, of all processes.
    pub connections: usize,
    /// Which of them belong to this process.
    pub part: Option<Part>,
    /// Of which never read.
    pub stalled: usize,
    /// Of which read 1 KiB a second.
    pub trickling: usize,
    /// The share that leaves and comes back each minute.
    pub churn: Share,
    /// How long to measure.
    pub duration: Duration,
    /// How long to wait before.
    pub warmup: Duration,
    /// How long connecting may take in all.
    pub connect_timeout: Duration,
    /// How long opening the connections is spread over.
    pub ramp_up: Duration,
    /// Addresses of this machine to connect from, in turns; none leaves it to the system.
    pub sources: Vec<IpAddr>,
    /// How often memory is looked at meanwhile, if it is.
    pub watch_every: Option<Duration>,
    /// Whether to verify.
    pub verify: bool,
    /// Whether who comes back asks for what it missed.
    pub resume: bool,
    /// Threads that receive.
    pub threads: usize,
    /// The seed of all random choices.
    pub seed: u64,
    /// What this side publishes, if it does.
    pub publishing: Option<Publishing>,
    /// What the server speaks, if it is none of this project's.
    pub dialect: Option<Dialect>,
    /// Whether each update that is due within the window is looked for at each of its subscribers.
    pub roll_call: bool,
}

impl Plan {
    /// Settles what `args` mean, with the broker's `symbols` that have the channel.
    ///
    /// # Errors
    /// [`PlanError`] if they contradict each other, or the symbols do not suffice.
    pub fn new(args: &RunArgs, target: Target, symbols: Vec<String>, seed: u64) -> Result<Self, PlanError> {
        let (stalled, trickling) = Self::slow(args)?;
        let first = args.channel.items().next().unwrap_or(Channel::Quotes);
        let interest = Interest {
            channel: first,
            connections: args.connections,
            symbols_per_connection: args.symbols_per_connection,
            popularity: args.popularity,
        };
        Ok(Self {
            channels: args.channel.deal(args.connections),
            tiers: tiers(args)?,
            stalled,
            trickling,
            churn: args.churn,
            ramp_up: args.ramp_up,
            sources: args.source_addresses.clone(),
            verify: args.verify,
            resume: args.resume,
            ..Self::prompt(interest, target, symbols, &args.window, seed)?
        }
        .shared(part(args)?, args))
    }

    /// Connections that read promptly, and stay, and nothing else.
    ///
    /// # Errors
    /// [`PlanError`] if the symbols do not suffice, or nothing would be measured.
    pub fn prompt(
        interest: Interest,
        target: Target,
        symbols: Vec<String>,
        window: &WindowArgs,
        seed: u64,
    ) -> Result<Self, PlanError> {
        let Interest { channel, connections, symbols_per_connection: asked, popularity } = interest;
        measures_something(window)?;
        Ok(Self {
            target,
            more_targets: Vec::new(),
            channels: Mix::of(channel).deal(connections),
            tiers: Mix::of(0).deal(connections),
            symbols_per_connection: symbols_each(asked, popularity, symbols.len(), channel)?,
            symbols,
            popularity,
            connections,
            part: None,
            stalled: 0,
            trickling: 0,
            churn: Share(0.0),
            duration: window.duration,
            warmup: window.warmup,
            connect_timeout: window.connect_timeout,
            ramp_up: Duration::ZERO,
            sources: Vec::new(),
            watch_every: None,
            verify: false,
            resume: false,
            threads: window.threads.unwrap_or_else(default_threads).min(connections),
            seed,
            publishing: None,
            dialect: None,
            roll_call: false,
        })
    }

    /// This part of it. Processes that were started together on one machine share its cores.
    fn shared(self, part: Option<Part>, args: &RunArgs) -> Self {
        let Some(own) = part else { return self };
        let by_default =
            if args.share.led.is_some() { default_threads().div_ceil(own.of as usize) } else { self.threads };
        let threads = args.window.threads.unwrap_or(by_default).min(own.share(self.connections));
        Self { part, threads, ..self }
    }

    /// Connections of this process.
    #[must_use]
    pub fn own_connections(&self) -> usize {
        self.own_part().share(self.connections)
    }

    /// The part of the load that is this process's.
    #[must_use]
    pub fn own_part(&self) -> Part {
        self.part.unwrap_or(Part::WHOLE)
    }

    /// How many connections are to be stalled, and how many trickling; also what can be said of the arguments before the
    /// broker's symbols are known.
    ///
    /// # Errors
    /// [`PlanError`] if the arguments contradict each other.
    pub fn slow(args: &RunArgs) -> Result<(usize, usize), PlanError> {
        let (stalled, trickling) = (args.stalled.of(args.connections), args.trickling.of(args.connections));
        if stalled + trickling > args.connections {
            return Err(PlanError::Shares);
        }
        measures_something(&args.window).map(|()| (stalled, trickling))
    }

    /// Whether the floor could stand in for the broker under this load.
    ///
    /// # Errors
    /// [`PlanError::Pairs`] if not.
    pub fn suits_floor(args: &RunArgs) -> Result<(), PlanError> {
        let is_plain = !args.verify
            && args.interval_ms.single() == Some(0)
            && args.url.len() == 1
            && [args.stalled, args.trickling, args.churn] == [Share::default(); 3];
        (is_plain && args.publishing.publish.is_some()).then_some(()).ok_or(PlanError::Pairs)
    }

    /// The subprotocol that connections ask for.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&'static str> {
        self.dialect.map_or(Some(SUBPROTOCOL), Dialect::subprotocol)
    }

    /// The publisher's chance.
    #[must_use]
    pub fn publisher_random(&self) -> Random {
        Random::new(self.seed, PUBLISH_STREAM)
    }

    /// Where the connection of this number connects from, if that is not left to the system.
    #[must_use]
    pub fn source(&self, number: u32) -> Option<IpAddr> {
        let turn = number as usize % self.sources.len().max(1);
        self.sources.get(turn).copied()
    }

    /// When the connection of this number is to be opened, after the first one.
    #[must_use]
    pub fn opens_after(&self, number: u32) -> Duration {
        let part = f64::from(number) / f64::from(u32::try_from(self.connections).unwrap_or(u32::MAX));
        self.ramp_up.mul_f64(part)
    }

    /// Where the connection of this number goes.
    #[must_use]
    pub fn target(&self, number: u32) -> &Target {
        let turn = number as usize % (1 + self.more_targets.len());
        turn.checked_sub(1).and_then(|more| self.more_targets.get(more)).unwrap_or(&self.target)
    }

    /// All servers.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        std::iter::once(&self.target).chain(&self.more_targets)
    }

    /// The channels, in the order in which they were given.
    pub fn channels(&self) -> impl Iterator<Item = Channel> {
        self.channels.iter().map(|dealt| dealt.what)
    }

    /// The first of them.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channels().next().unwrap_or(Channel::Quotes)
    }

    /// Their names in a row.
    #[must_use]
    pub fn channel_names(&self) -> String {
        self.channels().map(Channel::name).collect::<Vec<_>>().join(",")
    }

    /// Connections that are on a tier, and the first of these.
    #[must_use]
    pub fn tiered(&self) -> (usize, u32) {
        let on_tiers = || self.tiers.iter().filter(|dealt| dealt.what > 0);
        (on_tiers().map(|dealt| dealt.count).sum(), on_tiers().next().map_or(0, |dealt| dealt.what))
    }

    /// Whether some connections are on a tier, and others are not.
    #[must_use]
    pub fn has_both_rates(&self) -> bool {
        (1..self.connections).contains(&self.tiered().0)
    }
}

fn measures_something(window: &WindowArgs) -> Result<(), PlanError> {
    if window.duration.is_zero() { Err(PlanError::Duration) } else { Ok(()) }
}

/// The part that this process takes, if it does not take all.
fn part(args: &RunArgs) -> Result<Option<Part>, PlanError> {
    let connections = args.connections;
    match args.share.part {
        Some(Part { of: parts, .. }) if parts as usize > connections => {
            Err(PlanError::Parts { connections, parts })
        }
        part => Ok(part),
    }
}

/// The tiers, those first that are not each update.
fn tiers(args: &RunArgs) -> Result<Vec<Dealt<u32>>, PlanError> {
    let Some(share) = args.tiered else { return Ok(args.interval_ms.deal(args.connections)) };
    let interval_ms = args.interval_ms.single().ok_or(PlanError::Tiers)?;
    let tiered = share.of(args.connections);
    let others = Dealt { what: 0, count: args.connections - tiered };
    Ok(vec![Dealt { what: interval_ms, count: tiered }, others])
}

/// How many symbols each connection watches, of so many.
///
/// # Errors
/// [`PlanError::Symbols`] if there are not so many as were `asked` for.
pub fn symbols_each(
    asked: usize,
    popularity: Popularity,
    symbols: usize,
    channel: Channel,
) -> Result<usize, PlanError> {
    match popularity {
        Popularity::All => Ok(symbols),
        _ if asked > symbols => Err(PlanError::Symbols { asked, symbols, channel }),
        _ => Ok(asked),
    }
}

/// Threads that receive where no number was asked for.
#[must_use]
pub fn default_threads() -> usize {
    (machine::cores() / 2).clamp(1, THREADS_MAX_BY_DEFAULT)
}

#[cfg(test)]
mod tests;
