//! Whether parts belong together.

use crate::part::Part;
use crate::report::{Load, Measurement};
use hdrhistogram::errors::AdditionError;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// A broker's start, told in seconds by clocks that are corrected meanwhile, may differ by this much.
const STARTS_DIFFER_S: f64 = 2.0;
/// What of a load belongs to the process, and not to what was asked for: machines reach a broker by different addresses.
const OF_THE_PROCESS: [&str; 4] = ["address", "part", "threads", "measured_s"];

/// Why there is no whole.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// No parts.
    #[error("expected the directories of all parts of a load")]
    None,
    /// A file cannot be read.
    #[error("{}: {source}: expected the directory of a part of a load (loadgen run --part 1/2 --out DIR)", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What was kept is something else.
    #[error("{}: expected what `loadgen run --part` wrote: {source}", .path.display())]
    Part {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A run of its own.
    #[error("a run without --part is no part of a load")]
    NoPart,
    /// Another number of parts.
    #[error("part {0} and part {1} are not of the same number of parts")]
    Counts(Part, Part),
    /// The same part again.
    #[error("part {0} is there twice: its connections would count twice")]
    Twice(Part),
    /// A part is not there.
    #[error("part {0} is missing: the whole would be less than the load")]
    Missing(Part),
    /// Another version of this program.
    #[error("part {0} was measured by loadgen {1}, and the others by {2}")]
    Version(Part, String, String),
    /// Another load.
    #[error("part {part} is of another load: `{key}` is {here}, and {there} for the others")]
    Load {
        /// Which.
        part: Part,
        /// What differs.
        key: String,
        /// There.
        here: String,
        /// In the first one.
        there: String,
    },
    /// Another broker, or another life of it.
    #[error(
        "part {0} measured another broker, or another life of it: its process was started at other times ({1:?} and {2:?}, in \
         seconds since the Unix epoch)"
    )]
    Broker(Part, Vec<f64>, Vec<f64>),
    /// Another time.
    #[error(
        "the window of part {0} opened {1:.1} s after that of another part had closed: they share no time"
    )]
    Overlap(Part, f64),
    /// Histograms of other bounds, which do not exist.
    #[error("latencies cannot be added: {0}")]
    Histogram(#[from] AdditionError),
}

/// What all parts have in common.
#[derive(Debug)]
pub(super) struct Belonging {
    /// The load.
    pub(super) load: Load,
    /// When the first window opened.
    pub(super) start_us: u64,
}

impl Belonging {
    /// Of parts in the order in which their windows opened.
    pub(super) fn of(parts: &[Measurement]) -> Result<Self, MergeError> {
        let first = parts.first().ok_or(MergeError::None)?;
        are_all(parts)?;
        for part in &parts[1..] {
            is_of_the_same(part, first)?;
        }
        let last = &parts[parts.len() - 1];
        let ends_us = |part: &Measurement| {
            part.measured.start_us + u64::try_from(part.measured.window.as_micros()).unwrap_or(u64::MAX)
        };
        let first_end_us = parts.iter().map(ends_us).min().unwrap_or(0);
        if let Some(after_us) = last.measured.start_us.checked_sub(first_end_us) {
            return Err(MergeError::Overlap(number(last)?, crate::report::as_f64(after_us) / 1e6));
        }
        Ok(Self { load: first.load.clone(), start_us: first.measured.start_us })
    }
}

fn number(part: &Measurement) -> Result<Part, MergeError> {
    part.load.part.ok_or(MergeError::NoPart)
}

/// Each part once.
fn are_all(parts: &[Measurement]) -> Result<(), MergeError> {
    let mut numbers = parts.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    numbers.sort_unstable();
    for pair in numbers.windows(2) {
        if pair[0].of != pair[1].of {
            return Err(MergeError::Counts(pair[0], pair[1]));
        }
        if pair[0] == pair[1] {
            return Err(MergeError::Twice(pair[0]));
        }
    }
    let of = numbers.first().ok_or(MergeError::None)?.of;
    let missing = (1..=of).map(|number| Part { number, of }).find(|part| !numbers.contains(part));
    missing.map_or(Ok(()), |part| Err(MergeError::Missing(part)))
}

/// The same program, load and broker.
fn is_of_the_same(part: &Measurement, first: &Measurement) -> Result<(), MergeError> {
    let (own, others) = (part.tool.version.to_string(), first.tool.version.to_string());
    if own != others {
        return Err(MergeError::Version(number(part)?, own, others));
    }
    let (here, there) = (keys(&part.load), keys(&first.load));
    for (key, value) in here {
        let other = there.get(&key).unwrap_or(&Value::Null);
        if *other != value && !OF_THE_PROCESS.contains(&key.as_str()) {
            let (part, here, there) = (number(part)?, value.to_string(), other.to_string());
            return Err(MergeError::Load { part, key, here, there });
        }
    }
    let (own, others) = (starts(part), starts(first));
    let differ = own.iter().zip(others).any(|(a, b)| (a - b).abs() > STARTS_DIFFER_S);
    // One that does not tell when it was started may be any.
    if differ || (own.len() != others.len() && !own.is_empty() && !others.is_empty()) {
        return Err(MergeError::Broker(number(part)?, own.to_vec(), others.to_vec()));
    }
    Ok(())
}

fn keys(load: &Load) -> Map<String, Value> {
    match serde_json::to_value(load) {
        Ok(Value::Object(keys)) => keys,
        _ => Map::new(),
    }
}

/// When the brokers were started that a part saw when its window opened.
fn starts(part: &Measurement) -> &[f64] {
    part.measured.broker.as_ref().map_or(&[], |(before, _)| &before.started_s)
}
