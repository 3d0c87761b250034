//! Feeds of one name: lines of the same feed, of which any may die.

use super::{FeedSpec, FeedUrlError, Source, VenueFeed};
use feed::lines::{LINES_MAX, Line};
use std::collections::{BTreeMap, BTreeSet};

/// Which line of what each feed is; none: it is alone.
///
/// # Errors
/// [`FeedUrlError`] if feeds of one name are not the same, or too many.
pub fn lines(feeds: &[FeedSpec]) -> Result<Vec<Option<Line>>, FeedUrlError> {
    let mut by_name = BTreeMap::<&str, Vec<usize>>::new();
    for (at, spec) in feeds.iter().enumerate() {
        if let Source::Venue(VenueFeed { name: Some(name), .. }) = &spec.source {
            by_name.entry(name).or_default().push(at);
        }
    }
    let mut lines = vec![None; feeds.len()];
    for (name, places) in by_name {
        check(name, feeds, &places)?;
        if places.len() > 1 {
            places.iter().zip(Line::several(places.len())).for_each(|(at, line)| lines[*at] = Some(line));
        }
    }
    Ok(lines)
}

fn check(name: &str, feeds: &[FeedSpec], places: &[usize]) -> Result<(), FeedUrlError> {
    let first = &feeds[places[0]];
    let wrong = |spec: &FeedSpec, what: String| FeedUrlError::new(&spec.url, format!("name: {what}"));
    for spec in places[1..].iter().map(|at| &feeds[*at]) {
        if let Some(difference) = difference(first, spec) {
            return Err(wrong(spec, format!("`{name}` is a feed {difference}, and its lines are the same")));
        }
    }
    match places.get(LINES_MAX) {
        Some(at) => {
            Err(wrong(&feeds[*at], format!("`{name}` has {LINES_MAX} lines already, which are the most")))
        }
        None => Ok(()),
    }
}

/// What the first one is and the other one is not.
fn difference(first: &FeedSpec, other: &FeedSpec) -> Option<String> {
    let (Source::Venue(of_first), Source::Venue(of_other)) = (&first.source, &other.source) else {
        return None;
    };
    let symbols = |spec: &FeedSpec| spec.selection.symbols.iter().cloned().collect::<BTreeSet<_>>();
    let channels = |spec: &FeedSpec| spec.selection.channels.iter().copied().collect::<BTreeSet<_>>();
    if of_first.venue != of_other.venue {
        return Some(format!("of {}, not of {}", of_first.venue, of_other.venue));
    }
    let differences = [
        (first.venue != other.venue, "with another venue="),
        (symbols(first) != symbols(other), "with other symbols="),
        (channels(first) != channels(other), "with other channels="),
        (first.selection.depth != other.selection.depth, "with another depth="),
        (first.selection.stale_after_ms != other.selection.stale_after_ms, "with another stale_after_ms="),
        (of_first.trades != of_other.trades, "with other trades="),
        (of_first.depth_ms != of_other.depth_ms, "with another depth_ms="),
    ];
    differences.into_iter().find(|(differs, _)| *differs).map(|(_, what)| what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(urls: &[&str]) -> Result<Vec<Option<usize>>, String> {
        let feeds: Vec<FeedSpec> = urls.iter().map(|url| url.parse().expect(url)).collect();
        let lines = lines(&feeds).map_err(|error| error.to_string())?;
        Ok(lines.iter().map(|line| line.as_ref().map(Line::number)).collect())
    }

    #[test]
    fn feeds_of_one_name_are_lines_and_others_are_alone() {
        let urls = ["okx+ws://a:1?symbols=A,B&name=x", "sim:", "okx+ws://b:1?symbols=B,A&name=x"];
        assert_eq!(of(&urls), Ok(vec![Some(0), None, Some(1)]));
        assert_eq!(
            of(&["okx+ws://a:1?symbols=A&name=x", "okx+ws://a:1?symbols=B&name=y"]),
            Ok(vec![None; 2])
        );
    }

    #[test]
    fn lines_that_differ_are_refused() {
        let first = "binance+ws://a:1?symbols=A&name=x";
        let others = [
            ("kraken+ws://b:1?symbols=A&name=x", "a feed of binance, not of kraken, and"),
            ("binance+ws://b:1?symbols=A,B&name=x", "with other symbols="),
            ("binance+ws://b:1?symbols=A&name=x&channels=book", "with other channels="),
            ("binance+ws://b:1?symbols=A&name=x&depth=10", "with another depth="),
            ("binance+ws://b:1?symbols=A&name=x&trades=aggregate", "with other trades="),
            ("binance+ws://b:1?symbols=A&name=x&stale_after_ms=900", "with another stale_after_ms="),
            ("binance+ws://b:1?symbols=A&name=x&depth_ms=1000", "with another depth_ms="),
            ("binance+ws://b:1?symbols=A&name=x&venue=y", "with another venue="),
        ];
        for (other, message) in others {
            let error = of(&[first, other]).expect_err(other);
            assert!(
                error.contains(message) && error.starts_with(&format!("feed URL `{other}`: name: `x`")),
                "{error}"
            );
        }
        let error = of(&[first; LINES_MAX + 1]).unwrap_err();
        assert!(error.contains("has 8 lines already"), "{error}");
    }
}
