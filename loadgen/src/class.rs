//! What connections are told apart by in the report: channel, tier, and how the client behaves.
//!
//! A connection knows its class by number, so that counting by class costs no look at what arrived.

use crate::counts::Counts;
use crate::histogram::Latency;
use crate::plan::{Behaviour, Client};
use hdrhistogram::errors::{AdditionError, CreationError};
use schemas::model::Channel;
use serde::{Deserialize, Serialize};

/// What a kind of client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Reads what comes as it comes.
    Prompt,
    /// The same, and has been there before: it left, or was cut off, and came back.
    Returned,
    /// Reads 1 KiB a second.
    Trickling,
    /// Never reads.
    Stalled,
}

/// Connections that are told apart from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Class {
    /// What they subscribe to.
    #[serde(with = "by_name")]
    pub channel: Channel,
    /// Their rate tier in milliseconds; 0 is each update.
    pub interval_ms: u32,
    /// What they do.
    pub kind: Kind,
}

/// What a class got.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Portion {
    /// Counts of frames about topics, and of all bytes.
    pub counts: Counts,
    /// Latencies of updates.
    pub latency: Latency,
}

/// A class, and what it got within the window.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tallied {
    /// Which.
    pub class: Class,
    /// Connections that joined it over the whole run.
    pub opened: u64,
    /// In the present second.
    pub latest: Portion,
    /// Up to it.
    pub total: Portion,
}

/// All classes that a thread has met.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Classes {
    all: Vec<Tallied>,
    empty: Portion,
}

impl Class {
    /// Of a client that has been there before, or has not.
    #[must_use]
    pub const fn of(client: &Client, was_there: bool) -> Self {
        let kind = match client.behaviour {
            Behaviour::Prompt if was_there => Kind::Returned,
            Behaviour::Prompt => Kind::Prompt,
            Behaviour::Trickling => Kind::Trickling,
            Behaviour::Stalled => Kind::Stalled,
        };
        Self { channel: client.channel, interval_ms: client.interval_ms, kind }
    }

    /// Whether its connections read promptly.
    #[must_use]
    pub const fn is_prompt(&self) -> bool {
        matches!(self.kind, Kind::Prompt | Kind::Returned)
    }

    /// Whether it belongs to the first view of a report: prompt, and without a tier where some are without.
    #[must_use]
    pub const fn is_main(&self, rates_differ: bool) -> bool {
        self.is_prompt() && !(rates_differ && self.interval_ms > 0)
    }

    /// For people, such as `quotes, 100 ms, trickling`.
    #[must_use]
    pub fn words(&self) -> String {
        let tier = if self.interval_ms > 0 { format!(", {} ms", self.interval_ms) } else { String::new() };
        format!("{}{tier}, {}", self.channel.name(), self.kind.name())
    }
}

impl Kind {
    /// As in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Returned => "returned",
            Self::Trickling => "trickling",
            Self::Stalled => "stalled",
        }
    }
}

impl Portion {
    /// Nothing yet.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn new() -> Result<Self, CreationError> {
        Ok(Self { counts: Counts::default(), latency: Latency::new()? })
    }

    /// Adds what others of the class got.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub fn merge(&mut self, other: &Self) -> Result<(), AdditionError> {
        self.counts.merge(&other.counts);
        self.latency.merge(&other.latency)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.counts = Counts::default();
        self.latency.clear();
    }
}

impl Classes {
    /// None yet.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn new() -> Result<Self, CreationError> {
        Ok(Self { all: Vec::new(), empty: Portion::new()? })
    }

    /// The number of a class.
    pub fn number(&mut self, class: Class) -> usize {
        let known = self.all.iter().position(|tallied| tallied.class == class);
        known.unwrap_or_else(|| {
            let (latest, total) = (self.empty.clone(), self.empty.clone());
            self.all.push(Tallied { class, opened: 0, latest, total });
            self.all.len() - 1
        })
    }

    /// The number of the class that a connection is of from now on.
    pub fn join(&mut self, class: Class) -> usize {
        let number = self.number(class);
        self.all[number].opened += 1;
        number
    }

    /// What the class of this number, which [`Classes::number`] gave, gets now.
    pub fn latest(&mut self, number: usize) -> &mut Portion {
        &mut self.all[number].latest
    }

    /// The classes, in their order.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Tallied> {
        self.all.sort_unstable_by_key(|tallied| tallied.class);
        self.all
    }

    /// Ends a second: what came in it becomes part of the totals, and is handed to `tell` before.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub fn end_second(&mut self, mut tell: impl FnMut(&Tallied)) -> Result<(), AdditionError> {
        for tallied in &mut self.all {
            tell(tallied);
            tallied.total.merge(&tallied.latest)?;
            tallied.latest.clear();
        }
        Ok(())
    }

    /// The sum over all classes for which `belongs`.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub fn sum(&self, belongs: impl Fn(&Class) -> bool) -> Result<Portion, AdditionError> {
        let mut sum = self.empty.clone();
        for tallied in self.all.iter().filter(|tallied| belongs(&tallied.class)) {
            sum.merge(&tallied.total)?;
        }
        Ok(sum)
    }

    /// Counts of all classes.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.all
            .iter()
            .flat_map(|tallied| [&tallied.total, &tallied.latest])
            .for_each(|p| sum.merge(&p.counts));
        sum
    }

    /// Adds what another thread has met.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub fn merge(&mut self, other: &Self) -> Result<(), AdditionError> {
        for more in &other.all {
            let number = self.number(more.class);
            let here = &mut self.all[number];
            here.opened += more.opened;
            here.latest.merge(&more.latest)?;
            here.total.merge(&more.total)?;
        }
        Ok(())
    }
}

/// A channel by its name.
mod by_name {
    use schemas::model::Channel;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(super) fn serialize<S: Serializer>(channel: &Channel, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(channel.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Channel, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(interval_ms: u32, kind: Kind) -> Class {
        Class { channel: Channel::Quotes, interval_ms, kind }
    }

    #[test]
    fn seconds_and_threads_add_up_by_class() {
        let (prompt_class, slow) = (class(0, Kind::Prompt), class(100, Kind::Trickling));
        let (mut here, mut there) = (Classes::new().unwrap(), Classes::new().unwrap());
        here.join(prompt_class);
        let (number, other) = (there.join(slow), there.join(prompt_class));
        for _ in 0..2 {
            there.latest(number).counts.updates += 3;
            there.latest(other).latency.record(1_000, Some(400), None);
            let mut told = 0;
            there.end_second(|tallied| told += tallied.latest.counts.updates).unwrap();
            assert_eq!(told, 3);
        }
        here.merge(&there).unwrap();
        assert_eq!(here.sum(|class| *class == slow).unwrap().counts.updates, 6);
        let prompt = here.sum(Class::is_prompt).unwrap();
        assert_eq!((prompt.latency.corrected.len(), prompt.counts.updates), (2, 0));
        assert_eq!(here.counts().updates, 6);
        let opened: Vec<_> =
            here.into_sorted().iter().map(|tallied| (tallied.class, tallied.opened)).collect();
        assert_eq!(opened, [(prompt_class, 2), (slow, 1)]);
    }

    #[test]
    fn the_first_view_is_of_prompt_clients_that_get_each_update() {
        let all = [
            class(0, Kind::Prompt),
            class(0, Kind::Returned),
            class(50, Kind::Prompt),
            class(0, Kind::Stalled),
        ];
        assert_eq!(all.map(|class| class.is_main(true)), [true, true, false, false]);
        assert_eq!(all.map(|class| class.is_main(false)), [true, true, true, false]);
        assert_eq!(all.map(|class| class.words())[2], "quotes, 50 ms, prompt");
    }
}
