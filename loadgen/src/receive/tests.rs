//! The quick way through updates that follow each other is held against the parser's way.

use super::*;
use crate::cli::SaturateArgs;
use crate::frame::opcode;
use crate::plan::{Client, Interest, Target};
use crate::popularity::Popularity;
use crate::streak::Misses;
use clap::Parser;
use proptest::prelude::*;
use schemas::model::Channel;
use schemas::wire::websocket;

/// What a server may send to a subscriber of the quotes of `a:b`.
#[derive(Debug, Clone)]
enum Sent {
    Next,
    /// Some updates are missing before it.
    After(u64),
    Again,
    Merged(u64),
    Conflated(u64),
    State,
    Snapshot,
    OtherTopic,
    OtherKeyOrder,
    InParts,
    Long,
    Nonsense,
    Ping,
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        200 => Just(Sent::Next),
        1 => (1_u64..5).prop_map(Sent::After),
        1 => Just(Sent::Again),
        1 => (2_u64..4).prop_map(Sent::Merged),
        1 => (1_u64..4).prop_map(Sent::Conflated),
        1 => Just(Sent::State),
        1 => Just(Sent::Snapshot),
        1 => Just(Sent::OtherTopic),
        1 => Just(Sent::OtherKeyOrder),
        1 => Just(Sent::InParts),
        1 => Just(Sent::Long),
        1 => Just(Sent::Nonsense),
        1 => Just(Sent::Ping),
    ]
}

/// The frames on the wire; `seq` is the last number that was sent.
fn frames(sent: &Sent, seq: &mut u64) -> Vec<u8> {
    let kind = match sent {
        Sent::State => "state",
        Sent::Snapshot => "snapshot",
        Sent::Conflated(_) => "conflated",
        _ => "update",
    };
    let (first, last) = match sent {
        Sent::Again => (*seq, *seq),
        Sent::After(missing) => (*seq + missing + 1, *seq + missing + 1),
        Sent::Merged(width) | Sent::Conflated(width) => (*seq + 1, *seq + width),
        Sent::Nonsense | Sent::Ping | Sent::OtherTopic => (*seq, *seq),
        _ => (*seq + 1, *seq + 1),
    };
    *seq = last;
    let (ts, rx) = (1_000_000 + 3 * last, 1_000_001 + 3 * last);
    let topic = if matches!(sent, Sent::OtherTopic) { "a:c" } else { "a:b" };
    let note = if matches!(sent, Sent::Long) { "x".repeat(300) } else { String::new() };
    let text = match sent {
        Sent::OtherKeyOrder => format!(
            r#"{{"channel":"quotes","type":"update","rx":{rx},"seq":[{first},{last}],"symbol":"a:b","ts":{ts}}}"#
        ),
        Sent::Nonsense => format!(r#"{{"type":"update","channel":"quotes","symbol":"a:b","seq":[{first}"#),
        _ => format!(
            r#"{{"type":"{kind}","channel":"quotes","symbol":"{topic}","seq":[{first},{last}],"ts":{ts},"rx":{rx},"bid":"1{note}"}}"#
        ),
    };
    let (mut out, text) = (Vec::new(), text.as_bytes());
    match sent {
        Sent::Ping => websocket::append(&mut out, websocket::PING, b"?"),
        Sent::InParts => {
            let (start, end) = text.split_at(30);
            websocket::append(&mut out, opcode::TEXT, start);
            websocket::append(&mut out, websocket::PING, b"between");
            websocket::append(&mut out, 0x80 | opcode::CONTINUATION, end);
        }
        _ => websocket::append(&mut out, websocket::TEXT, text),
    }
    out
}

/// All that is known after the reads.
#[derive(Debug, PartialEq)]
struct Outcome {
    counts: crate::counts::Counts,
    misses: Misses,
    progress: u64,
    streak: crate::streak::Streak,
    deliveries: u64,
    corrected: Vec<(u64, u64)>,
    uncorrected: Vec<(u64, u64)>,
}

fn outcome(reads: &[&[u8]], streaks: Streaks) -> Outcome {
    let args = ["saturate", "--url", "ws://a:1/", "--publish", "a:1", "--connections", "1"];
    let interest = Interest {
        channel: Channel::Quotes,
        connections: 1,
        symbols_per_connection: 1,
        popularity: Popularity::Uniform,
    };
    let window = SaturateArgs::try_parse_from(args).unwrap().window;
    let plan = Plan::prompt(interest, Target::nowhere(), vec!["a:b".to_owned()], &window, 1).unwrap();
    let mut receiver = Receiver {
        plan: Arc::new(plan),
        tally: Tally::new().unwrap(),
        verifiers: Verifiers::default(),
        spells: None,
        follower: None,
        streaks: Some(streaks),
        roll_call: None,
        random: Random::new(1, 1),
    };
    let client = Client {
        number: 0,
        channel: Channel::Quotes,
        behaviour: Behaviour::Prompt,
        interval_ms: 0,
        symbols: Arc::from([0]),
    };
    let mut connection = Connection::new(client);
    connection.session.stage = Stage::Live;
    connection.session.class = receiver.tally.classes.join(Class::of(&connection.session.client, false));
    for (read, at_us) in reads.iter().zip(2_000_000..) {
        receiver.bytes(&mut connection, read, Arrival { at_us, place: Place::Within }).unwrap();
    }
    let streaks = receiver.streaks.as_mut().unwrap();
    let recorded = |histogram: &hdrhistogram::Histogram<u64>| {
        histogram.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value())).collect()
    };
    let latency = &receiver.tally.classes.latest(connection.session.class).latency.clone();
    Outcome {
        counts: receiver.tally.received(),
        misses: streaks.misses,
        progress: streaks.progress(),
        streak: connection.session.streak,
        deliveries: receiver.tally.deliveries,
        corrected: recorded(&latency.corrected),
        uncorrected: recorded(&latency.uncorrected),
    }
}

proptest! {
    #[test]
    fn what_is_passed_over_counts_as_if_it_had_been_parsed(
        all in proptest::collection::vec(sent(), 1..200),
        begin in prop_oneof![Just(0_u64), 1_u64..200, 990_u64..1_010, 99_980_u64..100_010],
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut seq = begin;
        let snapshot = if begin > 0 { frames(&Sent::Snapshot, &mut seq) } else { Vec::new() };
        let bytes = all.iter().fold(snapshot, |bytes, sent| [bytes, frames(sent, &mut seq)].concat());
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.extend([0, bytes.len()]);
        ends.sort_unstable();
        let reads: Vec<&[u8]> = ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let quick = outcome(&reads, Streaks::new("quotes", "a:b"));
        prop_assert_eq!(&quick, &outcome(&reads, Streaks::parsing_all("quotes", "a:b")));
        let is_clean = all.iter().all(|sent| {
            matches!(
                sent,
                Sent::Next | Sent::State | Sent::OtherKeyOrder | Sent::InParts | Sent::Long | Sent::Ping
                    | Sent::Nonsense
            )
        });
        // Without a snapshot before it, one among the updates may be what a newcomer begins with.
        if is_clean || begin > 0 {
            prop_assert_eq!(quick.misses.total() == 0, is_clean);
        }
    }
}
