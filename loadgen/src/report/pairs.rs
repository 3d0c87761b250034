//! What pairs of floor and broker came to: medians, and how far they spread.

use super::figures::Figures;
use super::head::Head;
use super::output::Output;
use super::page::Page;
use super::spread::{Spread, short};
use super::{Report, hgrm};
use crate::cli::{CoreArgs, OutputArgs};
use crate::histogram::microseconds;
use crate::pairs::Pair;
use crate::plan::Plan;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;

/// A figure that is compared: its name in JSON, its name for people, and where it stands.
type Figure = (&'static str, &'static str, fn(&Figures) -> Option<f64>);

const US_PER_DELIVERY: &str = "server_us_per_delivery";
const DELIVERIES_PER_S: &str = "deliveries_per_s";
const P99_MS: &str = "p99_ms";

/// What is compared, in the order of the report.
const FIGURES: [Figure; 11] = [
    (US_PER_DELIVERY, "CPU a delivery, us", |figures| figures.server_us_per_delivery),
    ("p50_ms", "p50, ms", |figures| figures.p50_ms),
    (P99_MS, "p99, ms", |figures| figures.p99_ms),
    (DELIVERIES_PER_S, "deliveries/s", |figures| Some(figures.deliveries_per_s)),
    ("server_share", "server CPU, cores", |figures| figures.server_share),
    ("client_share", "client CPU, cores", |figures| Some(figures.client_share)),
    ("client_us_per_delivery", "client CPU a delivery", |figures| figures.client_us_per_delivery),
    ("client_own_us_per_delivery", "outside the kernel", |figures| figures.client_own_us_per_delivery),
    ("client_of_server", "client / server CPU", |figures| figures.client_of_server),
    ("updates_per_read", "updates a read", |figures| figures.updates_per_read),
    ("bytes_per_read", "bytes a read", |figures| figures.bytes_per_read),
];
/// Deliveries of the two that differ by more than this are not the same work.
const UNEQUAL: f64 = 0.02;
/// Brokers tell their CPU time in hundredths of a second; of less than this, that is too coarse.
const CPU_S_MIN: f64 = 0.4;

/// The report of `--floor-pairs`.
#[derive(Debug, Serialize)]
pub(crate) struct PairsReport {
    #[serde(flatten)]
    head: Head,
    /// By the names of the figures.
    summary: BTreeMap<&'static str, Compared>,
    pairs: Vec<Halves>,
    warnings: Vec<String>,
    /// Why the run counts as failed; empty when it does not.
    pub(crate) failures: Vec<String>,
    #[serde(skip)]
    latencies: Option<(Histogram<u64>, Histogram<u64>)>,
}

/// A figure of both, and the ratio of broker to floor by pairs.
#[derive(Debug, Clone, Copy, Serialize)]
struct Compared {
    floor: Spread,
    broker: Spread,
    ratio: Spread,
}

/// One pair.
#[derive(Debug, Serialize)]
struct Halves {
    first: &'static str,
    floor: Half,
    broker: Half,
}

#[derive(Debug, Serialize)]
struct Half {
    #[serde(flatten)]
    figures: Figures,
    report: Box<Report>,
}

impl PairsReport {
    /// Puts together what was measured.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub(crate) fn new(
        plan: &Plan,
        cores: CoreArgs,
        started: jiff::Timestamp,
        pairs: Vec<Pair>,
        interrupted: bool,
    ) -> anyhow::Result<Self> {
        let latencies = latencies(&pairs)?;
        let pairs: Vec<Halves> = pairs.into_iter().map(Halves::new).collect();
        let mut report = Self {
            head: Head::new(plan, cores, started, interrupted),
            summary: FIGURES
                .iter()
                .filter_map(|figure| Some((figure.0, Compared::of(&pairs, figure.2)?)))
                .collect(),
            pairs,
            warnings: Vec::new(),
            failures: Vec::new(),
            latencies,
        };
        report.warnings = report.warnings();
        report.failures = report.failures();
        Ok(report)
    }

    /// Shows the report, and writes it where the arguments want it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, args: &OutputArgs) -> anyhow::Result<()> {
        let files = self.latencies.iter().flat_map(|(floor, broker)| {
            [("latency-floor.hgrm", hgrm::of(floor)), ("latency-broker.hgrm", hgrm::of(broker))]
        });
        let files = files.collect();
        Output { text: self.text(), json: serde_json::to_string_pretty(self)?, files }
            .write(args.json, args.out.as_deref())
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        self.head.rows(&mut page);
        let (each, warmup) = (self.head.load.measured_s, self.head.load.warmup_s);
        let count = self.pairs.len();
        let pairs = format!("{count}, each of {each:.1} s of the floor and {each:.1} s of the broker");
        page.row("pairs", &format!("{pairs}, after {warmup:.1} s of warm-up;"));
        page.row("", "the order alternates, connections are opened anew each time");
        page.blank();
        self.table(&mut page);
        page.blank();
        self.each_pair(&mut page);
        page.verdict(&self.warnings, &self.failures);
        page.into_text()
    }

    fn table(&self, page: &mut Page) {
        let compared = |(name, label, _): &Figure| {
            let Compared { floor, broker, ratio } = self.summary.get(name)?;
            Some((format!("  {label}"), [floor, broker, ratio].map(Spread::words)))
        };
        let names = ["floor", "broker", "broker / floor"].map(str::to_owned);
        let head = ("median [min - max]".to_owned(), names);
        let rows: Vec<_> = std::iter::once(head).chain(FIGURES.iter().filter_map(compared)).collect();
        let width = rows.iter().flat_map(|(_, columns)| columns).map(String::len).max().unwrap_or_default();
        for (label, columns) in rows {
            let line = columns.map(|column| format!("{column:<width$}")).join("   ");
            page.row(&label, line.trim_end());
        }
    }

    fn each_pair(&self, page: &mut Page) {
        page.row("pair", "CPU, us: floor  broker   ratio   p99, ms: floor  broker   ratio   first");
        for (number, pair) in (1..).zip(&self.pairs) {
            let columns = |figure: fn(&Figures) -> Option<f64>, before: usize| {
                let [floor, broker] = [&pair.floor, &pair.broker].map(|half| figure(&half.figures));
                let ratio = floor.zip(broker).map(|(floor, broker)| broker / floor);
                let [floor, broker, ratio] =
                    [floor, broker, ratio].map(|value| value.map_or("-".into(), short));
                format!("{floor:>before$} {broker:>7} {ratio:>7}")
            };
            let cpu = columns(|figures| figures.server_us_per_delivery, 14);
            let p99 = columns(|figures| figures.p99_ms, 16);
            page.row(&format!("  {number}"), &format!("{cpu} {p99}   {}", pair.first));
        }
    }

    fn halves(&self) -> impl Iterator<Item = &Half> {
        self.pairs.iter().flat_map(|pair| [&pair.floor, &pair.broker])
    }

    fn warnings(&self) -> Vec<String> {
        let halves = 2 * self.pairs.len();
        let mut warnings = Vec::new();
        if self.head.is_interrupted() {
            warnings.push("the run was interrupted: there are fewer pairs than asked for".to_owned());
        }
        if !self.head.has_cores() {
            warnings.push(
                "the floor and the load generator were not given a core each (--server-core, --client-core), nor is it \
                 known whether the broker was: they may have been in each other's way"
                    .to_owned(),
            );
        }
        let bottleneck = self.halves().filter(|half| half.report.client_is_bottleneck());
        let shares: Vec<f64> = bottleneck.map(|half| half.figures.client_share).collect();
        if let Some(Spread { max, .. }) = Spread::of(shares.clone()) {
            warnings.push(format!(
                "the load generator was the bottleneck in {} of {halves} halves (up to {:.0}% of a core): deliveries/s and \
                 latencies there are partly its own",
                shares.len(),
                max * 100.0
            ));
        }
        warnings.extend(self.unequal_work());
        warnings.extend(self.coarse_cpu());
        let others = self.halves().filter(|half| !half.report.warnings.is_empty()).count();
        if others > 0 {
            warnings
                .push(format!("{others} of {halves} halves have warnings of their own, in the JSON report"));
        }
        warnings
    }

    fn unequal_work(&self) -> Option<String> {
        let ratio = self.summary.get(DELIVERIES_PER_S)?.ratio;
        let conflated = |pair: &Halves| pair.broker.report.received.counts.conflated_entries;
        let conflated: u64 = self.pairs.iter().map(conflated).sum();
        let differs = (ratio.min - 1.0).abs().max((ratio.max - 1.0).abs()) > UNEQUAL;
        (self.head.is_scheduled() && (differs || conflated > 0)).then(|| {
            format!(
                "the work was not equal: the broker delivered {:.1}% to {:.1}% of what the floor did, and conflated \
                 {conflated} updates",
                ratio.min * 100.0,
                ratio.max * 100.0
            )
        })
    }

    fn coarse_cpu(&self) -> Option<String> {
        let least = self.pairs.iter().filter_map(|pair| pair.broker.report.broker.cpu_s).reduce(f64::min)?;
        (least < CPU_S_MIN).then(|| {
            format!(
                "the broker tells its CPU time in hundredths of a second, and used only {least:.2} s of it in one half: use a \
                 longer --duration"
            )
        })
    }

    fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.pairs.is_empty() {
            failures.push("no pair was measured".to_owned());
        }
        for (number, pair) in (1..).zip(&self.pairs) {
            for (whose, half) in [("floor", &pair.floor), ("broker", &pair.broker)] {
                let told = half.report.failures.iter();
                failures.extend(told.map(|failure| format!("pair {number}, {whose}: {failure}")));
            }
        }
        failures
    }
}

impl Halves {
    fn new(pair: Pair) -> Self {
        let half = |report| Half { figures: Figures::of(&report), report: Box::new(report) };
        let first = if pair.floor_first { "floor" } else { "broker" };
        Self { first, floor: half(pair.floor), broker: half(pair.broker) }
    }
}

impl Compared {
    /// Of the pairs of which both halves have the figure.
    fn of(pairs: &[Halves], figure: fn(&Figures) -> Option<f64>) -> Option<Self> {
        let both = |pair: &Halves| figure(&pair.floor.figures).zip(figure(&pair.broker.figures));
        let both: Vec<(f64, f64)> = pairs.iter().filter_map(both).collect();
        Some(Self {
            floor: Spread::of(both.iter().map(|(floor, _)| *floor).collect())?,
            broker: Spread::of(both.iter().map(|(_, broker)| *broker).collect())?,
            ratio: Spread::of(both.iter().map(|(floor, broker)| broker / floor).collect())?,
        })
    }
}

/// The latencies of all halves of each kind.
fn latencies(pairs: &[Pair]) -> anyhow::Result<Option<(Histogram<u64>, Histogram<u64>)>> {
    let (mut floor, mut broker) = (microseconds()?, microseconds()?);
    for pair in pairs {
        floor.add(&pair.floor.raw.latency.corrected)?;
        broker.add(&pair.broker.raw.latency.corrected)?;
    }
    Ok((!pairs.is_empty()).then_some((floor, broker)))
}
