//! Measures what subscribers of a market data broker get: how much, how late, and whether it is right.
//!
//! `loadgen run` opens thousands of connections from few threads, subscribes each to its share of the symbols, and
//! reports deliveries, latency from the intended time of each tick, what was conflated or lost, and what it cost the
//! broker and itself. With `--verify` it also proves the protocol's promises for every topic of every connection.
//!
//! `loadgen storm` cuts thousands of connections at once, and reports how they come back and what the others notice.
//!
//! `loadgen saturate` publishes as fast as subscribers take it, and sees that each gets each update. `loadgen floor`
//! measures a server that does nothing but write; with `--floor-pairs` it is measured in turns with the broker.
//!
//! `loadgen run --processes` shares a load among several processes, and `loadgen merge` makes one report of parts of a load.
//!
//! `loadgen compare` starts other servers, speaks their dialects, and measures all under the same load in turns.
//!
//! `loadgen soak` is a run for hours, with a verdict on what drifted. `loadgen report` compares runs that were kept.
//!
//! A thread is one poll loop ([`worker`]) over plain non-blocking sockets: no task is woken per frame, all sockets of a
//! thread share one receive buffer, and a frame is looked at where the kernel put it. That keeps the price of a
//! received frame close to that of the `recv` it came with.

pub mod ascii;
pub mod broker_stats;
pub mod class;
pub mod cli;
pub mod compare;
pub mod comparison;
pub mod connection;
pub mod counted;
pub mod counts;
pub mod cpu;
pub mod crew;
pub mod dialect;
pub mod exit;
pub mod failure;
pub mod floor;
pub mod frame;
pub mod handshake;
pub mod histogram;
pub mod http;
pub mod lead;
pub mod limits;
pub mod machine;
pub mod merge;
pub mod mix;
pub mod pairs;
pub mod part;
pub mod pass;
pub mod peer;
pub mod phase;
pub mod plan;
pub mod popularity;
pub mod processes;
pub mod progress;
pub mod publish;
pub mod random;
pub mod receive;
pub mod reply;
pub mod report;
pub mod request;
pub mod roll_call;
pub mod run;
pub mod saturate;
pub mod scan;
pub mod series;
pub mod soak;
pub mod steady;
pub mod storm;
pub mod streak;
pub mod symbols;
pub mod tally;
pub mod timers;
pub mod tls;
pub mod units;
pub mod verify;
pub mod worker;
