//! A histogram as the text that the HdrHistogram tools plot: value, percentile, count, 1/(1-percentile).

use hdrhistogram::Histogram;
use std::fmt::Write;

/// Points for each halving of the distance to 100%.
const TICKS: u32 = 5;

/// The distribution, in milliseconds.
pub(crate) fn of(histogram: &Histogram<u64>) -> String {
    let mut out =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    // Writing into a string does not fail.
    let _ = append(&mut out, histogram);
    out
}

fn append(out: &mut String, histogram: &Histogram<u64>) -> std::fmt::Result {
    let mut count = 0;
    for point in histogram.iter_quantiles(TICKS) {
        count += point.count_since_last_iteration();
        let (value, quantile) = (ms(point.value_iterated_to()), point.quantile_iterated_to());
        if quantile < 1.0 {
            writeln!(out, "{value:>12.3} {quantile:>14.12} {count:>10} {:>14.2}", 1.0 / (1.0 - quantile))?;
        } else {
            writeln!(out, "{value:>12.3} {quantile:>14.12} {count:>10}")?;
        }
    }
    let (mean, deviation) = (histogram.mean() / 1e3, histogram.stdev() / 1e3);
    writeln!(out, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]")?;
    writeln!(out, "#[Max     = {:>12.3}, Total count    = {:>12}]", ms(histogram.max()), histogram.len())?;
    let (buckets, sub_buckets) = (histogram.buckets(), 2_u32.pow(11));
    writeln!(out, "#[Buckets = {buckets:>12}, SubBuckets     = {sub_buckets:>12}]")
}

fn ms(us: u64) -> f64 {
    super::as_f64(us) / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_ends_with_all_values_and_its_summary() {
        let mut histogram = crate::histogram::microseconds().unwrap();
        (1..=1000).for_each(|us| histogram.record(us).unwrap());
        let text = of(&histogram);
        let last = text.lines().rfind(|line| !line.starts_with('#')).unwrap();
        assert_eq!(last.split_whitespace().collect::<Vec<_>>(), ["1.000", "1.000000000000", "1000"]);
        assert!(text.contains("#[Max     =        1.000, Total count    =         1000]"));
    }
}
