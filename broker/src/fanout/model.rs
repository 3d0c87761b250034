//! The fan-out against a simple model of the protocol.
//!
//! A history is a list of steps: a venue sends, clients come, ask, read or do not read, come back and leave, time goes by, a
//! shard has its turns. It is run in one thread, without sockets and without a clock. Each client reads every frame that it
//! is sent and holds it against what was published ([`truth`]) and what it was promised ([`client`]); when the shard has come
//! to rest, whoever reads has what is due, and at the end everybody has everything.
//!
//! proptest draws the histories and makes those that fail as short as it can. `PROPTEST_CASES` changes how many there are.

mod client;
mod found;
mod frame;
mod held;
mod op;
mod peer;
mod requests;
mod tiers;
mod truth;
mod venue;
mod world;

use op::{Op, Setting};
use proptest::prelude::*;
use proptest::test_runner::Config;
use world::World;

/// What a step comes to, or what was wrong.
type Check<T = ()> = Result<T, TestCaseError>;

fn wrong(what: impl Into<proptest::test_runner::Reason>) -> TestCaseError {
    TestCaseError::fail(what)
}

/// At most so many clients at once.
const CLIENTS_MAX: usize = 10;

/// Runs a history.
fn run(setting: Setting, ops: &[Op]) -> Check {
    play(setting, ops)?.end()
}

/// Runs a history up to its last step.
fn play(setting: Setting, ops: &[Op]) -> Check<World> {
    let mut world = World::new(setting);
    for room in setting.rooms {
        world.open();
        world.connect(room)?;
    }
    for (at, op) in ops.iter().enumerate() {
        world.step(op).map_err(|e| wrong(format!("{e}\nat step {at}, {op:?}")))?;
    }
    Ok(world)
}

impl World {
    fn step(&mut self, op: &Op) -> Check {
        match op {
            Op::Send(sending) => self.send(*sending),
            Op::SendDuringWrites(writes, sending) => self.send_during_writes(*writes, *sending),
            Op::Open(message, times) => {
                if let Some(symbol) = self.open() {
                    self.venue.borrow_mut().send(symbol, *message, *times);
                }
                return self.rest();
            }
            Op::Connect(room) if self.peers.len() < CLIENTS_MAX => return self.connect(*room),
            Op::Connect(_) => {}
            Op::Subscribe(wanted) => return self.subscribe(wanted),
            Op::Unsubscribe { client, channel, wanted } => {
                return self.unsubscribe(*client, *channel, wanted);
            }
            Op::Ask { client, ping } => return self.ask(*client, *ping),
            Op::Read { client, bytes } => {
                if let Some(at) = self.any_peer(*client) {
                    self.peers[at].wire.make_room(*bytes);
                }
            }
            Op::Stop { client } => {
                if let Some(at) = self.any_peer(*client) {
                    self.peers[at].wire.fill();
                }
            }
            Op::Wake { client } => {
                if let Some(at) = self.any_peer(*client) {
                    return self.wake(at);
                }
            }
            Op::Leave { client } => {
                if let Some(at) = self.any_peer(*client) {
                    return self.leave(at);
                }
            }
            Op::Break { client } => {
                if let Some(at) = self.any_peer(*client) {
                    self.peers[at].wire.break_off();
                }
            }
            Op::Turn => return self.turn().map(drop),
            Op::Rest => return self.rest(),
            Op::Tick { tier } => return self.tick(*tier),
            Op::Wait(ms) => return self.wait(*ms),
            Op::Sweep => return self.sweep(),
        }
        Ok(())
    }
}

const SHRINK_MS: u32 = 120_000;

/// So many histories, unless the environment says otherwise. One that fails is made shorter for some minutes at most, or it would not
/// be told.
fn histories(cases: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    Config { cases: asked.unwrap_or(cases), max_shrink_time: SHRINK_MS, ..Config::default() }
}

proptest! {
    #![proptest_config(histories(5_000))]

    #[test]
    fn every_frame_of_a_history_is_right(setting in op::setting(), ops in op::ops(40)) {
        run(setting, &ops)?;
    }

    #[test]
    fn every_frame_of_a_history_with_late_clients_is_right(setting in op::setting(), ops in op::late_ops(25)) {
        run(setting, &ops)?;
    }

    #[test]
    fn every_frame_of_a_long_history_is_right(setting in op::setting(), ops in op::ops(100)) {
        run(setting, &ops)?;
    }
}
