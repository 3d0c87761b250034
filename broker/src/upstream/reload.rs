//! A reload of the configuration: what changed of the symbols of feeds is taken over while they run.

use super::Feed;
use crate::config::{FeedSpec, Source};
use feed::settings::Settings;
use feed::venue::Venue;

/// One connection of a feed, as far as its symbols can change.
#[derive(Debug, Clone)]
pub struct Connection {
    pub(super) venue: Venue,
    /// With the symbols that it has now.
    pub(super) settings: Settings,
}

/// Takes over what changes of the symbols of feeds that run.
#[derive(Debug)]
pub struct Reloader {
    feeds: Vec<(FeedSpec, Vec<Connection>)>,
}

/// What was taken over of one feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The feed, as it was typed at first.
    pub feed: String,
    /// Symbols that it has now.
    pub added: Vec<String>,
    /// Symbols that it has no longer.
    pub removed: Vec<String>,
}

/// Why nothing was taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// There are more or fewer feeds.
    #[error("{0} feeds run and {1} are configured: to add or remove feeds, restart")]
    Feeds(usize, usize),
    /// Something else than the symbols has changed.
    #[error("feed {0}: to change anything but its symbols, restart")]
    Feed(String),
    /// The venue's rules allow its connections no more.
    #[error("feed {0}: its connections carry no more symbols: restart")]
    Full(String),
}

impl Reloader {
    /// Of the feeds that were started by these specifications.
    #[must_use]
    pub fn new(feeds: Vec<(FeedSpec, &[Feed])>) -> Self {
        let connections = |feeds: &[Feed]| feeds.iter().filter_map(|feed| feed.connection.clone()).collect();
        Self { feeds: feeds.into_iter().map(|(spec, feeds)| (spec, connections(feeds))).collect() }
    }

    /// Takes over what has changed of the symbols: all of it, or nothing.
    ///
    /// # Errors
    /// [`ReloadError`] if more has changed than can be.
    pub fn reload(&mut self, specs: &[FeedSpec]) -> Result<Vec<Change>, ReloadError> {
        if specs.len() != self.feeds.len() {
            return Err(ReloadError::Feeds(self.feeds.len(), specs.len()));
        }
        let planned =
            self.feeds.iter().zip(specs).map(|((old, connections), new)| plan(old, connections, new));
        let planned = planned.collect::<Result<Vec<_>, _>>()?;
        let mut changes = Vec::new();
        for ((spec, connections), (plan, new)) in self.feeds.iter_mut().zip(planned.into_iter().zip(specs)) {
            let Some((change, lists)) = plan else { continue };
            spec.selection = new.selection.clone();
            changes.push(change);
            for (connection, symbols) in connections.iter_mut().zip(lists) {
                connection.settings.symbols.clone_from(&symbols);
                connection.settings.roster.iter().for_each(|roster| roster.leave(symbols.clone()));
            }
        }
        Ok(changes)
    }
}

/// What a feed's connections carry from now on; none: what they did before.
type Plan = Option<(Change, Vec<Vec<String>>)>;

fn plan(old: &FeedSpec, connections: &[Connection], new: &FeedSpec) -> Result<Plan, ReloadError> {
    let feed = || old.url.clone();
    if !is_same_but_symbols(old, new) {
        return Err(ReloadError::Feed(feed()));
    }
    let (before, after) = (&old.selection.symbols, &new.selection.symbols);
    let added: Vec<_> = after.iter().filter(|name| !before.contains(name)).cloned().collect();
    let removed: Vec<_> = before.iter().filter(|name| !after.contains(name)).cloned().collect();
    if added.is_empty() && removed.is_empty() {
        return Ok(None);
    }
    if connections.is_empty() {
        // Captures and tick lines have no connections of ours.
        return Err(ReloadError::Feed(feed()));
    }
    let mut lists: Vec<Vec<String>> =
        connections.iter().map(|connection| staying(connection, &removed)).collect();
    for name in &added {
        let mut served = Vec::new();
        for (connection, list) in connections.iter().zip(&mut lists) {
            // Each entry point carries other channels of all symbols.
            let channels = connection.settings.channels;
            if !served.contains(&channels) && has_room(connection, list, name) {
                list.push(name.clone());
                served.push(channels);
            }
        }
        if connections.iter().any(|connection| !served.contains(&connection.settings.channels)) {
            return Err(ReloadError::Full(feed()));
        }
    }
    Ok(Some((Change { feed: feed(), added, removed }, lists)))
}

fn staying(connection: &Connection, removed: &[String]) -> Vec<String> {
    connection.settings.symbols.iter().filter(|name| !removed.contains(name)).cloned().collect()
}

/// Whether the venue's rules let the connection carry one more.
fn has_room(connection: &Connection, list: &[String], name: &str) -> bool {
    let symbols = list.iter().cloned().chain([name.to_owned()]).collect();
    let settings = Settings { symbols, ..connection.settings.clone() };
    connection.venue.connections(&settings).len() == 1
}

fn is_same_but_symbols(old: &FeedSpec, new: &FeedSpec) -> bool {
    let is_venue = matches!(old.source, Source::Venue(_));
    let with_symbols_of = |spec: &FeedSpec| {
        let mut selection = new.selection.clone();
        selection.symbols.clone_from(&spec.selection.symbols);
        selection
    };
    let selection = with_symbols_of(old);
    old.source == new.source
        && old.venue == new.venue
        && old.selection == selection
        && (is_venue || old.url == new.url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use feed::roster::Roster;

    const FEED: &str = "binance+ws://h:1?symbols=A,B";

    fn spec(url: &str) -> FeedSpec {
        url.parse().expect(url)
    }

    /// Feeds, and the connections that they would have.
    fn reloader(urls: &[&str]) -> Reloader {
        let feed = |url: &&str| {
            let spec = spec(url);
            let Source::Venue(feed) = spec.source.clone() else { return (spec, Vec::new()) };
            let settings = spec.settings(Settings::new(feed.venue.name(), "e"));
            let connection = |settings| {
                let roster = Some(Roster::default());
                Connection { venue: feed.venue, settings: Settings { roster, ..settings } }
            };
            (spec, feed.venue.connections(&settings).into_iter().map(connection).collect())
        };
        Reloader { feeds: urls.iter().map(feed).collect() }
    }

    fn reload(reloader: &mut Reloader, urls: &[&str]) -> Result<Vec<Change>, ReloadError> {
        reloader.reload(&urls.iter().map(|url| spec(url)).collect::<Vec<_>>())
    }

    fn lists(reloader: &Reloader) -> Vec<String> {
        let all = reloader.feeds.iter().flat_map(|(_, connections)| connections);
        all.map(|connection| connection.settings.symbols.join(",")).collect()
    }

    #[test]
    fn only_differences_are_taken_over() {
        let mut all = reloader(&[FEED, "okx+ws://h:1?symbols=X"]);
        let changed = ["binance+ws://h:1?symbols=C,B", "okx+ws://h:1?symbols=X"];
        let change = Change { feed: FEED.into(), added: vec!["C".into()], removed: vec!["A".into()] };
        assert_eq!(reload(&mut all, &changed), Ok(vec![change]));
        assert_eq!(lists(&all), ["B,C", "X"]);
        assert_eq!(reload(&mut all, &changed), Ok(vec![]), "once");
    }

    #[test]
    fn what_needs_a_restart_changes_nothing() {
        let mut all = reloader(&[FEED, "okx+ws://h:1?symbols=X", "sim:"]);
        let others = [
            vec![FEED],
            vec![FEED, "okx+ws://h:2?symbols=X", "sim:"],
            vec!["binance+ws://h:1?symbols=C", "okx+ws://h:1?symbols=X&depth=5", "sim:"],
            vec![FEED, "okx+ws://h:1?symbols=*", "sim:"],
            vec![FEED, "okx+ws://h:1?symbols=X", "sim:?symbols=2"],
        ];
        for other in others {
            assert!(reload(&mut all, &other).is_err(), "{other:?}");
        }
        assert_eq!(lists(&all), ["A,B", "X"]);
    }

    #[test]
    fn a_symbol_goes_where_there_is_room_and_to_each_entry_point() {
        let names = |count: usize| (0..count).map(|n| format!("S{n}")).collect::<Vec<_>>().join(",");
        let mut all = reloader(&[&format!("binance+ws://h:1?symbols={}", names(256))]);
        let too_many = format!("binance+ws://h:1?symbols={}", names(257));
        assert!(matches!(reload(&mut all, &[&too_many]), Err(ReloadError::Full(_))));
        assert!(reload(&mut all, &[&too_many.replace("S0,", "")]).is_ok());
        let mut all = reloader(&["binance-usdm+ws://h:1?symbols=A"]);
        assert!(reload(&mut all, &["binance-usdm+ws://h:1?symbols=A,B"]).is_ok());
        assert_eq!(lists(&all), ["A,B", "A,B"]);
    }
}
