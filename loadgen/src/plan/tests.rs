use super::*;
use clap::Parser;

fn plan(arguments: &[&str], symbols: usize) -> Result<Plan, PlanError> {
    let start = ["loadgen run", "--url", "ws://127.0.0.1:9/v1/stream?x=1", "--connections", "1000"];
    let args = RunArgs::try_parse_from(start.iter().chain(arguments)).unwrap();
    let symbols = (0..symbols).map(|i| format!("sim:{i}")).collect();
    Plan::new(&args, Target::parse(&args.url[0])?, symbols, 1)
}

#[test]
fn clients_are_dealt_out_whole() {
    let plan = plan(
        &["--stalled", "1%", "--trickling", "2%", "--symbols-per-connection", "20", "--threads", "3"],
        500,
    );
    let threads = plan.unwrap().clients();
    assert_eq!(threads.iter().map(Vec::len).collect::<Vec<_>>(), [334, 333, 333]);
    let count = |behaviour| threads.iter().flatten().filter(|client| client.behaviour == behaviour).count();
    assert_eq!((count(Behaviour::Stalled), count(Behaviour::Trickling)), (10, 20));
    assert!(threads.iter().flatten().all(|client| client.symbols.len() == 20));
}

#[test]
fn some_are_on_a_tier_and_others_are_not() {
    let mixed = plan(&["--interval-ms", "100", "--tiered", "20%", "--stalled", "50%"], 1).unwrap();
    let clients = mixed.clients().concat();
    let (tiered, others): (Vec<_>, Vec<_>) = clients.iter().partition(|client| client.interval_ms == 100);
    assert_eq!((tiered.len(), others.len(), mixed.has_both_rates()), (200, 800, true));
    assert!(others.iter().all(|client| client.interval_ms == 0));
    // Who is on a tier has nothing to do with who is slow.
    let stalled = tiered.iter().filter(|client| client.behaviour == Behaviour::Stalled).count();
    assert!((50..150).contains(&stalled), "{stalled}");
    assert!(!plan(&["--interval-ms", "100"], 1).unwrap().has_both_rates());
    assert!(!plan(&[], 1).unwrap().has_both_rates());
    let weighed = plan(&["--interval-ms", "0=2,100=1,500=1", "--channel", "quotes=3,book=1"], 1).unwrap();
    let clients = weighed.clients().concat();
    let count = |interval_ms| clients.iter().filter(|client| client.interval_ms == interval_ms).count();
    assert_eq!([0, 100, 500].map(count), [500, 250, 250]);
    assert_eq!(clients.iter().filter(|client| client.channel == Channel::Book).count(), 250);
    assert_eq!((weighed.tiered(), weighed.has_both_rates()), ((500, 100), true));
}

#[test]
fn parts_make_up_the_whole() {
    let load = [
        "--interval-ms",
        "0=4,100=1",
        "--channel",
        "quotes=3,book=1",
        "--stalled",
        "3%",
        "--seed",
        "1",
        "--out",
        "x",
    ];
    let clients = |part: &[&str]| plan(&[&load[..], part].concat(), 50).unwrap().clients().concat();
    let whole = clients(&["--symbols-per-connection", "20"]);
    let mut parts: Vec<_> = ["1/3", "2/3", "3/3"]
        .iter()
        .flat_map(|part| clients(&["--part", part, "--symbols-per-connection", "20", "--threads", "2"]))
        .collect();
    parts.sort_unstable_by_key(|client| client.number);
    assert_eq!(parts, whole);
    let second = plan(&[&load[..], &["--part", "2/3"]].concat(), 50).unwrap();
    assert_eq!((second.own_connections(), second.connections, second.has_both_rates()), (333, 1000, true));
}

#[test]
fn contradictions_are_told() {
    assert!(matches!(plan(&["--stalled", "60%", "--trickling", "60%"], 5), Err(PlanError::Shares)));
    assert!(matches!(plan(&["--duration", "0s"], 5), Err(PlanError::Duration)));
    let shares = ["--interval-ms", "0=2,100=1", "--tiered", "5%"];
    assert!(matches!(plan(&shares, 5), Err(PlanError::Tiers)));
    let few_connections = plan(&["--part", "1/1001", "--seed", "1", "--out", "x"], 5);
    assert!(matches!(few_connections, Err(PlanError::Parts { connections: 1000, parts: 1001 })));
    let few = plan(&["--symbols-per-connection", "6"], 5);
    assert!(matches!(few, Err(PlanError::Symbols { asked: 6, symbols: 5, .. })));
    let all = plan(&["--symbols-per-connection", "6", "--popularity", "all"], 5).unwrap();
    assert_eq!(all.symbols_per_connection, 5);
}
