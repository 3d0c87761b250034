use super::*;
use crate::reply;
use crate::scan::{Scanned, scan};
use std::rc::Rc;

/// Connections to one topic, `sim:A`, verified by one verifier.
struct Scene {
    verifier: Verifier,
    watched: Vec<Watched>,
}

impl Scene {
    /// Connections that were granted the topic, with a snapshot of `seq` to come.
    fn granted(channel: Channel, connections: usize, seq: u64) -> Self {
        let mut scene = Self::asked(channel, connections);
        (0..connections).for_each(|connection| scene.grant(connection, seq));
        scene
    }

    fn asked(channel: Channel, connections: usize) -> Self {
        let mut verifier = Verifier::new(channel);
        let watched = (0..connections).map(|_| verifier.watch(&["sim:A"])).collect();
        Self { verifier, watched }
    }

    fn grant(&mut self, connection: usize, seq: u64) {
        let channel = self.verifier.channel;
        let text = format!(
            r#"{{"id":1,"result":{{"subscribed":[{{"channel":"{channel}","symbol":"sim:A","epoch":"e1","seq":{seq},"state":"live"}}]}}}}"#
        );
        self.reply(connection, &text, false);
    }

    fn reply(&mut self, connection: usize, text: &str, ended: bool) {
        self.verifier.reply(&mut self.watched[connection], &reply::parse(text.as_bytes()).unwrap(), ended);
    }

    fn text(&mut self, connection: usize, text: &str) -> bool {
        let Ok(Scanned::Topic(header)) = scan(text.as_bytes()) else { panic!("{text}") };
        let number = u32::try_from(connection).unwrap();
        self.verifier.frame(number, &mut self.watched[connection], &header, text.as_bytes())
    }

    fn frame(&mut self, connection: usize, kind: &str, seq: (u64, u64), rest: &str) -> bool {
        let channel = self.verifier.channel;
        self.text(
            connection,
            &format!(
                r#"{{"type":"{kind}","channel":"{channel}","symbol":"sim:A","seq":[{},{}]{rest}}}"#,
                seq.0, seq.1
            ),
        )
    }

    fn snapshot(&mut self, connection: usize, seq: (u64, u64), rest: &str) {
        self.frame(connection, "snapshot", seq, &format!(r#","epoch":"e1","state":"live"{rest}"#));
    }

    /// The connection is cut and asks again: the epochs and the last `seq` that it wants to go on after.
    fn come_back(&mut self, connection: usize) -> Vec<String> {
        let watched = &mut self.watched[connection];
        self.verifier.forget(watched);
        watched.cut();
        let asked = self.verifier.watch_on(watched, &["sim:A"]).into_iter();
        asked
            .filter_map(|asked| match asked {
                Asked::Resumed { epoch, after, .. } => Some(format!("{epoch} {after}")),
                Asked::Afresh(_) => None,
            })
            .collect()
    }

    fn faults(self) -> Vec<String> {
        let verification = self.verifier.finish();
        verification.faults.counts.iter().map(|(name, count)| format!("{name} {count}")).collect()
    }
}

/// The fields of a book frame with the checksum of `digits`, those of the ten best asks and bids.
fn levels(bids: &str, asks: &str, digits: &str) -> String {
    format!(r#","bids":[{bids}],"asks":[{asks}],"checksum":{}"#, crc32fast::hash(digits.as_bytes()))
}

const NO_FAULTS: [&str; 0] = [];

#[test]
fn a_book_that_is_right_has_no_faults_and_is_shared() {
    let mut scene = Scene::granted(Channel::Book, 2, 5);
    for connection in 0..2 {
        scene.snapshot(
            connection,
            (5, 5),
            &levels(r#"["1.10","2"],["1.00","3"]"#, r#"["1.20","4"]"#, "120411021003"),
        );
        scene.frame(
            connection,
            "update",
            (6, 6),
            &levels(r#"["1.10","0"]"#, r#"["1.15","1.50"]"#, "11515012041003"),
        );
    }
    assert!(Rc::ptr_eq(&scene.watched[0].held[0].version, &scene.watched[1].held[0].version));
    // One that was throttled gets both changes at once, and a newcomer a snapshot.
    scene.watched.push(scene.verifier.watch(&["sim:A"]));
    scene.grant(2, 6);
    scene.snapshot(
        2,
        (6, 6),
        &levels(r#"["1.00","3"]"#, r#"["1.20","4"],["1.15","1.50"]"#, "11515012041003"),
    );
    assert!(Rc::ptr_eq(&scene.watched[0].held[0].version, &scene.watched[2].held[0].version));
    assert_eq!(scene.verifier.verification.compared, 1);
    assert_eq!(scene.faults(), NO_FAULTS);
}

#[test]
fn a_wrong_checksum_is_found_for_everybody_who_gets_it() {
    let mut scene = Scene::granted(Channel::Book, 2, 5);
    for connection in 0..2 {
        scene.snapshot(connection, (5, 5), &levels(r#"["1.10","2"]"#, "", "1102"));
        scene.frame(connection, "update", (6, 6), &levels(r#"["1.10","20"]"#, "", "1102"));
    }
    scene.frame(0, "update", (7, 7), r#","bids":[["1.10","3"]],"asks":[]"#);
    assert_eq!(scene.faults(), ["checksum 2", "no_checksum 1"]);
}

#[test]
fn a_digit_that_differs_between_updates_and_a_snapshot_is_found() {
    let mut scene = Scene::granted(Channel::Book, 2, 5);
    scene.snapshot(0, (5, 5), &levels(r#"["1.10","2"]"#, "", "1102"));
    scene.frame(0, "update", (6, 6), &levels(r#"["1.10","2.50"]"#, "", "110250"));
    scene.watched[1].held[0].promise = None;
    scene.snapshot(1, (6, 6), &levels(r#"["1.1","2.50"]"#, "", "11250"));
    let listed = scene.verifier.verification.faults.listed.clone();
    assert!(listed[0].message.contains("Bids: 2.50 at 1.1 here, 2.50 at 1.10 there"), "{listed:?}");
    assert_eq!(listed[0].connection, 1);
    assert_eq!(scene.faults(), ["digits 1"]);
}

#[test]
fn whole_data_and_states_are_compared_too() {
    let mut scene = Scene::granted(Channel::Quotes, 3, 5);
    scene.snapshot(0, (5, 5), r#","bid":"1.0","ask":"1.1""#);
    scene.frame(0, "update", (6, 6), r#","bid":"1.0","ask":"1.2""#);
    scene.frame(0, "state", (7, 7), r#","state":"stale","reason":"x","since":1"#);
    for connection in 1..3 {
        scene.watched[connection].held[0].promise = None;
    }
    scene.snapshot(1, (6, 6), r#","ask":"1.20","bid":"1.0""#);
    scene.snapshot(2, (7, 7), r#","bid":"1.0","ask":"1.2""#);
    assert_eq!(scene.faults(), ["digits 1", "state 1"]);
}

#[test]
fn ranges_that_do_not_tile_are_found_once_each() {
    let mut scene = Scene::granted(Channel::Quotes, 1, 5);
    scene.snapshot(0, (5, 5), r#","bid":"1""#);
    for (kind, seq) in
        [("update", (6, 8)), ("update", (10, 10)), ("update", (11, 11)), ("conflated", (13, 20))]
    {
        scene.frame(0, kind, seq, "");
    }
    scene.frame(0, "update", (21, 21), "");
    scene.frame(0, "update", (21, 21), "");
    scene.frame(0, "update", (22, 20), "");
    assert_eq!(scene.faults(), ["range 1", "tiling 3"]);
}

#[test]
fn a_topic_without_data_begins_at_one() {
    let mut scene = Scene::granted(Channel::Book, 2, 0);
    scene.frame(0, "state", (1, 1), r#","state":"live","reason":"","since":1"#);
    scene.frame(0, "update", (2, 2), &levels(r#"["1","2"]"#, "", "12"));
    scene.frame(1, "state", (2, 2), r#","state":"live","reason":"","since":1"#);
    assert_eq!(scene.faults(), ["tiling 1"]);
    let mut scene = Scene::granted(Channel::Book, 1, 9);
    scene.frame(0, "update", (10, 10), &levels("", "", ""));
    assert_eq!(scene.faults(), ["no_snapshot 1"]);
}

#[test]
fn the_snapshot_is_the_one_that_the_reply_named() {
    let mut scene = Scene::granted(Channel::Quotes, 2, 5);
    scene.snapshot(0, (6, 6), r#","bid":"1""#);
    scene.frame(1, "snapshot", (5, 5), r#","epoch":"e2","state":"live","bid":"1""#);
    assert_eq!(scene.faults(), ["promise 2"]);
}

#[test]
fn order_of_replies_and_data() {
    let mut scene = Scene::asked(Channel::Quotes, 2);
    scene.snapshot(0, (5, 5), r#","bid":"1""#);
    scene.grant(1, 5);
    scene.snapshot(1, (5, 5), r#","bid":"1""#);
    scene.reply(1, r#"{"id":2,"result":{"unsubscribed":1}}"#, true);
    scene.frame(1, "update", (6, 6), r#","bid":"2""#);
    scene.text(1, r#"{"type":"update","channel":"quotes","symbol":"sim:B","seq":[1,1]}"#);
    scene.text(1, r#"{"type":"update","channel":"ticker","symbol":"sim:A","seq":[7,7]}"#);
    assert_eq!(scene.faults(), ["after_unsubscribe 1", "before_reply 1", "not_subscribed 2"]);
}

#[test]
fn an_epoch_changes_with_a_snapshot_only() {
    let mut scene = Scene::granted(Channel::Quotes, 1, 5);
    scene.snapshot(0, (5, 5), r#","bid":"1""#);
    scene.frame(0, "snapshot", (1, 1), r#","epoch":"e2","state":"live","bid":"2""#);
    scene.frame(0, "update", (2, 2), r#","epoch":"e2","bid":"3""#);
    assert_eq!(scene.verifier.found(), 0);
    scene.frame(0, "update", (3, 3), r#","epoch":"e3","bid":"4""#);
    scene.frame(0, "snapshot", (2, 2), r#","epoch":"e2","state":"live","bid":"3""#);
    assert_eq!(scene.faults(), ["back 1", "epoch 1"]);
}

#[test]
fn trades_account_for_every_number() {
    let trade = |id: u64| format!(r#"{{"id":"{id}","price":"1","size":"2"}}"#);
    let trades = |ids: &[u64]| {
        format!(r#","trades":[{}]"#, ids.iter().map(|id| trade(*id)).collect::<Vec<_>>().join(","))
    };
    let mut scene = Scene::granted(Channel::Trades, 2, 50);
    scene.snapshot(0, (49, 50), &trades(&[49, 50]));
    scene.frame(0, "update", (51, 52), &trades(&[51, 52]));
    scene.frame(0, "gap", (53, 60), r#","lost":8,"reason":"slow_consumer""#);
    scene.frame(0, "gap", (61, 61), r#","lost":3,"reason":"venue""#);
    scene.frame(0, "state", (62, 62), r#","state":"stale","reason":"","since":1"#);
    scene.frame(0, "update", (63, 63), &trades(&[63]));
    // The other one got what the first one lost, and the same trades; a state and a loss stand between them.
    scene.watched[1].held[0].promise = None;
    let stale = format!(r#","epoch":"e1","state":"stale"{}"#, trades(&[51, 52, 63]));
    scene.frame(1, "snapshot", (51, 63), &stale);
    assert_eq!(scene.verifier.found(), 0, "{:?}", scene.verifier.verification.faults);
    let account = scene.verifier.verification.account;
    assert_eq!((account.spanned, account.delivered, account.lost, account.states), (13, 3, 9, 1));
    assert!(account.adds_up());
    scene.frame(0, "update", (64, 66), &trades(&[64, 65]));
    scene.frame(0, "gap", (67, 68), r#","lost":5,"reason":"slow_consumer""#);
    scene.frame(0, "conflated", (69, 70), "");
    scene.frame(1, "update", (64, 64), &trades(&[99]));
    scene.snapshot(0, (81, 81), &trades(&[81]));
    assert_eq!(scene.faults(), ["conflated_trades 1", "digits 1", "silent_loss 1", "sum 2"]);
}

#[test]
fn a_skipped_range_of_a_book_needs_a_snapshot() {
    let mut scene = Scene::granted(Channel::Book, 2, 5);
    for connection in 0..2 {
        scene.snapshot(connection, (5, 5), &levels(r#"["1","2"]"#, "", "12"));
        scene.frame(connection, "conflated", (6, 9), "");
    }
    scene.snapshot(0, (10, 10), &levels(r#"["1","3"]"#, "", "13"));
    assert_eq!(scene.verifier.found(), 0);
    scene.frame(1, "update", (10, 10), &levels(r#"["1","3"]"#, "", "13"));
    scene.frame(1, "update", (11, 11), &levels(r#"["1","4"]"#, "", "14"));
    assert_eq!(scene.faults(), ["unmendable 1"]);
}

#[test]
fn book10_is_whole_ordered_and_has_its_own_checksum() {
    let mut scene = Scene::granted(Channel::Book10, 1, 5);
    scene.snapshot(0, (5, 5), &levels(r#"["2","1"],["1","1"]"#, r#"["3","1"]"#, "312111"));
    assert_eq!(scene.verifier.found(), 0);
    scene.frame(0, "update", (6, 6), &levels(r#"["2","1"],["1","1"]"#, "", "2112"));
    scene.frame(0, "update", (7, 7), &levels(r#"["1","1"],["2","1"]"#, "", "2111"));
    scene.frame(0, "update", (8, 8), r#","bids":"x""#);
    assert_eq!(scene.faults(), ["checksum 1", "malformed 1", "not_top_ten 1"]);
}

#[test]
fn a_fresh_snapshot_may_take_the_topic_back_when_it_was_asked_for() {
    let mut scene = Scene::granted(Channel::Book, 1, 5);
    scene.snapshot(0, (5, 5), &levels(r#"["1","2"]"#, "", "12"));
    scene.frame(0, "update", (6, 6), &levels(r#"["1","3"]"#, "", "13"));
    assert!(scene.verifier.compare(&mut scene.watched[0], "sim:A"));
    assert!(!scene.verifier.compare(&mut scene.watched[0], "sim:A"));
    assert_eq!(scene.verifier.comparisons_due(), 1);
    scene.grant(0, 5);
    let fresh = format!(r#","rx":9{}"#, levels(r#"["1","2"]"#, "", "12"));
    scene.snapshot(0, (5, 5), &fresh);
    assert!(scene.frame(0, "update", (6, 6), &levels(r#"["1","3"]"#, "", "13")));
    assert!(!scene.frame(0, "update", (7, 7), &levels(r#"["1","4"]"#, "", "14")));
    assert_eq!(scene.verifier.comparisons_due(), 0);
    let verification = &scene.verifier.verification;
    assert_eq!((verification.asked, verification.answered, verification.compared), (1, 1, 1));
    let account = verification.account;
    assert_eq!((account.spanned, account.delivered), (2, 2), "what is repeated is there once");
    assert_eq!(scene.faults(), NO_FAULTS);
}

#[test]
fn what_a_lost_connection_asked_for_is_not_waited_for() {
    let mut scene = Scene::granted(Channel::Quotes, 1, 5);
    scene.snapshot(0, (5, 5), r#","bid":"1""#);
    assert!(scene.verifier.compare(&mut scene.watched[0], "sim:A"));
    scene.verifier.forget(&scene.watched[0]);
    assert_eq!(scene.verifier.comparisons_due(), 0);
}

#[test]
fn symbols_of_a_pattern_may_appear() {
    let mut scene = Scene::asked(Channel::Quotes, 1);
    scene.reply(
        0,
        r#"{"id":1,"result":{"subscribed":[{"channel":"quotes","pattern":"sim:*","matched":1}]}}"#,
        false,
    );
    scene.text(0, r#"{"type":"update","channel":"quotes","symbol":"sim:B","seq":[1,1],"bid":"1"}"#);
    scene.text(0, r#"{"type":"update","channel":"quotes","symbol":"sim:B","seq":[3,3],"bid":"1"}"#);
    assert_eq!(scene.faults(), ["tiling 1"]);
}

#[test]
fn who_resumes_goes_on_after_what_it_has() {
    let mut scene = Scene::granted(Channel::Quotes, 1, 5);
    scene.snapshot(0, (5, 5), r#","bid":"1.0","ask":"1.1""#);
    scene.frame(0, "update", (6, 6), r#","bid":"1.0","ask":"1.2""#);
    assert_eq!(scene.come_back(0), ["e1 6"]);
    scene.reply(0, &granted("quotes", "e1", 6, true), false);
    scene.frame(0, "update", (7, 7), r#","bid":"1.0","ask":"1.3""#);
    // The log does not reach back: a snapshot comes.
    assert_eq!(scene.come_back(0), ["e1 7"]);
    scene.reply(0, &granted("quotes", "e1", 20, false), false);
    scene.snapshot(0, (20, 20), r#","bid":"1.0","ask":"1.5""#);
    // Another life of the broker.
    assert_eq!(scene.come_back(0), ["e1 20"]);
    scene.reply(0, &granted("quotes", "e2", 3, false), false);
    scene.frame(0, "snapshot", (3, 3), r#","epoch":"e2","state":"live","bid":"2.0","ask":"2.5""#);
    assert_eq!(scene.come_back(0), ["e2 3"]);
    assert_eq!(scene.verifier.verification.resumed, 1);
    assert_eq!(scene.faults(), NO_FAULTS);
}

#[test]
fn what_is_lost_in_between_is_found() {
    let mut scene = Scene::granted(Channel::Trades, 3, 5);
    for connection in 0..3 {
        scene.snapshot(connection, (5, 5), r#","trades":[{"price":"1","size":"1"}]"#);
        scene.come_back(connection);
    }
    // Trades that the log has no more are told.
    scene.reply(0, &granted("trades", "e1", 5, false), false);
    scene.frame(0, "gap", (6, 9), r#","lost":4,"reason":"slow_consumer""#);
    // One is missing.
    scene.reply(1, &granted("trades", "e1", 5, true), false);
    scene.frame(1, "update", (7, 7), r#","trades":[{"price":"1","size":"7"}]"#);
    // It goes on elsewhere than asked, and without a snapshot.
    scene.reply(2, &granted("trades", "e1", 9, true), false);
    scene.frame(2, "update", (10, 10), r#","trades":[{"price":"1","size":"9"}]"#);
    assert_eq!(scene.verifier.verification.account.lost, 4);
    assert_eq!(scene.faults(), ["no_snapshot 1", "tiling 1"]);
}

/// The reply to a request to resume.
fn granted(channel: &str, epoch: &str, seq: u64, resumed: bool) -> String {
    format!(
        r#"{{"id":1,"result":{{"subscribed":[{{"channel":"{channel}","symbol":"sim:A","epoch":"{epoch}","seq":{seq},"resumed":{resumed},"state":"live"}}]}}}}"#
    )
}
