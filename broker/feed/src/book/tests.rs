use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn level(price: &str, size: &str) -> Level {
    Level { price: price.parse().unwrap(), size: size.parse().unwrap() }
}

fn ladder_of(prices: impl Iterator<Item = u32>) -> Vec<Level> {
    prices.map(|price| level(&price.to_string(), "1")).collect()
}

/// Bids 100, 99, ... and asks 101, 102, ..., twelve a side, published to a depth of ten.
fn book() -> Book {
    let mut book = Book::new(BookDepth::whole(10));
    book.reset(&ladder_of((89..=100).rev()), &ladder_of(101..=112)).unwrap();
    book
}

fn text(levels: &[Level]) -> String {
    levels.iter().map(|level| format!("{}x{}", level.price, level.size)).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_level_that_leaves_is_deleted_and_one_that_enters_is_set() {
    let mut book = book();
    let delta = book.apply(&[level("100.5", "2")], &[level("101", "0")]).unwrap().unwrap();
    assert_eq!(text(&delta.levels.bids), "100.5x2 91x0");
    assert_eq!(text(&delta.levels.asks), "101x0 111x1");
    assert!(delta.top10_changed && delta.top_changed);
    assert_eq!(delta.levels.checksum, checksum::of_book(&book.top10().asks, &book.top10().bids));
}

#[test]
fn what_changes_nothing_among_the_best_is_no_update() {
    let mut book = book();
    assert_eq!(book.apply(&[level("89", "5")], &[level("112", "0")]), Ok(None));
    assert_eq!(book.apply(&[level("95", "1")], &[level("300", "0")]), Ok(None), "a repeat");
    assert_eq!(book.apply(&[level("95", "0"), level("95", "1")], &[]), Ok(None), "gone and back");
    assert_eq!(book.apply(&[level("101", "1"), level("101", "0")], &[]), Ok(None), "in and out again");
}

#[test]
fn other_digits_of_the_same_size_are_a_change() {
    let mut book = book();
    let delta = book.apply(&[level("95", "1.0")], &[]).unwrap().unwrap();
    assert_eq!(text(&delta.levels.bids), "95x1.0");
    assert!(delta.top10_changed && !delta.top_changed);
}

#[test]
fn below_the_tenth_level_the_checksum_stays() {
    let mut book = Book::new(BookDepth::whole(11));
    book.reset(&ladder_of((89..=100).rev()), &[]).unwrap();
    let before = book.checksum();
    let delta = book.apply(&[level("90", "7")], &[]).unwrap().unwrap();
    assert!(!delta.top10_changed && !delta.top_changed);
    assert_eq!((delta.levels.checksum, book.checksum()), (before, before));
}

#[test]
fn a_subscribed_depth_forgets_what_drops_out() {
    let mut book = Book::new(BookDepth::subscribed(1000, 10));
    book.reset(&ladder_of((91..=100).rev()), &[]).unwrap();
    book.apply(&[level("100.5", "1")], &[]).unwrap();
    assert_eq!(book.len(), (10, 0));
    let delta = book.apply(&[level("100.5", "0")], &[]).unwrap().unwrap();
    assert_eq!(text(&delta.levels.bids), "100.5x0", "91 was forgotten");
    assert_eq!(book.published().bids.len(), 9);
}

#[test]
fn crossed_and_impossible_books_are_seen() {
    let mut book = book();
    assert!(!book.is_crossed());
    let refused = book.apply(&[level("100", "3")], &[level("101", "-1")]);
    assert_eq!(refused.unwrap_err().to_string(), "a level of size -1 at 101: sizes are not negative");
    assert_eq!(text(&book.top10().bids[..1]), "100x1", "nothing of the message was applied");
    book.apply(&[level("101", "1")], &[]).unwrap();
    assert!(book.is_crossed());
}

#[test]
fn a_snapshot_may_come_in_any_order_and_repeat_a_price() {
    let mut book = Book::new(BookDepth::whole(10));
    let bids = [level("2", "1"), level("3", "1"), level("2.0", "5"), level("1", "0")];
    book.reset(&bids, &[]).unwrap();
    assert_eq!(text(&book.published().bids), "3x1 2.0x5");
}

/// The book by the definition: whole maps, cut and compared.
#[derive(Default)]
struct Model {
    bids: BTreeMap<Decimal, Level>,
    asks: BTreeMap<Decimal, Level>,
}

impl Model {
    fn apply(&mut self, bids: &[Level], asks: &[Level], levels_max: usize) {
        for (side, changes) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in changes {
                side.remove(&level.price);
                if !level.size.is_zero() {
                    side.insert(level.price, *level);
                }
            }
        }
        while self.bids.len() > levels_max {
            self.bids.pop_first();
        }
        while self.asks.len() > levels_max {
            self.asks.pop_last();
        }
    }

    fn best(&self, depth: usize) -> (Vec<Level>, Vec<Level>) {
        (
            self.bids.values().rev().take(depth).copied().collect(),
            self.asks.values().take(depth).copied().collect(),
        )
    }
}

/// A subscriber: sets what it is told, and nothing else.
fn follow(side: &mut Vec<Level>, changes: &[Level], descending: bool) {
    for change in changes {
        let stood = side.iter().position(|level| level.price == change.price);
        stood.map(|at| side.remove(at));
        if change.size.is_zero() {
            assert!(stood.is_some(), "{} is deleted and was never there", change.price);
        } else {
            side.push(*change);
        }
    }
    side.sort_by(|a, b| if descending { b.price.cmp(&a.price) } else { a.price.cmp(&b.price) });
}

fn same(a: &[Level], b: &[Level]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_digits(a, b))
}

fn changes() -> impl Strategy<Value = Vec<Level>> {
    let one = (1i128..60, 0i128..4, 0u32..2).prop_map(|(price, size, zeros)| Level {
        price: Decimal::new(price * 10i128.pow(zeros), 1 + zeros),
        size: Decimal::new(size, 0),
    });
    proptest::collection::vec(one, 0..8)
}

proptest! {
    #[test]
    fn a_subscriber_who_follows_the_deltas_has_the_best_levels_of_the_whole_book(
        first in (changes(), changes()),
        events in proptest::collection::vec((changes(), changes()), 1..40),
        published in 10usize..14,
        kept in prop_oneof![Just(None), (10usize..16).prop_map(Some)],
    ) {
        let depth = kept.map_or(BookDepth::whole(published), |kept| BookDepth::subscribed(published, kept));
        let (mut book, mut model) = (Book::new(depth), Model::default());
        book.reset(&first.0, &first.1).unwrap();
        model.apply(&first.0, &first.1, depth.levels_max);
        let mut seen = book.published();
        for (bids, asks) in &events {
            let (top10, top) = (book.top10().clone(), book.top());
            let before = model.best(depth.published);
            model.apply(bids, asks, depth.levels_max);
            let after = model.best(depth.published);
            let delta = book.apply(bids, asks).unwrap();
            let changed = !same(&before.0, &after.0) || !same(&before.1, &after.1);
            prop_assert_eq!(delta.is_some(), changed);
            if let Some(delta) = delta {
                follow(&mut seen.bids, &delta.levels.bids, true);
                follow(&mut seen.asks, &delta.levels.asks, false);
                let top10_same = same(&top10.bids, &book.top10().bids) && same(&top10.asks, &book.top10().asks);
                prop_assert_eq!(delta.top10_changed, !top10_same);
                prop_assert_eq!(delta.top_changed, !top.same_digits(&book.top()));
                prop_assert_eq!(delta.levels.checksum, checksum::of_book(&seen.asks, &seen.bids));
            }
            prop_assert!(same(&seen.bids, &after.0) && same(&seen.asks, &after.1));
            prop_assert!(same(&seen.bids, &book.published().bids));
            let crossed = after.0.first().zip(after.1.first()).is_some_and(|(b, a)| b.price >= a.price);
            prop_assert_eq!(book.is_crossed(), crossed);
        }
    }
}

proptest! {
    #[test]
    fn the_changes_to_a_book_lead_there(before in (changes(), changes()), after in (changes(), changes())) {
        let (mut changed, mut wanted) = (Book::new(BookDepth::whole(10)), Book::new(BookDepth::whole(10)));
        changed.reset(&before.0, &before.1).unwrap();
        wanted.reset(&after.0, &after.1).unwrap();
        let levels = wanted.published();
        let (bids, asks) = changed.changes_to(&levels.bids, &levels.asks);
        changed.apply(&bids, &asks).unwrap();
        let reached = changed.published();
        prop_assert!(same(&reached.bids, &levels.bids) && same(&reached.asks, &levels.asks));
    }
}
