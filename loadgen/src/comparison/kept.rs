//! A run as its directory tells it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What of a load may differ without being told: it belongs to the run, not to what was asked for.
const OF_THE_RUN: [&str; 3] = ["address", "measured_s", "seed"];

/// A run.
#[derive(Debug)]
pub struct Kept {
    /// Its directory, as typed.
    pub name: String,
    /// What its report says.
    pub report: KeptReport,
    /// Its latencies from the intended times, if they were kept.
    pub latency: Option<Histogram<u64>>,
}

/// Why a directory holds no run.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// A file cannot be read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The report is of something else, or of none.
    #[error("{}: expected the report of `loadgen run`: {source}", .path.display())]
    Report {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The interval log is none.
    #[error("{}: expected an interval log: {what}", .path.display())]
    Log {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// The part of a report that is compared; reports of earlier versions lack some of it.
#[derive(Debug, Deserialize)]
pub struct KeptReport {
    pub loadgen: Tool,
    pub machine: Map<String, Value>,
    pub load: Map<String, Value>,
    #[serde(default)]
    pub published: Option<Published>,
    pub received: Received,
    pub latency_us: Latency,
    #[serde(default)]
    pub series: Vec<Second>,
    pub client: Client,
    pub broker: Broker,
    #[serde(default)]
    pub warnings: Vec<String>,
    #[serde(default)]
    pub failures: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Tool {
    pub version: String,
    pub started: String,
}

#[derive(Debug, Deserialize)]
pub struct Published {
    pub updates_per_s: f64,
}

#[derive(Debug, Deserialize)]
pub struct Received {
    pub deliveries_per_s: f64,
    pub conflated_entries: u64,
    pub lost_slow: u64,
}

#[derive(Debug, Deserialize)]
pub struct Latency {
    pub corrected: Option<Points>,
}

/// Points of a distribution, in microseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Points {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p99_9: u64,
    #[serde(default)]
    pub p99_99: Option<u64>,
    pub max: u64,
}

#[derive(Debug, Deserialize)]
pub struct Second {
    pub second: u64,
    pub length_s: f64,
    pub latency_us: Option<Points>,
}

#[derive(Debug, Deserialize)]
pub struct Client {
    pub busiest_thread_share: f64,
}

#[derive(Debug, Deserialize)]
pub struct Broker {
    pub us_per_delivery: Option<f64>,
    pub resident_bytes_after: Option<f64>,
}

impl Kept {
    /// Reads the directory of a run.
    ///
    /// # Errors
    /// [`KeptError`] if it holds none.
    pub fn read(directory: &Path) -> Result<Self, KeptError> {
        let path = directory.join("report.json");
        let text = std::fs::read(&path).map_err(|source| KeptError::Io { path: path.clone(), source })?;
        let report = serde_json::from_slice(&text).map_err(|source| KeptError::Report { path, source })?;
        let latency = latencies(&directory.join(crate::report::HLOG))?;
        let name = directory.display().to_string();
        let trimmed = name.trim_end_matches('/');
        Ok(Self { name: if trimmed.is_empty() { name } else { trimmed.to_owned() }, report, latency })
    }
}

/// All intervals of a log together; none where there is no log.
fn latencies(path: &Path) -> Result<Option<Histogram<u64>>, KeptError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(KeptError::Io { path: path.to_owned(), source }),
    };
    let log = |what: String| KeptError::Log { path: path.to_owned(), what };
    // The legend is for other readers.
    let lines = text.lines().filter(|line| !line.starts_with('"')).map(|line| format!("{line}\n"));
    let text: String = lines.collect();
    let mut sum = crate::histogram::microseconds().map_err(|error| log(error.to_string()))?;
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        let LogEntry::Interval(interval) = entry.map_err(|error| log(format!("{error:?}")))? else {
            continue;
        };
        let bytes =
            BASE64_STANDARD.decode(interval.encoded_histogram()).map_err(|error| log(error.to_string()))?;
        let histogram: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| log(error.to_string()))?;
        sum.add(histogram).map_err(|error| log(error.to_string()))?;
    }
    Ok(Some(sum))
}

/// Whether a mix is of one thing, which other keys tell.
fn is_of_one(value: &Value) -> bool {
    value.as_array().is_some_and(|mix| mix.len() == 1 && mix[0].is_object())
}

/// What was not the same for all runs, besides what was measured.
pub(super) fn differences(runs: &[Kept]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut look = |what: &str, of: &dyn Fn(&KeptReport) -> Option<String>| {
        let values: Vec<Option<String>> = runs.iter().map(|run| of(&run.report)).collect();
        if values.windows(2).any(|pair| pair[0] != pair[1]) {
            let values: Vec<String> =
                values.into_iter().map(|value| value.unwrap_or_else(|| "-".into())).collect();
            differences.push(format!("{what}: {}", values.join(" | ")));
        }
    };
    look("version of loadgen", &|report| Some(report.loadgen.version.clone()));
    let keys = |of: fn(&KeptReport) -> &Map<String, Value>| -> BTreeSet<String> {
        runs.iter().flat_map(|run| of(&run.report).keys().cloned()).collect()
    };
    for key in keys(|report| &report.machine) {
        look(&key, &|report| report.machine.get(&key).map(Value::to_string));
    }
    for key in keys(|report| &report.load).iter().filter(|key| !OF_THE_RUN.contains(&key.as_str())) {
        look(key, &|report| report.load.get(key).filter(|value| !is_of_one(value)).map(Value::to_string));
    }
    look("updates/s", &|report| report.published.as_ref().map(|p| format!("{:.0}", p.updates_per_s)));
    differences
}
