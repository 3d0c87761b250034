//! Which symbols a connection watches.

use crate::random::Random;
use std::sync::Arc;

/// How interest is spread over the symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Popularity {
    /// Every symbol is as likely as any other.
    Uniform,
    /// The n-th symbol is watched 1/n as often as the first one.
    Zipf,
    /// Every connection watches all symbols.
    All,
}

/// Draws distinct symbols, by number.
#[derive(Debug)]
pub struct Chooser {
    popularity: Popularity,
    symbols: usize,
    /// For Zipf: the summed weights up to and with each symbol.
    summed: Vec<f64>,
    all: Arc<[u32]>,
}

impl Chooser {
    /// Draws from `symbols` symbols.
    #[must_use]
    pub fn new(popularity: Popularity, symbols: u32) -> Self {
        let summed = match popularity {
            Popularity::Zipf => zipf_sums(symbols),
            Popularity::Uniform | Popularity::All => Vec::new(),
        };
        let all = if popularity == Popularity::All { (0..symbols).collect() } else { Arc::from([]) };
        Self { popularity, symbols: symbols as usize, summed, all }
    }

    /// `count` distinct symbols in random order; fewer if there are no more. With [`Popularity::All`] all of them, in
    /// one list that all connections share.
    pub fn choose(&self, count: usize, random: &mut Random) -> Arc<[u32]> {
        if self.popularity == Popularity::All {
            return self.all.clone();
        }
        let count = count.min(self.symbols);
        // When most symbols are wanted, drawing until `count` distinct ones are found would not end soon.
        if count * 2 > self.symbols { self.ranked(count, random) } else { self.drawn(count, random) }
    }

    fn drawn(&self, count: usize, random: &mut Random) -> Arc<[u32]> {
        let mut chosen = Vec::with_capacity(count);
        let mut draws_left = 64 * count;
        while chosen.len() < count && draws_left > 0 {
            draws_left -= 1;
            let symbol = self.draw(random);
            if !chosen.contains(&symbol) {
                chosen.push(symbol);
            }
        }
        if chosen.len() < count { self.ranked(count, random) } else { chosen.into() }
    }

    fn draw(&self, random: &mut Random) -> u32 {
        let index = match self.summed.last() {
            None => random.below(self.symbols),
            Some(total) => {
                let point = random.unit() * total;
                self.summed.partition_point(|sum| *sum <= point)
            }
        };
        u32::try_from(index.min(self.symbols.saturating_sub(1))).unwrap_or(0)
    }

    /// All symbols ordered by exponential times with their weights as rates, the first `count` of them: a draw without
    /// replacement with these weights (Efraimidis and Spirakis, 2006).
    fn ranked(&self, count: usize, random: &mut Random) -> Arc<[u32]> {
        let mut ranked: Vec<(f64, u32)> =
            (0..self.symbols).map(|i| (-(1.0 - random.unit()).ln() / self.weight(i), index(i))).collect();
        ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        ranked.into_iter().take(count).map(|(_, symbol)| symbol).collect()
    }

    fn weight(&self, symbol: usize) -> f64 {
        match self.summed.get(symbol) {
            None => 1.0,
            Some(sum) => sum - symbol.checked_sub(1).map_or(0.0, |before| self.summed[before]),
        }
    }
}

fn index(symbol: usize) -> u32 {
    u32::try_from(symbol).unwrap_or(u32::MAX)
}

fn zipf_sums(symbols: u32) -> Vec<f64> {
    (1..=symbols)
        .scan(0.0, |sum, rank| {
            *sum += 1.0 / f64::from(rank);
            Some(*sum)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(popularity: Popularity, symbols: u32, count: usize, times: u64) -> Vec<Arc<[u32]>> {
        let chooser = Chooser::new(popularity, symbols);
        (0..times).map(|i| chooser.choose(count, &mut Random::new(3, i))).collect()
    }

    #[test]
    fn symbols_of_a_connection_are_distinct() {
        for popularity in [Popularity::Uniform, Popularity::Zipf] {
            for count in [1, 20, 60, 100, 500] {
                for chosen in choices(popularity, 100, count, 20) {
                    let mut sorted = chosen.to_vec();
                    sorted.sort_unstable();
                    sorted.dedup();
                    assert_eq!(sorted.len(), count.min(100));
                    assert!(sorted.iter().all(|symbol| *symbol < 100));
                }
            }
        }
    }

    #[test]
    fn zipf_prefers_the_first_symbols_by_rank() {
        let mut seen = [0_u32; 50];
        for chosen in choices(Popularity::Zipf, 50, 1, 20_000) {
            seen[chosen[0] as usize] += 1;
        }
        let ratio = f64::from(seen[0]) / f64::from(seen[1]);
        assert!((1.7..2.3).contains(&ratio), "{ratio}");
        assert!(seen[0] > 20 * seen[49] && seen[49] > 0);
    }

    #[test]
    fn all_is_one_shared_list() {
        let all = choices(Popularity::All, 5, 2, 2);
        assert_eq!(*all[0], [0, 1, 2, 3, 4]);
        let chooser = Chooser::new(Popularity::All, 5);
        let mut random = Random::new(0, 0);
        assert!(Arc::ptr_eq(&chooser.choose(1, &mut random), &chooser.choose(1, &mut random)));
    }
}
