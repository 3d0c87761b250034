//! What the benchmarks and the instruction counts share: frames as venues send them, machines that take them, topics that
//! are written and read. Each file in `benches/benches` asks one question; `src/bin/counts.rs` runs what must not drift.

pub mod events;
pub mod frames;
pub mod joiners;
pub mod rounds;
pub mod topics;
pub mod way_in;

/// As in the broker.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As much as a broker gives to all logs.
const LOG_BYTES_MAX: usize = 24 << 20;

/// A shard that nobody has to wake.
struct Awake;

impl table::Wake for Awake {
    fn wake(&self) {}
}
