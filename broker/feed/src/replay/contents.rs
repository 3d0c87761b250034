//! What a capture holds, as far as it decides how its feed is set up.

use crate::settings::{Quotes, Settings, Trades};
use crate::venue::{Depths, Glance, Venue};
use schemas::capture::{Body, Reader};
use schemas::model::Channel;
use schemas::venue::Parser;
use std::io::BufRead;

/// Records that are looked through, at most.
const RECORDS_MAX: usize = 1_000_000;

/// Settles what the capture itself decides, so that replays which differ in nothing else are the same: quotes come from the
/// books if it has no stream of them, trades are aggregates if it has no others, and books are as deep as the venue granted.
pub(super) fn settle(settings: &mut Settings, capture: impl BufRead, venue: Venue) {
    let deepest = match venue.depths() {
        Depths::Among(offered) => offered.last().copied().map(usize::from),
        Depths::One | Depths::UpTo(_) => None,
    };
    let mut quotes = settings.quotes != Quotes::Auto || !settings.channels.has(Channel::Quotes);
    let mut trades = !venue.has_aggregates() || settings.trades != Trades::Each;
    let (mut depth, mut depth_is_known) = (None, deepest.is_none());
    let mut aggregates = false;
    look_through(capture, venue, |glance| {
        let mut book = |levels| {
            depth = depth.max(Some(levels));
            depth_is_known |= depth >= deepest;
        };
        match glance {
            Glance::Quote => quotes = true,
            Glance::Trade => trades = true,
            Glance::Aggregate => aggregates = true,
            Glance::Book(levels) => book(levels),
            Glance::Best => {
                quotes = true;
                book(1);
            }
            Glance::Granted(levels) => {
                _ = depth.get_or_insert(levels);
                depth_is_known = true;
            }
            Glance::Other => {}
        }
        quotes && trades && depth_is_known
    });
    if settings.quotes == Quotes::Auto {
        settings.quotes = if quotes { Quotes::Stream } else { Quotes::Book };
    }
    if !trades && aggregates {
        settings.trades = Trades::Aggregate;
    }
    settings.depth = depth.or(settings.depth);
}

/// Glances at one frame after the other until `enough` has seen enough.
fn look_through(capture: impl BufRead, venue: Venue, mut enough: impl FnMut(Glance) -> bool) {
    let (mut reader, mut parser, mut frame) = (Reader::new(capture), Parser::default(), Vec::new());
    for _ in 0..RECORDS_MAX {
        if enough(Glance::Other) {
            return;
        }
        match reader.next() {
            Some(Ok(record)) => {
                let Body::Frame(text) = record.body else { continue };
                if may_matter(text) {
                    frame.clear();
                    frame.extend_from_slice(text.as_bytes());
                    enough(venue.glance(&mut frame, &mut parser));
                }
            }
            Some(Err(damage)) if damage.is_damage() => {}
            _ => return,
        }
    }
}

/// A cheap look before the parser's: what decides anything has one of these words.
fn may_matter(frame: &str) -> bool {
    let has = |word: &str| memchr::memmem::find(frame.as_bytes(), word.as_bytes()).is_some();
    let words = ["icker", "\"depth\"", "rade", "\"quotes\"", "\"books", "\"bbo-", "\"orderbook."];
    words.into_iter().any(has) || (has("\"B\"") && has("\"A\""))
}
