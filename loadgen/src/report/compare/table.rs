//! The report for people: one table.

use super::CompareReport;
use super::row::Row;
use crate::report::page::{Page, grouped};
use crate::report::spread::{Spread, short};

const COLUMNS: [&str; 8] =
    ["deliveries", "lost", "CPU a delivery, us", "x floor", "p50, ms", "p99, ms", "max, ms", "memory, MiB"];
const NONE: &str = "-";

impl CompareReport {
    pub(super) fn text(&self) -> String {
        let mut page = Page::default();
        self.head.rows(&mut page);
        let (each, warmup) = (self.head.load.measured_s, self.head.load.warmup_s);
        let rounds =
            format!("{}, each of {each:.1} s of every server after {warmup:.1} s of warm-up;", self.rounds);
        page.row("rounds", &rounds);
        page.row("", "every server is started anew each time, and another one is the first in each round");
        page.blank();
        table(&mut page, &self.rows);
        page.blank();
        self.rows.iter().for_each(|row| {
            if let Some(version) = &row.version {
                page.row(row.peer.name(), version);
            }
        });
        page.verdict(&self.warnings, &self.failures);
        page.into_text()
    }
}

/// Columns are as wide as they need to be; who is not installed has a sentence instead.
fn table(page: &mut Page, rows: &[Row]) {
    let cells: Vec<_> = rows.iter().map(|row| row.missing.is_none().then(|| cells(row))).collect();
    let mut widths = COLUMNS.map(str::len);
    for cells in cells.iter().flatten() {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.len().max(*width);
        }
    }
    page.row("median [min - max]", &line(&COLUMNS.map(str::to_owned), widths));
    for (row, cells) in rows.iter().zip(cells) {
        let told = cells.map(|cells| line(&cells, widths)).or_else(|| row.missing.clone());
        page.row(&format!("  {}", row.peer.name()), &told.unwrap_or_default());
    }
}

fn line(cells: &[String; 8], widths: [usize; 8]) -> String {
    let cells: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
    cells.join("   ")
}

fn cells(row: &Row) -> [String; 8] {
    if row.sum.due == 0 {
        return std::array::from_fn(|_| NONE.to_owned());
    }
    let spread = |spread: Option<Spread>| spread.map_or_else(|| NONE.to_owned(), |spread| spread.words());
    let median =
        |spread: Option<Spread>| spread.map_or_else(|| NONE.to_owned(), |spread| short(spread.median));
    [
        grouped(row.sum.deliveries),
        grouped(row.sum.lost),
        spread(row.server_us_per_delivery),
        spread(row.ratio_to_floor),
        median(row.p50_ms),
        median(row.p99_ms),
        row.max_ms.map_or_else(|| NONE.to_owned(), short),
        median(row.resident_mib),
    ]
}
