//! The latencies of each second as an interval log, which the HdrHistogram tools read.

use super::second::length;
use crate::series::{Second, Series, SeriesError};
use anyhow::Context as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use std::time::{Duration, SystemTime};

/// Legend of the columns, as the Java implementation writes it.
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"";

/// The view of each second's latencies that `view` chooses, in microseconds; the window opened at `start` and was so long.
pub(super) fn of(
    series: &Series,
    start: SystemTime,
    window: Duration,
    view: fn(&Second) -> Result<Histogram<u64>, SeriesError>,
) -> anyhow::Result<String> {
    let mut out = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Histogram log format version 1.3]");
    builder.add_comment("Latency in microseconds; Interval_Max in milliseconds");
    builder.with_start_time(start).with_base_time(start).with_max_value_divisor(1e3);
    let mut log = builder.begin_log_with(&mut out, &mut serializer)?;
    for (number, second) in series.iter() {
        let (begin, histogram) = (Duration::from_secs(number), view(second)?);
        let written = log.write_histogram(&histogram, begin, length(window, number), None);
        written.map_err(|error| anyhow::anyhow!("an interval log cannot be written: {error:?}"))?;
    }
    with_legend(&String::from_utf8(out).context("an interval log is no text")?)
}

/// The legend stands between the head and the first interval.
fn with_legend(log: &str) -> anyhow::Result<String> {
    let head = log.lines().take_while(|line| line.starts_with('#')).map(|line| line.len() + 1).sum();
    let (head, intervals) =
        log.split_at_checked(head).context("an interval log without an end of its head")?;
    Ok(format!("{head}{LEGEND}\n{intervals}"))
}
