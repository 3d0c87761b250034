//! Pseudo-random numbers that are the same everywhere for the same seed.

/// What the state of a [`Random`] grows by: 2^64 by the golden ratio.
pub const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A generator by Steele, Lea and Flood's `SplitMix64`: 64 bits of state, fast, and good enough for a market.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `limit`; 0 if `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).unsigned_abs()).cast_signed()
    }

    /// True in `percent` of a hundred times.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// How often an even coin shows heads in a row: 0 half of the time, then 1, 2, ... up to 63.
    pub fn halvings(&mut self) -> u32 {
        self.bits().trailing_zeros().min(63)
    }
}

/// The finisher of `SplitMix64`: numbers that follow each other by [`STEP`], or some other odd step, have nothing in common
/// afterwards.
#[must_use]
pub const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Picks among ranks by Zipf's law: the n-th is picked in proportion to 1/n.
#[derive(Debug, Clone)]
pub struct Zipf {
    cumulative: Vec<u64>,
}

impl Zipf {
    /// Over `count` ranks, at least one.
    #[must_use]
    pub fn new(count: usize) -> Self {
        const FIRST: u64 = 1 << 40;
        let mut sum = 0;
        let cumulative = (1..=count.max(1) as u64).map(|n| {
            sum += FIRST / n;
            sum
        });
        Self { cumulative: cumulative.collect() }
    }

    /// A rank, from 0.
    pub fn pick(&self, random: &mut Random) -> usize {
        let at = random.below(self.cumulative[self.cumulative.len() - 1]);
        self.cumulative.partition_point(|sum| *sum <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_known_numbers() {
        // The reference values of SplitMix64 for the seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!([random.bits(), random.bits()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut random = Random::new(7);
        let drawn: Vec<_> = (0..1_000).map(|_| random.between(-2, 2)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&-2), Some(&2)));
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn the_first_rank_is_picked_twice_as_often_as_the_second() {
        let (zipf, mut random) = (Zipf::new(100), Random::new(3));
        let mut picked = [0u32; 100];
        (0..100_000).for_each(|_| picked[zipf.pick(&mut random)] += 1);
        let ratio = f64::from(picked[0]) / f64::from(picked[1]);
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
        assert!(picked[99] > 0);
    }
}
