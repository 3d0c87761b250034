//! The broker's own account of itself, from its metrics.

use crate::http;
use crate::plan::Target;

/// What the broker has used so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// CPU time, in seconds.
    pub cpu_s: Option<f64>,
    /// Resident memory, in bytes.
    pub resident_bytes: Option<f64>,
    /// The labels of its build, such as its version.
    pub build: Option<String>,
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

fn parse(metrics: &str) -> Sample {
    let mut sample = Sample::default();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        match name {
            "process_cpu_seconds_total" => sample.cpu_s = value.parse().ok(),
            "process_resident_memory_bytes" => sample.resident_bytes = value.parse().ok(),
            name if name.ends_with("build_info") => {
                sample.build = Some(labels.trim_end_matches('}').to_owned());
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
                       process_resident_memory_bytes 4096\nbroker_build_info{version=\"0.1.0\"} 1\n";
        let build = Some("version=\"0.1.0\"".to_owned());
        assert_eq!(parse(metrics), Sample { cpu_s: Some(1.25), resident_bytes: Some(4096.0), build });
        assert_eq!(parse(""), Sample::default());
    }
}
