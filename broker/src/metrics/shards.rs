//! What shards and the table count.

use super::{Family, Kind, Source};
use crate::fanout::Shards;
use crate::http::{Connections, Excess};
use feed::topic::Table;
use std::sync::Arc;

/// The figures of all shards.
#[derive(Debug)]
pub struct ShardMetrics(pub Arc<Shards>);

/// The figures of the table and of connections.
#[derive(Debug)]
pub struct TableMetrics {
    /// The table.
    pub table: Arc<Table>,
    /// The connections.
    pub connections: Arc<Connections>,
    /// What the kernel may hold unsent for one connection, in bytes.
    pub unsent_bytes_max: u32,
}

/// Those of a shard's figures that rise and fall.
const GAUGES: [&str; 7] = [
    "connections",
    "subscriptions",
    "connections_behind",
    "subscriptions_demoted",
    "bytes_held",
    "bytes_held_largest",
    "turn_longest_us",
];

impl Source for ShardMetrics {
    fn families(&self) -> Vec<Family> {
        let mut families: Vec<Family> = Vec::new();
        for (shard, stats) in self.0.stats().enumerate() {
            for (place, (name, help, value)) in stats.figures().into_iter().enumerate() {
                if place == families.len() {
                    let kind = if GAUGES.contains(&name) { Kind::Gauge } else { Kind::Counter };
                    let (name, help) =
                        (format!("tickcast_shard_{name}"), help.trim().trim_end_matches('.').to_owned());
                    families.push(Family::of(name, help, kind, Vec::new()));
                }
                families[place].values.push((vec![("shard", shard.to_string())], value as f64));
            }
        }
        families
    }
}

impl Source for TableMetrics {
    fn families(&self) -> Vec<Family> {
        let Self { table, connections, unsent_bytes_max } = self;
        let refused =
            |excess, limit: &str| (vec![("limit", limit.to_owned())], connections.refused(excess) as f64);
        let gauge = |name, help, value: usize| Family::single(name, help, Kind::Gauge, value as f64);
        vec![
            gauge("tickcast_log_bytes", "Bytes of all topics' logs", table.budget().bytes()),
            Family::single(
                "tickcast_log_evicted",
                "Chunks of logs that log_bytes_max has cost",
                Kind::Counter,
                table.budget().evicted() as f64,
            ),
            gauge(
                "tickcast_unsent_bytes_max",
                "Bytes at most that the kernel holds unsent for a connection; shards hold what goes beyond",
                *unsent_bytes_max as usize,
            ),
            gauge("tickcast_connections", "Connections now, HTTP and WebSocket", connections.total()),
            Family::of(
                "tickcast_connections_refused",
                "Connections beyond a limit",
                Kind::Counter,
                vec![
                    refused(Excess::Total, "connections_max"),
                    refused(Excess::Address, "connections_per_address_max"),
                ],
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::ShardStats;

    #[test]
    fn every_gauge_is_a_figure_of_shards() {
        let figures = ShardStats::default().figures();
        for name in GAUGES {
            assert!(figures.iter().any(|(figure, ..)| *figure == name), "{name}");
        }
    }
}
