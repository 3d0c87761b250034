//! What goes into the directory of a run besides the report.

use super::{Report, hgrm, hlog, run_page};
use crate::class::Tallied;
use crate::series::Second;
use std::time::{Duration, SystemTime};

/// Each second's latencies from the intended times, which [`crate::comparison`] reads again.
pub(crate) const HLOG: &str = "latency.hlog";

/// All that was counted of a part of a load, which [`crate::merge`] reads again.
pub(crate) const PART: &str = "part.json";

/// Names and contents.
pub(super) fn of(report: &Report) -> anyhow::Result<Vec<(String, String)>> {
    let raw = &report.raw;
    let log = |view| hlog::of(&raw.series, since_epoch(raw.start_us), raw.window, view);
    let mut files = vec![
        ("latency.hgrm".to_owned(), report.distribution()),
        ("latency-uncorrected.hgrm".to_owned(), hgrm::of(&raw.latency.uncorrected)),
        (HLOG.to_owned(), log(Second::corrected)?),
        ("latency-uncorrected.hlog".to_owned(), log(Second::uncorrected)?),
        ("report.html".to_owned(), run_page::of(report)?),
    ];
    files.extend(report.part().map(|part| (PART.to_owned(), part.to_owned())));
    if raw.classes.len() > 1 {
        files.extend(raw.classes.iter().map(of_class));
    }
    Ok(files)
}

fn of_class(tallied: &Tallied) -> (String, String) {
    let name = tallied.class.words().replace(", ", "-").replace(' ', "");
    (format!("latency-{name}.hgrm"), hgrm::of(&tallied.total.latency.corrected))
}

fn since_epoch(us: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(us)
}
