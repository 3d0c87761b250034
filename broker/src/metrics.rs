//! What is counted, as Prometheus reads it.
//!
//! The parts of the broker count in plain atomics of their own; when metrics are asked for, a [`Source`] for each part
//! reads them into [`Family`]s.

mod feeds;
mod process;
mod shards;
mod symbols;

pub use feeds::FeedMetrics;
pub use process::ProcessMetrics;
pub(crate) use process::max_fds;
pub use shards::{ShardMetrics, TableMetrics};
pub use symbols::SymbolMetrics;

use hyper::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family as Counters;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::fmt;

/// A label and its value.
pub type Label = (&'static str, String);

/// All metrics.
pub struct Metrics {
    registry: Registry,
    http_replies: Counters<Vec<Label>, Counter>,
}

/// Figures of one kind, with a value for each set of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Without the `_total` that counters get.
    pub name: Cow<'static, str>,
    /// What it is.
    pub help: Cow<'static, str>,
    /// Whether it only rises.
    pub kind: Kind,
    /// The values.
    pub values: Vec<(Vec<Label>, f64)>,
}

/// How a figure moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
}

/// A part of the broker that counts.
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Its figures now.
    fn families(&self) -> Vec<Family>;
}

/// Joins a source to the registry.
#[derive(Debug)]
struct Adapter<S>(S);

impl Metrics {
    /// The type of [`text`](Self::text).
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// With the figures of the process, of HTTP, and those that are added.
    #[must_use]
    pub fn new() -> Self {
        let http_replies = Counters::default();
        let mut registry = Registry::default();
        registry.register("tickcast_http_replies", "HTTP replies by path and status", http_replies.clone());
        let metrics = Self { registry, http_replies };
        metrics.with(ProcessMetrics)
    }

    /// Adds a source.
    #[must_use]
    pub fn with(mut self, source: impl Source) -> Self {
        self.registry.register_collector(Box::new(Adapter(source)));
        self
    }

    /// All figures, in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Counts a reply.
    pub(crate) fn http_reply(&self, path: &str, status: StatusCode) {
        let labels = vec![("path", path.to_owned()), ("status", status.as_str().to_owned())];
        self.http_replies.get_or_create(&labels).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Family {
    /// A figure with one value.
    #[must_use]
    pub fn single(name: &'static str, help: &'static str, kind: Kind, value: f64) -> Self {
        Self::of(name, help, kind, vec![(Vec::new(), value)])
    }

    /// A figure with values by labels.
    #[must_use]
    pub fn of(
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
        kind: Kind,
        values: Vec<(Vec<Label>, f64)>,
    ) -> Self {
        Self { name: name.into(), help: help.into(), kind, values }
    }
}

impl<S: Source> Collector for Adapter<S> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, help, kind, values } in self.0.families() {
            let kind = match kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut family = encoder.encode_descriptor(&name, &help, None, kind)?;
            for (labels, value) in values {
                if labels.is_empty() {
                    encode_value(&mut family, kind, value)?;
                } else {
                    encode_value(&mut family.encode_family(&labels)?, kind, value)?;
                }
            }
        }
        Ok(())
    }
}

fn encode_value(encoder: &mut MetricEncoder<'_>, kind: MetricType, value: f64) -> fmt::Result {
    match kind {
        MetricType::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
        _ => encoder.encode_gauge(&value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed;

    impl Source for Fixed {
        fn families(&self) -> Vec<Family> {
            let of = |shard: &str| vec![("shard", shard.to_owned())];
            vec![
                Family::of("a", "A", Kind::Counter, vec![(of("0"), 1.0), (of("1"), 2.5)]),
                Family::single("b", "B", Kind::Gauge, -3.0),
            ]
        }
    }

    #[test]
    fn figures_are_written_with_labels_and_types() {
        let metrics = Metrics::new().with(Fixed);
        metrics.http_reply("healthz", StatusCode::OK);
        let text = metrics.text();
        let lines = [
            "# HELP a A",
            "# TYPE a counter",
            "a_total{shard=\"0\"} 1.0",
            "a_total{shard=\"1\"} 2.5",
            "# TYPE b gauge",
            "b -3.0",
            "tickcast_http_replies_total{path=\"healthz\",status=\"200\"} 1",
        ];
        for line in lines {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
