use super::*;

fn injector(specs: &[&str], spacing: u64) -> Injector {
    let faults = specs.iter().map(|spec| spec.parse().unwrap()).collect();
    let faults = Faults { faults, seed: 7, spacing: Duration::from_nanos(spacing) };
    let tally = Tally::new(&faults);
    let mut injector = Injector::new(Venue::Binance, faults, tally).unwrap();
    injector.start(Instant::now());
    injector
}

fn trade(symbol: &str, id: u64) -> Item {
    let mut item = Item::default();
    let text = format!(r#"{{"e":"trade","E":1,"s":"{symbol}","t":{id},"p":"1","q":"1","T":1,"m":true}}"#);
    item.set_text(id, Kind::Frame, &text);
    item
}

/// The ids of what goes out for trades 1 to `count`.
fn ids(injector: &mut Injector, symbol: &str, count: u64) -> Vec<u64> {
    let mut sent = Outbox::default();
    for id in 1..=count {
        let item = trade(symbol, id);
        let mut out = Outbox::default();
        out.text(1, item.text.as_str());
        injector.disturb(&item, id, Instant::now(), &mut out);
        sent.0.extend(out.0);
    }
    let id = |out: &Out| match out {
        Out::Text(text) => text.split("\"t\":").nth(1)?.split(',').next()?.parse().ok(),
        _ => None,
    };
    sent.0.iter().filter_map(|(_, out)| id(out)).collect()
}

fn injected(injector: &Injector) -> u64 {
    injector.tally.counts().faults[0].injected
}

#[test]
fn a_share_of_messages_is_left_out_and_counted() {
    let mut dropping = injector(&["drop:10%"], 0);
    let sent = ids(&mut dropping, "A", 2_000);
    let dropped = 2_000 - sent.len() as u64;
    assert!((120..280).contains(&dropped), "{dropped}");
    assert_eq!(injected(&dropping), dropped);
    assert_eq!(ids(&mut injector(&["drop:10%"], 0), "A", 2_000), sent, "the seed decides");
    assert_eq!(ids(&mut injector(&["drop:100%:B"], 0), "A", 5), [1, 2, 3, 4, 5]);
}

#[test]
fn twice_and_behind_the_next_one() {
    assert_eq!(ids(&mut injector(&["dup:100%"], 0), "A", 2), [1, 1, 2, 2]);
    assert_eq!(ids(&mut injector(&["reorder:100%"], 2), "A", 5), [2, 1, 4, 3]);
    let mut last = injector(&["reorder:100%"], 2);
    ids(&mut last, "A", 1);
    let mut rest = Outbox::default();
    last.end(&mut rest);
    assert_eq!(rest.0.len(), 1);
}

#[test]
fn faults_of_a_stream_keep_their_distance() {
    let mut spaced = injector(&["drop:100%"], 10);
    assert_eq!(ids(&mut spaced, "A", 25).len(), 22);
    assert_eq!(injected(&spaced), 3);
}

#[test]
fn what_nobody_hears_is_not_counted() {
    let mut injector = injector(&["drop:100%"], 0);
    injector.disturb(&trade("A", 1), 1, Instant::now(), &mut Outbox::default());
    assert_eq!(injected(&injector), 0);
}

#[test]
fn checksums_change_in_one_digit_and_frames_are_cut_in_their_second_half() {
    assert_eq!(with_bad_sum(r#"{"checksum":-127,"b":1}"#).unwrap(), r#"{"checksum":-123,"b":1}"#);
    assert_eq!(with_bad_sum(r#"{"checksum":5}"#).unwrap(), r#"{"checksum":7}"#);
    assert_eq!(with_bad_sum(r#"{"b":1}"#), None);
    let mut none = injector(&["badsum:100%"], 0);
    assert_eq!((ids(&mut none, "A", 3), injected(&none)), (vec![1, 2, 3], 0));
    for chance in [0.0, 0.5, 0.999_999] {
        let text = "{\"é\":\"éééé\"}";
        let cut = cut_off(text, chance).len();
        assert!((text.len() / 2 - 1..text.len()).contains(&cut), "{cut}");
    }
}

#[test]
fn what_is_held_back_keeps_its_order_and_pongs_pass() {
    let mut delaying = injector(&["delay:10ms..20ms", "stall:1h@0s:B"], 0);
    let now = Instant::now();
    let mut out = Outbox::default();
    (1..=3).for_each(|id| out.text(1, trade("A", id).text));
    out.text(1, trade("B", 1).text);
    out.text(1, r#"{"result":null,"id":1}"#);
    delaying.hold(&mut out, now);
    assert_eq!(out.0.len(), 1, "the reply");
    assert!(delaying.next(now + Duration::from_millis(9)).is_none());
    let later = now + Duration::from_millis(61);
    let texts: Vec<_> = std::iter::from_fn(|| delaying.next(later)).map(|(_, out)| out).collect();
    assert_eq!(texts, [1, 2, 3].map(|id| Out::Text(trade("A", id).text.into())));
    let counts = delaying.tally.counts().faults;
    assert_eq!(counts.iter().map(|count| count.injected).collect::<Vec<_>>(), [4, 1]);
}

#[test]
fn what_is_due_and_not_handed_out_yet_is_not_overtaken() {
    let mut stalling = injector(&["stall:10ms@0s"], 0);
    let mut hold = |id, now| {
        let mut out = Outbox::default();
        out.text(1, trade("A", id).text);
        stalling.hold(&mut out, now);
        out.0.into_iter().map(|(_, message)| message).collect::<Vec<_>>()
    };
    let now = Instant::now();
    assert_eq!(hold(1, now), []);
    let later = now + Duration::from_millis(11);
    assert_eq!(hold(2, later), [1, 2].map(|id| Out::Text(trade("A", id).text.into())));
}

#[test]
fn a_muted_connection_is_answered_and_gets_no_data() {
    let mut muting = injector(&["mute@0s", "delay:10ms"], 0);
    let now = Instant::now();
    let send = |injector: &mut Injector| {
        let mut out = Outbox::default();
        [1, 2].into_iter().for_each(|conn| out.text(conn, trade("A", 1).text));
        out.text(1, r#"{"result":null,"id":1}"#);
        injector.hold(&mut out, now);
        out.0.into_iter().map(|(conn, _)| conn).collect::<Vec<_>>()
    };
    assert_eq!(send(&mut muting), [1], "data is on its way");
    assert_eq!(muting.due_to_connections(1, now), Some(ToConnections::Mute));
    muting.mute([1]);
    assert_eq!(send(&mut muting), [1]);
    let later = now + Duration::from_millis(11);
    let conns: Vec<_> = std::iter::from_fn(|| muting.next(later)).map(|(conn, _)| conn).collect();
    assert_eq!((conns, injected(&muting)), (vec![2, 2], 1));
    muting.closed(1);
    assert!(muting.muted.is_empty());
}

#[test]
fn connections_are_ended_once_and_snapshots_over_rest_are_slow() {
    let mut injector = injector(&["disconnect@0s", "half-open@0s", "slow-snapshot:2s:A"], 0);
    let now = Instant::now();
    let done = [(); 3].map(|()| injector.due_to_connections(4, now));
    assert_eq!(done, [Some(ToConnections::End), Some(ToConnections::Freeze), None]);
    assert_eq!(injected(&injector), 4);
    assert_eq!(injector.rest_delay("/api/v3/depth", Some("A"), now), Duration::from_secs(2));
    assert_eq!(injector.rest_delay("/api/v3/depth", Some("B"), now), Duration::ZERO);
    assert_eq!(injector.rest_delay("/api/v3/time", None, now), Duration::ZERO);
}
