//! The broker's own account of itself, from its metrics.

use crate::http;
use crate::plan::Target;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a broker may take to let connections go that were closed.
const LETTING_GO_TIME_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the broker has used so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// CPU time, in seconds.
    pub cpu_s: Option<f64>,
    /// Resident memory, in bytes.
    pub resident_bytes: Option<f64>,
    /// Connections now, if it tells.
    pub connections: Option<f64>,
    /// The labels of its build, such as its version.
    pub build: Option<String>,
    /// When it was started, in seconds since the Unix epoch, if it tells; of each, where there are several.
    pub started_s: Vec<f64>,
    /// Its counters, with their labels.
    pub counters: BTreeMap<String, f64>,
}

/// Reads `/metrics` of the broker.
///
/// # Errors
/// A sentence for the report.
pub async fn sample(target: &Target) -> Result<Sample, String> {
    let body = http::get(target, "/metrics").await.map_err(|error| error.to_string())?;
    let sample = parse(&String::from_utf8_lossy(&body));
    if sample.cpu_s.is_none() { Err("/metrics has no process_cpu_seconds_total".into()) } else { Ok(sample) }
}

/// What several brokers have used so far, added up.
///
/// # Errors
/// As [`sample`], of the first that does not tell.
pub async fn sum(targets: impl Iterator<Item = &Target>) -> Result<Sample, String> {
    let mut sum: Option<Sample> = None;
    for target in targets {
        let more = sample(target).await?;
        sum = Some(match sum {
            Some(sum) => sum.plus(more),
            None => more,
        });
    }
    Ok(sum.unwrap_or_default())
}

impl Sample {
    fn plus(mut self, other: Self) -> Self {
        let both = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b);
        for (name, value) in other.counters {
            *self.counters.entry(name).or_default() += value;
        }
        Self {
            cpu_s: both(self.cpu_s, other.cpu_s),
            resident_bytes: both(self.resident_bytes, other.resident_bytes),
            connections: both(self.connections, other.connections),
            build: self.build.or(other.build),
            started_s: [self.started_s, other.started_s].concat(),
            counters: self.counters,
        }
    }
}

/// Waits, for a while, until the broker has no more than so many connections; not at all if it does not tell.
pub async fn wait_for_connections(target: &Target, most: Option<f64>) {
    let until = Instant::now() + LETTING_GO_TIME_MAX;
    while Instant::now() < until {
        let now = sample(target).await.ok().and_then(|sample| sample.connections);
        match now.zip(most) {
            Some((now, most)) if now > most => tokio::time::sleep(LOOK_EVERY).await,
            _ => return,
        }
    }
}

fn parse(metrics: &str) -> Sample {
    let mut sample = Sample::default();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        match name {
            "process_cpu_seconds_total" => sample.cpu_s = value.parse().ok(),
            "process_start_time_seconds" => sample.started_s.extend(value.parse::<f64>()),
            "tickcast_connections" => sample.connections = value.parse().ok(),
            "process_resident_memory_bytes" => sample.resident_bytes = value.parse().ok(),
            name if name.ends_with("build_info") => {
                sample.build = Some(labels.trim_end_matches('}').to_owned());
            }
            name if name.starts_with("tickcast_") && name.ends_with("_total") => {
                sample.counters.extend(value.parse().ok().map(|value| (series.to_owned(), value)));
            }
            _ => {}
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_needed_series_are_found_among_others() {
        let metrics = "# HELP process_cpu_seconds_total x\nprocess_cpu_seconds_total 1.25\nother{a=\"b\"} 3\n\
                       process_resident_memory_bytes 4096\ntickcast_connections 7\nprocess_start_time_seconds 1e9\nbroker_build_info{version=\"0.1.0\"} 1\n\
                       tickcast_feed_gaps_total{feed=\"a\"} 3\ntickcast_log_bytes 9\n";
        let build = Some("version=\"0.1.0\"".to_owned());
        let expected = Sample {
            cpu_s: Some(1.25),
            resident_bytes: Some(4096.0),
            connections: Some(7.0),
            build,
            started_s: vec![1e9],
            counters: BTreeMap::from([("tickcast_feed_gaps_total{feed=\"a\"}".to_owned(), 3.0)]),
        };
        assert_eq!(parse(metrics), expected);
        assert_eq!(parse(""), Sample::default());
    }
}
