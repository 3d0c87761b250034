//! Histories that once went wrong, as short as proptest made them.

use super::op::{Adaptation, Op, Resume, Sending, Setting, Subscribe};
use super::venue::{Logs, Message, number};
use super::{play, run};
use schemas::model::{Channel, State};

const AMPLE: Setting = Setting {
    logs: Logs { entries: 64, bytes_max: usize::MAX, image_every: 3 },
    conflate_after_ms: 0,
    adaptation: Adaptation { demote_after_ms: 0, promote_after_ms: 5_000, interval_ms_max: 100 },
    turn_ms_max: 5,
    subscriptions_max: 4_096,
    control_bytes_max: 65_536,
    look_us: 0,
    rooms: [1 << 40; 2],
};

/// Completed chunks leave the logs at once.
const SCARCE: Setting = Setting { logs: Logs { bytes_max: 0, ..AMPLE.logs }, ..AMPLE };

/// Symbol 0 sends so many.
fn send(message: Message, times: u16) -> Op {
    Op::Send(Sending { symbol: 0, message, times })
}

/// A client subscribes to symbol 0.
fn wants(client: u8, channel: Channel, tier: usize) -> Subscribe {
    Subscribe {
        client,
        channel,
        wanted: vec![0],
        tier,
        disconnect: false,
        adaptive: false,
        snapshot: false,
        resume: None,
    }
}

/// The first client subscribes to symbol 0.
fn subscribe(channel: Channel, tier: usize) -> Op {
    Op::Subscribe(wants(0, channel, tier))
}

fn holds(setting: Setting, ops: &[Op]) {
    run(setting, ops).expect("every frame is right");
}

/// How many clients are closed in a history because they read too slowly.
fn closed(ops: &[Op]) -> u64 {
    let world = play(AMPLE, ops).expect("every frame is right");
    let closed = world.shard.counts.closed_slow;
    world.end().expect("all ends well");
    closed
}

#[test]
fn a_new_book_ends_the_range_of_a_tier_at_once() {
    let before = [send(Message::Book, 1), subscribe(Channel::Book, 1), Op::Rest];
    holds(AMPLE, &[&before[..], &[send(Message::NewBook, 1), Op::Rest]].concat());
}

#[test]
fn no_tier_delays_a_status() {
    holds(AMPLE, &[subscribe(Channel::Status, 1), Op::Rest, send(Message::Book, 1), Op::Rest]);
}

#[test]
fn states_alone_leave_a_book_within_reach() {
    let states = send(Message::State(State::Live), 128);
    holds(AMPLE, &[send(Message::Book, 1), states, subscribe(Channel::Book, 0), Op::Rest]);
}

#[test]
fn data_that_left_the_log_comes_with_the_state_after_it() {
    let states = send(Message::State(State::Live), 4);
    holds(SCARCE, &[subscribe(Channel::Quotes, 0), send(Message::Quote, 60), states]);
}

#[test]
fn a_state_is_not_forgotten_behind_many_losses() {
    let after = [send(Message::Trades(1), 1), send(Message::Loss(1), 64), Op::Rest];
    holds(SCARCE, &[&[subscribe(Channel::Trades, 0)][..], &after].concat());
}

#[test]
fn who_gives_up_a_symbol_that_the_shard_has_not_seen_is_not_subscribed_to_it() {
    let wanted = |wanted| Subscribe { wanted: vec![wanted], ..wants(0, Channel::Trades, 0) };
    let all = Op::Subscribe(wanted(4));
    let without = Op::Unsubscribe { client: 0, channel: Channel::Trades, wanted: vec![0] };
    holds(AMPLE, &[all, without, send(Message::Trades(1), 1), Op::Rest]);
}

#[test]
fn a_tier_whose_last_tick_has_left_the_log_does_not_keep_the_shard_busy() {
    // The second client is full; the last tick that it was not served up to is overtaken.
    let full = [Op::Connect(400), Op::Rest];
    let mut joins = Vec::new();
    for client in [0, 2] {
        joins.push(Op::Subscribe(wants(client, Channel::Quotes, 1)));
    }
    let ticks = [send(Message::Quote, 3), Op::Rest, Op::Tick { tier: 1 }, Op::Rest];
    let reads = [send(Message::Quote, 200), Op::Read { client: 2, bytes: 1 << 20 }, Op::Rest];
    holds(AMPLE, &[&[send(Message::Quote, 1)][..], &full, &joins, &ticks, &reads].concat());
}

#[test]
fn who_resumes_in_a_tier_between_the_trades_of_an_entry_gets_its_rest() {
    let begin = [subscribe(Channel::Trades, 0), send(Message::Trades(1), 1), Op::Turn];
    let resume = Op::Subscribe(Subscribe { resume: Some(Resume::Before(1)), ..wants(0, Channel::Trades, 1) });
    holds(AMPLE, &[&begin[..], &[send(Message::Trades(2), 1), resume, Op::Rest]].concat());
}

#[test]
fn who_takes_a_byte_has_not_stalled() {
    let waits = [Op::Connect(0), Op::Rest, Op::Wait(20_000), Op::Read { client: 2, bytes: 1 }, Op::Rest];
    holds(AMPLE, &[&waits[..], &[Op::Wait(20_000), Op::Sweep]].concat());
}

#[test]
fn who_would_rather_be_closed_is_when_a_tick_of_its_tier_comes_before_it_took_the_last() {
    let rather_closed = Op::Subscribe(Subscribe { disconnect: true, ..wants(0, Channel::Quotes, 1) });
    let begin = [send(Message::Quote, 1), rather_closed, Op::Rest, Op::Stop { client: 0 }];
    let tick = [send(Message::Quote, 5), Op::Rest, Op::Tick { tier: 1 }, Op::Rest, Op::Wait(50)];
    let reads = [send(Message::Quote, 5), Op::Read { client: 0, bytes: 1 << 20 }, Op::Rest];
    assert_eq!(closed(&[&begin[..], &tick, &reads].concat()), 0, "one frame waits, and no other is due");
    assert_eq!(closed(&[&begin[..], &tick, &tick, &reads].concat()), 1);
}

#[test]
fn who_is_demoted_is_told_before_what_comes_at_the_new_rate() {
    let adaptive = Subscribe { adaptive: true, ..wants(0, Channel::Quotes, 0) };
    let mut ops = vec![Op::Subscribe(adaptive), Op::Rest, Op::Stop { client: 0 }];
    for _ in 0..12 {
        ops.extend([
            send(Message::Quote, 5),
            Op::Turn,
            Op::Wait(10),
            Op::Read { client: 0, bytes: 150 },
            Op::Turn,
        ]);
    }
    ops.extend([Op::Read { client: 0, bytes: 1 << 40 }, Op::Rest]);
    let world = play(AMPLE, &ops).expect("every frame is right");
    assert_eq!(world.shard.counts.demotions, 1, "a tick that does not come cannot be late");
    world.end().expect("all ends well");
    ops.extend([Op::Wait(6_000), Op::Sweep, Op::Rest, send(Message::Quote, 3), Op::Rest]);
    let world = play(AMPLE, &ops).expect("every frame is right");
    assert_eq!(world.shard.counts.promotions, 1);
    world.end().expect("all ends well");
}

#[test]
fn a_snapshot_of_trades_replaces_none_that_are_owed_in_a_tier_or_to_who_is_behind() {
    let again = |tier| Op::Subscribe(Subscribe { snapshot: true, ..wants(0, Channel::Trades, tier) });
    let trades = send(Message::Trades(2), 40);
    for tier in [0, 1] {
        let begin = [send(Message::Trades(2), 1), subscribe(Channel::Trades, tier), Op::Rest];
        holds(AMPLE, &[&begin[..], &[trades.clone(), again(tier), Op::Rest]].concat());
        // What has left the log is a gap that ends where the snapshot does.
        let late =
            [Op::Stop { client: 0 }, trades.clone(), Op::Rest, again(tier), send(Message::Trades(1), 200)];
        let reads = [Op::Read { client: 0, bytes: 1 << 20 }, Op::Rest];
        holds(SCARCE, &[&begin[..], &late, &reads].concat());
    }
}

#[test]
fn the_end_of_a_pattern_leaves_what_is_held_by_name_or_by_another_pattern() {
    let wanted = |wanted| Op::Subscribe(Subscribe { wanted, ..wants(0, Channel::Quotes, 0) });
    let end = |wanted| Op::Unsubscribe { client: 0, channel: Channel::Quotes, wanted };
    let news = |symbol| Op::Send(Sending { symbol, message: Message::Quote, times: 1 });
    let open = [Op::Open(Message::Quote, 1), Op::Open(Message::Quote, 1)];
    // All by a pattern, B by name, A and AB by another pattern.
    let begin = [wanted(vec![4]), wanted(vec![2]), wanted(vec![5]), Op::Rest, end(vec![4])];
    let after = [news(0), news(1), news(2), news(3), Op::Rest, Op::Ask { client: 0, ping: false }, Op::Rest];
    let ops = [&open[..], &begin, &after].concat();
    let world = play(AMPLE, &ops).expect("every frame is right");
    assert_eq!(world.peers[0].held.len(), 3);
    world.end().expect("all ends well");
    holds(AMPLE, &[&ops[..], &[end(vec![2, 5, 5]), news(0), news(2), Op::Rest]].concat());
}

#[test]
fn what_a_pattern_leaves_out_is_told_once() {
    let wanted = |wanted| Op::Subscribe(Subscribe { wanted, ..wants(0, Channel::Quotes, 0) });
    let open = Op::Open(Message::Quote, 1);
    // A pattern and the two symbols that are there.
    let full = Setting { subscriptions_max: 3, ..AMPLE };
    let begin = [wanted(vec![4]), Op::Rest, open.clone(), Op::Rest];
    let world = play(full, &[&begin[..], &[open.clone(), Op::Rest]].concat()).expect("every frame is right");
    assert_eq!(world.shard.counts.subscriptions_refused, 2);
    world.end().expect("all ends well");
    let room = Op::Unsubscribe { client: 0, channel: Channel::Quotes, wanted: vec![0] };
    let world = play(full, &[&begin[..], &[room, open, Op::Rest]].concat()).expect("every frame is right");
    assert_eq!(world.peers[0].held.len(), 2);
    world.end().expect("all ends well");
}

#[test]
fn what_several_patterns_bring_is_served_as_the_last_one_asked_for() {
    let wanted =
        |pattern, tier| Op::Subscribe(Subscribe { wanted: vec![pattern], ..wants(0, Channel::Quotes, tier) });
    let open = Op::Open(Message::Quote, 1);
    let ask = [Op::Rest, Op::Ask { client: 0, ping: false }, Op::Rest];
    let (all, of_b) = (4, 7);
    let begin = [wanted(all, 1), wanted(of_b, 0), open.clone()];
    let again = [wanted(of_b, 2), wanted(all, 1), open];
    let world = play(AMPLE, &[&begin[..], &ask, &again, &ask].concat()).expect("every frame is right");
    let mut tiers: Vec<_> = world.peers[0].held.values().map(|options| options.tier).collect();
    tiers.dedup();
    assert_eq!(tiers, [1]);
    world.end().expect("all ends well");
}

#[test]
fn who_goes_ahead_of_its_tick_gets_all_that_this_takes() {
    // The frame that says what is skipped is cut off; what replaces it follows, and not only with the next tick.
    let begin =
        [subscribe(Channel::Quotes, 1), send(Message::Quote, 2), Op::Rest, Op::Tick { tier: 1 }, Op::Rest];
    let full = [Op::Stop { client: 0 }, send(Message::Quote, 1), Op::Rest, Op::Tick { tier: 1 }, Op::Rest];
    let reads = [50, 1 << 20].map(|bytes| Op::Read { client: 0, bytes });
    let reads = [send(Message::Quote, 200), reads[0].clone(), Op::Turn, reads[1].clone(), Op::Rest];
    holds(AMPLE, &[&begin[..], &full, &reads].concat());
}

#[test]
fn who_was_told_what_is_skipped_gets_what_replaces_it_in_whatever_tier() {
    let other = Op::Subscribe(wants(1, Channel::Quotes, 1));
    let begin = [send(Message::Quote, 1), other, subscribe(Channel::Quotes, 0), Op::Rest];
    let late = [Op::Stop { client: 0 }, send(Message::Quote, 5), Op::Turn, Op::Wait(10)];
    let reads = [50, 1 << 20].map(|bytes| Op::Read { client: 0, bytes });
    let reads = [reads[0].clone(), Op::Turn, subscribe(Channel::Quotes, 1), reads[1].clone(), Op::Rest];
    holds(AMPLE, &[&begin[..], &late, &reads].concat());
}

#[test]
fn who_resumes_in_a_tier_beyond_its_last_tick_does_not_keep_the_shard_busy() {
    // The second client has what came after the tick; the log has neither that nor the tick.
    let slow = Op::Subscribe(wants(0, Channel::Trades, 1));
    let quick = wants(1, Channel::Trades, 0);
    let joins = [send(Message::Trades(1), 1), slow, Op::Subscribe(quick.clone()), Op::Rest];
    let goes_on = [send(Message::Trades(1), 5), Op::Rest, send(Message::Trades(1), 100)];
    let resumes = Op::Subscribe(Subscribe { resume: Some(Resume::Own), tier: 1, ..quick });
    let ticks = [resumes, Op::Rest, Op::Tick { tier: 1 }, Op::Rest];
    holds(SCARCE, &[&joins[..], &goes_on, &ticks].concat());
}

/// A tier of trades has its last tick at 7, and then so many come that the log, which ends with 107, has nothing of all that.
fn lost_trades() -> Vec<Op> {
    let slow = Op::Subscribe(wants(0, Channel::Trades, 1));
    let begins = [send(Message::Trades(1), 1), slow, Op::Rest, send(Message::Trades(1), 5), Op::Rest];
    [&begins[..], &[Op::Tick { tier: 1 }, Op::Rest, send(Message::Trades(1), 100), Op::Rest]].concat()
}

/// The second client resumes them in that tier, and would rather be closed than late. Says up to where it is served until the
/// next tick.
fn resumes_lost_trades(client: &[Op], before: u16) -> Option<u64> {
    let resume = Some(Resume::Before(before));
    let resumes = Op::Subscribe(Subscribe { resume, disconnect: true, ..wants(1, Channel::Trades, 1) });
    let reads = [resumes, Op::Rest, Op::Read { client: 1, bytes: 1 << 20 }, Op::Rest];
    let world = play(SCARCE, &[&lost_trades(), client, &reads].concat()).expect("every frame is right");
    assert_eq!(world.shard.counts.closed_slow, 0);
    let at = world.peers[1].client.at(number(0, Channel::Trades));
    world.end().expect("all ends well");
    at
}

#[test]
fn who_resumes_lost_trades_in_a_tier_is_told_so_up_to_its_last_tick_and_then_with_the_next() {
    assert_eq!(resumes_lost_trades(&[], 103), Some(7));
    assert_eq!(resumes_lost_trades(&[], 98), Some(9));
}

#[test]
fn who_resumes_in_a_tier_beyond_its_last_tick_is_not_late() {
    let is_full = [Op::Stop { client: 1 }, Op::Ask { client: 1, ping: true }, Op::Rest, Op::Wait(50)];
    assert_eq!(resumes_lost_trades(&is_full, 98), Some(9));
}

#[test]
fn a_tier_may_begin_with_an_early_frame_where_a_shard_has_to_read_on_in_what_left_the_log() {
    let other = [send(Message::Book, 1), subscribe(Channel::Book, 0), Op::Rest];
    let resumes = Subscribe { resume: Some(Resume::Before(0)), ..wants(1, Channel::Book, 1) };
    let begins = [send(Message::Book, 200), Op::Subscribe(resumes), send(Message::Book, 1), Op::Rest];
    holds(AMPLE, &[&other[..], &begins].concat());
}
