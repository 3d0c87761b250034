use super::*;
use crate::broker_stats::Sample;
use crate::class::{Class, Kind};
use crate::cli::RunArgs;
use crate::machine::Machine;
use crate::part::Part;
use crate::plan::{Plan, Target};
use crate::report::{Load, OwnMemory, Tool};
use crate::tally::Tally;
use crate::verify::{Fault, Verification};
use clap::Parser;
use serde_json::Value;

const START_US: u64 = 1_700_000_000_000_000;
const CONNECTIONS: u32 = 4;
const WINDOW: Duration = Duration::from_secs(3);

/// What each connection got: by its number, so many microseconds late, for each second.
fn latencies(connection: u32) -> impl Iterator<Item = u64> {
    (0..200_u64).map(move |i| 100 + i * i * (1 + u64::from(connection) * 7))
}

/// A share of the load, measured so many microseconds later than the first one.
fn measured(part: &str, later_us: u64) -> Measurement {
    let line = ["loadgen run", "--url", "ws://127.0.0.1:9/", "--connections", "4", "--stalled", "25%"];
    let share = ["--part", part, "--seed", "1", "--out", "x", "--threads", "1"];
    let args = RunArgs::try_parse_from([&line[..], &share].concat()).unwrap();
    let plan = Plan::new(&args, Target::parse(&args.url[0]).unwrap(), vec!["sim:A".to_owned()], 1).unwrap();
    let own = plan.own_part();
    let mut tally = Tally::new().unwrap();
    for second in 0..3 {
        let at_us = START_US + later_us + second * SECOND_US;
        tally.begin_second(START_US + later_us, at_us, false);
        (0..CONNECTIONS)
            .filter(|number| own.has(*number))
            .for_each(|number| receive(&mut tally, number, at_us));
    }
    tally.end_second();
    tally.cpu = Duration::from_millis(300);
    tally.cpu_own = Some(Duration::from_millis(60));
    tally.cpu_busiest = Duration::from_millis(100 * u64::from(own.number));
    tally.hello(br#"{"type":"hello"}"#);
    let mut verification = Verification { frames: 600, asked: 1, answered: 1, ..Verification::default() };
    verification.account.spanned = 5;
    verification.account.delivered = 5;
    verification.faults.add(own.number, &Fault::NotTopTen, b"{}");
    let sample = |cpu_s| Sample { cpu_s: Some(cpu_s), started_s: vec![7.0], ..Sample::default() };
    let later_s = later_us as f64 / 1e6;
    let outcome = Measured {
        start_us: START_US + later_us,
        window: WINDOW,
        client_cpu: Duration::from_secs(1),
        memory: OwnMemory { before: Some(1e6), peak: Some(5e6) },
        broker: Ok((sample(1.0 + later_s), sample(2.5 + later_s))),
        standing: crate::progress::Standing { settled: own.share(4), ..Default::default() },
        ..Measured::default()
    };
    let measurement = Measurement {
        tool: Tool::new(jiff::Timestamp::UNIX_EPOCH, false),
        machine: Machine::here(),
        load: Load::new(&plan, 3.0),
        measured: outcome,
        tally,
        verification: Some(verification),
        parts: Vec::new(),
    };
    // As it is kept.
    serde_json::from_str(&serde_json::to_string(&measurement).unwrap()).unwrap()
}

fn receive(tally: &mut Tally, connection: u32, at_us: u64) {
    let kind = if connection == 3 { Kind::Stalled } else { Kind::Prompt };
    let class = Class { channel: schemas::model::Channel::Quotes, interval_ms: 0, kind };
    let class = tally.classes.join(class);
    for late_us in latencies(connection) {
        let portion = tally.classes.latest(class);
        portion.counts.updates += 1;
        portion.counts.entries += 2;
        portion.counts.bytes += 100;
        portion.latency.record(at_us, Some(at_us - late_us), Some(at_us - late_us / 2));
        tally.waited(late_us / 10);
    }
}

fn json(parts: Vec<Measurement>) -> Value {
    serde_json::to_value(report(parts).unwrap()).unwrap()
}

#[test]
fn two_halves_are_the_whole() {
    let (whole, halves) =
        (json(vec![measured("1/1", 0)]), json(vec![measured("2/2", 0), measured("1/2", 0)]));
    for figures in ["received", "latency_us", "slow_latency_us", "classes"] {
        assert_eq!(halves[figures], whole[figures], "{figures}");
        assert!(!halves[figures].is_null(), "{figures}");
    }
    for (here, there) in halves["series"].as_array().unwrap().iter().zip(whole["series"].as_array().unwrap())
    {
        for figure in ["second", "deliveries", "bytes", "latency_us", "uncorrected_us", "lag_us_max"] {
            assert_eq!(here[figure], there[figure], "{figure}");
        }
    }
    assert_eq!(
        (halves["series"].as_array().unwrap().len(), &halves["series"][1]["deliveries"]),
        (3, &800.into())
    );
    // By hand: three of four connections read promptly, each of the three seconds.
    let mut all: Vec<u64> = (0..3).flat_map(latencies).collect();
    all.sort_unstable();
    let p99 = halves["latency_us"]["corrected"]["p99"].as_u64().unwrap();
    let expected = all[(all.len() * 99).div_ceil(100) - 1];
    assert!(p99.abs_diff(expected) * 1_000 <= expected, "{p99}, expected {expected}");
    assert_eq!(halves["latency_us"]["corrected"]["count"], 3 * 600);
    assert_eq!(halves["received"]["deliveries_per_s"], 800.0);
}

#[test]
fn what_processes_cost_adds_up_and_the_broker_counts_once() {
    let halves = json(vec![measured("1/2", 0), measured("2/2", 0)]);
    let client = &halves["client"];
    assert_eq!((&client["cpu_s"], &client["peak_bytes"]), (&2.0.into(), &1e7.into()));
    assert_eq!(
        (&client["busiest_thread_share"], &client["bytes_per_connection"]),
        (&(0.2 / 3.0).into(), &2e6.into())
    );
    assert_eq!((&halves["broker"]["cpu_s"], &halves["broker"]["cpu_share"]), (&1.5.into(), &0.5.into()));
    // 0.6 s, 0.12 s of it outside the kernel, for 2,400 deliveries; the broker took 1.5 s for them.
    let figures =
        ["us_per_delivery", "own_us_per_delivery", "of_broker"].map(|name| client[name].as_f64().unwrap());
    assert!(figures.iter().zip([250.0, 50.0, 0.4]).all(|(is, due)| (is - due).abs() < 1e-9), "{figures:?}");
    assert_eq!((&halves["load"]["threads"], &halves["load"]["connections"]), (&2.into(), &4.into()));
    assert_eq!((&halves["connections"]["live"], halves["load"].get("part")), (&4.into(), None));
    let verification = &halves["verification"];
    assert_eq!((&verification["frames"], &verification["account"]["spanned"]), (&1200.into(), &10.into()));
    assert_eq!(verification["faults"]["counts"]["not_top_ten"], 2);
    let connections = |of: usize| verification["faults"]["listed"][of]["connection"].as_u64().unwrap();
    assert_eq!((connections(0), connections(1)), (1, 2));
    let parts: Vec<_> =
        halves["parts"].as_array().unwrap().iter().map(|part| &part["part"]["number"]).collect();
    assert_eq!(parts, [1, 2]);
}

#[test]
fn seconds_are_those_of_the_wall_clock() {
    let parts = json(vec![measured("2/2", 1_100_000), measured("1/2", 0)]);
    let deliveries: Vec<_> = parts["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|second| second["deliveries"].as_u64().unwrap())
        .collect();
    assert_eq!(deliveries, [400, 800, 800, 400]);
    assert_eq!(
        (&parts["load"]["measured_s"], &parts["received"]["deliveries_per_s"]),
        (&4.0.into(), &600.0.into())
    );
    // From the first sample of all to the last one.
    assert!((parts["broker"]["cpu_s"].as_f64().unwrap() - 2.6).abs() < 1e-9);
    assert!((parts["parts"][1]["opened_after_s"].as_f64().unwrap() - 1.1).abs() < 1e-9);
    let warnings = parts["warnings"].to_string();
    assert!(warnings.contains("did not measure at the same time"), "{warnings}");
    assert!(
        !json(vec![measured("1/2", 0), measured("2/2", 100_000)])["warnings"]
            .to_string()
            .contains("same time")
    );
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let refused = |parts: Vec<Measurement>, said: &str| {
        let error = merged(parts).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    };
    let first = || measured("1/2", 0);
    refused(vec![], "expected the directories");
    refused(vec![first()], "part 2/2 is missing");
    refused(vec![first(), first()], "part 1/2 is there twice");
    refused(vec![first(), measured("2/3", 0)], "part 1/2 and part 2/3");
    refused(vec![first(), measured("2/2", 4_500_000)], "window of part 2/2 opened 1.5 s after");
    let changed = |change: &dyn Fn(&mut Measurement)| {
        let mut second = measured("2/2", 0);
        change(&mut second);
        vec![first(), second]
    };
    refused(changed(&|part| part.load.part = None), "without --part");
    refused(changed(&|part| part.load.seed = 9), "`seed` is 9, and 1 for the others");
    refused(changed(&|part| part.tool.version = "0.0.0".into()), "measured by loadgen 0.0.0");
    let restart = |part: &mut Measurement, started_s| {
        if let Ok((before, _)) = &mut part.measured.broker {
            before.started_s = started_s;
        }
    };
    refused(changed(&|part| restart(part, vec![100.0])), "another broker, or another life of it");
    refused(changed(&|part| restart(part, vec![7.0, 7.0])), "another broker");
    assert!(merged(changed(&|part| restart(part, vec![]))).is_ok());
    assert!(merged(changed(&|part| part.load.address = "ws://10.0.0.1:9/".into())).is_ok());
}

#[test]
fn a_directory_without_a_part_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let error = || read(directory.path()).unwrap_err().to_string();
    assert!(error().contains("part.json") && error().contains("--part 1/2 --out DIR"), "{}", error());
    std::fs::write(directory.path().join(PART), "{}").unwrap();
    assert!(error().contains("expected what `loadgen run --part` wrote"), "{}", error());
    let kept = serde_json::to_string(&measured("2/2", 0)).unwrap();
    std::fs::write(directory.path().join(PART), kept).unwrap();
    assert_eq!(read(directory.path()).unwrap().load.part, Some(Part { number: 2, of: 2 }));
}
