//! What one server came to, over all rounds.

use crate::compare::{Compared, Passed};
use crate::peer::Peer;
use crate::report::figures::Figures;
use crate::report::spread::Spread;
use crate::report::{Report, RollCallReport, as_f64};
use serde::Serialize;

const MIB: f64 = 1024.0 * 1024.0;

/// A server.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) peer: Peer,
    pub(super) version: Option<String>,
    /// What is missing, if it is not installed.
    pub(super) missing: Option<String>,
    /// Of all rounds together.
    #[serde(flatten)]
    pub(super) sum: Sum,
    /// CPU time of the server for each delivery, in microseconds.
    pub(super) server_us_per_delivery: Option<Spread>,
    /// The same as a multiple of the floor's in the same round.
    pub(super) ratio_to_floor: Option<Spread>,
    /// Median latency from the intended time, in milliseconds.
    pub(super) p50_ms: Option<Spread>,
    /// 99th percentile of that, in milliseconds.
    pub(super) p99_ms: Option<Spread>,
    /// The longest of all, in milliseconds.
    pub(super) max_ms: Option<f64>,
    /// Memory of the server when the window closed, in MiB.
    pub(super) resident_mib: Option<Spread>,
    /// Share of a core that the server used.
    pub(super) server_share: Option<Spread>,
    pub(super) passes: Vec<Pass>,
}

/// Deliveries of updates that were due within the windows.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Sum {
    pub(super) due: u64,
    pub(super) deliveries: u64,
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) reordered: u64,
    pub(super) foreign: u64,
}

/// One round.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Pass {
    Measured {
        #[serde(flatten)]
        figures: Figures,
        report: Box<Report>,
    },
    Failed {
        error: String,
    },
}

/// CPU time for each delivery, round by round.
pub(super) fn us_by_round(compared: &Compared) -> Vec<Option<f64>> {
    compared.passes.iter().map(us_of).collect()
}

fn us_of(passed: &Passed) -> Option<f64> {
    Figures::of(passed.as_ref().ok()?).server_us_per_delivery
}

impl Row {
    pub(super) fn new(compared: Compared, floor_us: &[Option<f64>]) -> Self {
        let own_us = us_by_round(&compared);
        let both = own_us.iter().zip(floor_us).filter_map(|(own, floor)| own.zip(*floor));
        let ratios: Vec<f64> =
            both.filter(|(_, floor)| *floor > 0.0).map(|(own, floor)| own / floor).collect();
        let reports: Vec<&Report> = compared.passes.iter().flatten().map(|report| &**report).collect();
        let spread = |value: &dyn Fn(&Report) -> Option<f64>| {
            Spread::of(reports.iter().filter_map(|report| value(report)).collect())
        };
        let figure = |value: fn(Figures) -> Option<f64>| spread(&|report| value(Figures::of(report)));
        let longest =
            reports.iter().filter_map(|report| report.latency_us.corrected.map(|points| points.max));
        let (version, missing) = match &compared.program {
            Ok(program) => (program.version.clone(), None),
            Err(missing) => (None, Some(missing.to_string())),
        };
        Self {
            peer: compared.peer,
            version,
            missing,
            sum: reports.iter().filter_map(|report| report.roll_call).fold(Sum::default(), Sum::plus),
            server_us_per_delivery: figure(|figures| figures.server_us_per_delivery),
            ratio_to_floor: Spread::of(ratios),
            p50_ms: figure(|figures| figures.p50_ms),
            p99_ms: figure(|figures| figures.p99_ms),
            max_ms: longest.max().map(|us| as_f64(us) / 1e3),
            resident_mib: spread(&|report| report.broker.resident_bytes_after.map(|bytes| bytes / MIB)),
            server_share: figure(|figures| figures.server_share),
            passes: compared.passes.into_iter().map(Pass::new).collect(),
        }
    }

    /// Reports of the rounds that were measured.
    pub(super) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.passes.iter().filter_map(|pass| match pass {
            Pass::Measured { report, .. } => Some(&**report),
            Pass::Failed { .. } => None,
        })
    }
}

impl Pass {
    fn new(passed: Passed) -> Self {
        match passed {
            Ok(report) => Self::Measured { figures: Figures::of(&report), report },
            Err(error) => Self::Failed { error },
        }
    }

    /// What went wrong.
    pub(super) fn failures(&self) -> &[String] {
        match self {
            Self::Measured { report, .. } => &report.failures,
            Self::Failed { error } => std::slice::from_ref(error),
        }
    }
}

impl Sum {
    const fn plus(self, report: RollCallReport) -> Self {
        Self {
            due: self.due + report.due,
            deliveries: self.deliveries + report.answers.delivered,
            lost: self.lost + report.lost,
            repeated: self.repeated + report.answers.repeated,
            reordered: self.reordered + report.answers.reordered,
            foreign: self.foreign + report.answers.foreign,
        }
    }
}
