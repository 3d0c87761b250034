//! `loadgen report`: runs that were kept, side by side.

use crate::cli::{loadgen, stderr};
use crate::known::{SECOND_US, is_close, send_aged};
use crate::server::Server;
use std::path::Path;
use std::process::Output;

/// Keeps a run in which twenty updates come so many seconds late.
fn keep(directory: &Path, name: &str, age_s: u64, connections: &str) -> String {
    let server = Server::start(move |peer| {
        peer.grant(0);
        peer.wait_for_window();
        (1..=20).for_each(|seq| send_aged(peer, seq, age_s * SECOND_US));
    });
    let (url, out) = (server.url(), directory.join(name).to_str().unwrap().to_owned());
    let run = ["run", "--url", &url, "--symbols", "sim:A", "--connections", connections, "--seed", "1"];
    let output = loadgen(&[&run[..], &["--warmup", "0s", "--duration", "1s", "--out", &out]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    out
}

fn shown(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn runs_stand_side_by_side_and_what_else_differs_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (keep(directory.path(), "one", 100, "2"), keep(directory.path(), "two", 250, "1"));
    let out = directory.path().join("both");
    let json = loadgen(&["report", &one, &format!("{two}/"), "--json", "--out", out.to_str().unwrap()]);
    let report: serde_json::Value = serde_json::from_str(&shown(&json)).unwrap();
    let runs = report["runs"].as_array().unwrap();
    assert_eq!((runs.len(), runs[1]["run"].as_str().unwrap()), (2, two.as_str()));
    for (run, age_ms) in runs.iter().zip([100_000.0, 250_000.0]) {
        for point in ["p50_ms", "p99_99_ms", "max_ms"] {
            is_close(run["figures"][point].as_f64().unwrap().round() as u64, age_ms as u64);
        }
    }
    let of_first = |figure: &str| runs[1]["of_first"][figure].as_f64().unwrap();
    is_close((of_first("p99_ms") * 1e6) as u64, 2_500_000);
    assert!((0.45..0.55).contains(&of_first("deliveries_per_s")) && runs[0].get("of_first").is_none());
    assert_eq!(runs[1]["of_first"]["conflated"], serde_json::Value::Null);
    let differences: Vec<&str> =
        report["differences"].as_array().unwrap().iter().map(|d| d.as_str().unwrap()).collect();
    assert!(differences.contains(&"connections: 2 | 1"), "{differences:?}");
    assert!(
        differences.iter().all(|d| !d.starts_with("seed") && !d.starts_with("measured_s")),
        "{differences:?}"
    );

    let text = shown(&loadgen(&["report", &one, &two]));
    assert!(
        text.contains("p99.99, ms")
            && text.contains("  of the first")
            && text.contains("differs   connections: 2 | 1")
    );
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    for figure in ["percentiles", "latency-over-time"] {
        let plot = page
            .split(&format!("<figure id=\"{figure}\">"))
            .nth(1)
            .unwrap()
            .split("</figure>")
            .next()
            .unwrap();
        assert!(plot.contains(&one) && plot.contains(&two) && plot.contains("<polyline"), "{figure}: {plot}");
    }
}

#[test]
fn reports_of_earlier_versions_are_compared_as_far_as_they_go() {
    let directory = tempfile::tempdir().unwrap();
    let run = keep(directory.path(), "run", 100, "1");
    let path = Path::new(&run).join("report.json");
    let mut report: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    report.as_object_mut().unwrap().retain(|key, _| !["series", "classes"].contains(&key.as_str()));
    report["latency_us"]["corrected"].as_object_mut().unwrap().remove("p99_99");
    std::fs::write(&path, report.to_string()).unwrap();
    std::fs::remove_file(Path::new(&run).join("latency.hlog")).unwrap();
    let out = directory.path().join("out");
    let text = shown(&loadgen(&["report", &run, "--out", out.to_str().unwrap()]));
    assert!(text.lines().nth(1).unwrap().contains(" - "), "{text}");
    assert!(!std::fs::read_to_string(out.join("report.html")).unwrap().contains("<svg"));
}

#[test]
fn what_is_no_run_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let error = |arguments: &[&str]| {
        let output = loadgen(arguments);
        assert_ne!(output.status.code(), Some(0));
        stderr(&output)
    };
    assert!(error(&["report", path]).contains("report.json: No such file"));
    std::fs::write(directory.path().join("report.json"), r#"{"comeback":{}}"#).unwrap();
    assert!(error(&["report", path]).contains("expected the report of `loadgen run`: missing field"));
    assert!(error(&["report"]).contains("<DIR>"));
    let run = keep(directory.path(), "run", 100, "1");
    std::fs::write(Path::new(&run).join("latency.hlog"), "0.0,1.0,1.0,nonsense\n").unwrap();
    assert!(error(&["report", &run]).contains("latency.hlog: expected an interval log"));
}
