//! What happens in a history, and how it is drawn.

use super::venue::{Logs, Message};
use proptest::collection::vec;
use proptest::prelude::*;
use schemas::model::{Channel, State};

/// One step. Symbols, connections and the like are drawn as numbers and taken modulo how many there are.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// The venue sends something, so many times.
    Send(Sending),
    /// The same, while the shard writes: at the so manieth write from now.
    SendDuringWrites(u8, Sending),
    /// A new symbol, and what comes before the shard has a look at it.
    Open(Message, u16),
    /// A client connects; this many bytes are in its socket's way before it is full.
    Connect(usize),
    Subscribe(Subscribe),
    /// With the symbols and patterns of these numbers.
    Unsubscribe {
        client: u8,
        channel: Channel,
        wanted: Vec<u8>,
    },
    /// What it holds, or a ping.
    Ask {
        client: u8,
        ping: bool,
    },
    /// A client reads.
    Read {
        client: u8,
        bytes: usize,
    },
    /// A client stops reading: its socket is full.
    Stop {
        client: u8,
    },
    /// A socket is said to be writable, and may not be.
    Wake {
        client: u8,
    },
    Leave {
        client: u8,
    },
    /// Its socket breaks; this shows when it is written to.
    Break {
        client: u8,
    },
    /// One turn, if there is a reason for one.
    Turn,
    /// As many turns as it takes.
    Rest,
    Tick {
        tier: usize,
    },
    /// Milliseconds go by.
    Wait(u64),
    Sweep,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    pub(super) symbol: u8,
    pub(super) message: Message,
    pub(super) times: u16,
}

#[derive(Debug, Clone)]
pub(super) struct Subscribe {
    pub(super) client: u8,
    pub(super) channel: Channel,
    /// Numbers of symbols and patterns.
    pub(super) wanted: Vec<u8>,
    pub(super) tier: usize,
    pub(super) disconnect: bool,
    pub(super) adaptive: bool,
    pub(super) snapshot: bool,
    pub(super) resume: Option<Resume>,
}

/// After what a client asks to go on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resume {
    /// What it has.
    Own,
    /// So many before the head.
    Before(u16),
    /// So many beyond the head.
    Beyond(u16),
    /// The head, of another life of the topic.
    OtherLife,
}

/// When subscriptions are moved to slower tiers and back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adaptation {
    pub(super) demote_after_ms: u64,
    pub(super) promote_after_ms: u64,
    pub(super) interval_ms_max: u32,
}

/// What holds for a whole history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) logs: Logs,
    pub(super) conflate_after_ms: u64,
    pub(super) adaptation: Adaptation,
    pub(super) turn_ms_max: u64,
    /// What a client may hold.
    pub(super) subscriptions_max: usize,
    /// Bytes of replies that may wait.
    pub(super) control_bytes_max: usize,
    /// Bytes that the sockets of the first two clients take before they are full.
    pub(super) rooms: [usize; 2],
    /// How long a look at the clock takes: with a millisecond a turn is over after a few of them.
    pub(super) look_us: u64,
}

pub(super) fn setting() -> impl Strategy<Value = Setting> {
    let logs = (
        prop_oneof![2 => Just(64), 1 => Just(1_024)],
        prop_oneof![4 => Just(usize::MAX), 1 => Just(0), 1 => Just(120_000)],
        prop_oneof![Just(3), Just(40), Just(256)],
    );
    let logs = logs.prop_map(|(entries, bytes_max, image_every)| Logs { entries, bytes_max, image_every });
    let conflate_after_ms = prop_oneof![Just(0), Just(200)];
    let adaptation = (
        prop_oneof![Just(0), Just(300)],
        prop_oneof![Just(100), Just(5_000)],
        prop_oneof![Just(100), Just(50)],
    );
    let adaptation = adaptation.prop_map(|(demote_after_ms, promote_after_ms, interval_ms_max)| Adaptation {
        demote_after_ms,
        promote_after_ms,
        interval_ms_max,
    });
    let turn_ms_max = prop_oneof![Just(5), Just(0)];
    let look_us = prop_oneof![3 => Just(0), 1 => Just(900)];
    let rooms = prop_oneof![2 => Just(1 << 40), 1 => 300..4_000_usize];
    let rooms = [Just(1 << 40).boxed(), rooms.boxed()];
    let subscriptions_max = prop_oneof![4 => Just(4_096), 1 => 1..8_usize];
    let control_bytes_max = prop_oneof![4 => Just(65_536), 1 => 1..800_usize];
    let limits = (subscriptions_max, control_bytes_max);
    (logs, conflate_after_ms, adaptation, turn_ms_max, limits, look_us, rooms).prop_map(
        |(logs, conflate_after_ms, adaptation, turn_ms_max, limits, look_us, rooms)| Setting {
            subscriptions_max: limits.0,
            control_bytes_max: limits.1,
            logs,
            conflate_after_ms,
            adaptation,
            turn_ms_max,
            look_us,
            rooms,
        },
    )
}

pub(super) fn ops(count: usize) -> impl Strategy<Value = Vec<Op>> {
    vec(op(), 1..count)
}

/// With clients that are late again and again, and recover.
pub(super) fn late_ops(count: usize) -> impl Strategy<Value = Vec<Op>> {
    let part = prop_oneof![
        6 => op().prop_map(|op| vec![op]),
        2 => lateness(),
        1 => (0..3_u8).prop_map(recovery),
    ];
    vec(part, 1..count).prop_map(|parts| parts.concat())
}

/// A client subscribes, and from then on reads too little of what comes. Then it may ask for the same once more.
fn lateness() -> impl Strategy<Value = Vec<Op>> {
    let channels = prop_oneof![
        Just((Channel::Trades, Message::Trades(2))),
        Just((Channel::Quotes, Message::Quote)),
        Just((Channel::Book, Message::Book)),
    ];
    let round = (1..5_u16, 1..400_usize, prop_oneof![Just(20_u64), Just(250)], any::<bool>());
    let again = prop_oneof![2 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(4))];
    (0..3_u8, channels, subscribe(), vec(round, 2..8), again).prop_map(
        |(client, (channel, message), subscribe, rounds, again)| {
            let wanted =
                |one| Op::Subscribe(Subscribe { client, channel, wanted: vec![one], ..subscribe.clone() });
            let mut ops = vec![wanted(0), Op::Rest, Op::Stop { client }];
            for (times, bytes, ms, ticks) in rounds {
                ops.push(Op::Send(Sending { symbol: 0, message, times }));
                ops.push(Op::Turn);
                ops.extend(ticks.then_some(Op::Tick { tier: 1 }));
                ops.extend([Op::Wait(ms), Op::Read { client, bytes }, Op::Turn]);
            }
            ops.extend(again.map(wanted));
            ops
        },
    )
}

/// A client reads all, and keeps up for a while.
fn recovery(client: u8) -> Vec<Op> {
    vec![Op::Read { client, bytes: 1 << 40 }, Op::Rest, Op::Wait(6_000), Op::Sweep, Op::Rest]
}

fn op() -> impl Strategy<Value = Op> {
    let client = any::<u8>;
    prop_oneof![
        10 => sending().prop_map(Op::Send),
        1 => (0..4_u8, sending()).prop_map(|(writes, sending)| Op::SendDuringWrites(writes, sending)),
        1 => (message(), times()).prop_map(|(message, times)| Op::Open(message, times)),
        2 => room().prop_map(Op::Connect),
        8 => subscribe().prop_map(Op::Subscribe),
        2 => (client(), channel(), wanted()).prop_map(|(client, channel, wanted)| Op::Unsubscribe { client, channel, wanted }),
        1 => (client(), any::<bool>()).prop_map(|(client, ping)| Op::Ask { client, ping }),
        8 => (client(), room()).prop_map(|(client, bytes)| Op::Read { client, bytes }),
        1 => client().prop_map(|client| Op::Wake { client }),
        1 => prop_oneof![
            3 => client().prop_map(|client| Op::Leave { client }),
            1 => client().prop_map(|client| Op::Break { client }),
        ],
        6 => Just(Op::Turn),
        5 => Just(Op::Rest),
        3 => (1..3_usize).prop_map(|tier| Op::Tick { tier }),
        2 => prop_oneof![3 => 1..400_u64, 1 => Just(20_000), 1 => Just(40_000)].prop_map(Op::Wait),
        1 => Just(Op::Sweep),
    ]
}

fn sending() -> impl Strategy<Value = Sending> {
    (any::<u8>(), message(), times()).prop_map(|(symbol, message, times)| Sending { symbol, message, times })
}

/// Mostly one; sometimes more than a small log holds.
fn times() -> impl Strategy<Value = u16> {
    prop_oneof![20 => Just(1), 6 => 2..12_u16, 2 => 60..80_u16, 1 => 120..260_u16]
}

fn message() -> impl Strategy<Value = Message> {
    let state =
        prop_oneof![Just(State::Live), Just(State::Stale), Just(State::Resyncing), Just(State::Halted)];
    prop_oneof![
        6 => Just(Message::Quote),
        1 => Just(Message::Ticker),
        6 => (1..6_u8).prop_map(Message::Trades),
        6 => Just(Message::Book),
        1 => Just(Message::NewBook),
        1 => Just(Message::LostBook),
        1 => (1..4_u8).prop_map(Message::Loss),
        2 => state.prop_map(Message::State),
        1 => prop_oneof![Just(Message::Suspended), Just(Message::Resumed)],
    ]
}

/// Bytes that a socket takes: whatever comes, nothing, part of a frame, or a few frames.
fn room() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(1 << 40), 1 => Just(0), 3 => 1..300_usize, 2 => 300..4_000_usize]
}

fn channel() -> impl Strategy<Value = Channel> {
    prop_oneof![
        3 => Just(Channel::Trades),
        3 => Just(Channel::Quotes),
        1 => Just(Channel::Ticker),
        1 => Just(Channel::Book10),
        3 => Just(Channel::Book),
        1 => Just(Channel::Status),
    ]
}

fn wanted() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![4 => 0..4_u8, 1 => 4..8_u8], 1..3)
}

fn subscribe() -> impl Strategy<Value = Subscribe> {
    let tier = prop_oneof![3 => Just(0_usize), 2 => 1..3_usize];
    let rarely = || prop::bool::weighted(0.2);
    let resume = prop_oneof![
        2 => Just(Resume::Own),
        2 => prop_oneof![0..12_u16, 0..300_u16, Just(u16::MAX)].prop_map(Resume::Before),
        1 => (1..3_u16).prop_map(Resume::Beyond),
        1 => Just(Resume::OtherLife),
    ];
    let resume = prop_oneof![5 => Just(None), 2 => resume.prop_map(Some)];
    let adaptive = prop::bool::weighted(0.4);
    (any::<u8>(), channel(), wanted(), tier, rarely(), adaptive, rarely(), resume).prop_map(
        |(client, channel, wanted, tier, disconnect, adaptive, snapshot, resume)| Subscribe {
            client,
            channel,
            wanted,
            tier,
            disconnect,
            adaptive,
            snapshot,
            resume,
        },
    )
}
