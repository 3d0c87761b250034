//! What a capture holds, as far as it decides how its feed is set up.

use crate::settings::{Quotes, Settings, Trades};
use crate::venue::{Glance, Venue};
use schemas::capture::{Body, Reader};
use schemas::model::Channel;
use schemas::venue::Parser;
use std::io::BufRead;

/// Records that are looked through, at most.
const RECORDS_MAX: usize = 1_000_000;

/// Settles what the settings leave open: quotes come from the books if the capture has no stream of them, and trades are
/// aggregates if it has no others.
pub(super) fn settle(settings: &mut Settings, capture: impl BufRead, venue: Venue) {
    let wants_quotes = settings.quotes == Quotes::Auto && settings.channels.has(Channel::Quotes);
    let wants_trades =
        venue == Venue::Binance && settings.trades == Trades::Each && settings.channels.has(Channel::Trades);
    let (mut quotes, mut trades, mut aggregates) = (!wants_quotes, !wants_trades, false);
    look_through(capture, venue, |glance| {
        quotes |= glance == Glance::Quote;
        trades |= glance == Glance::Trade;
        aggregates |= glance == Glance::Aggregate;
        quotes && trades
    });
    if !quotes {
        settings.quotes = Quotes::Book;
    }
    if !trades && aggregates {
        settings.trades = Trades::Aggregate;
    }
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

/// A cheap look before the parser's: a trade or a quote has one of these words.
fn may_matter(frame: &str) -> bool {
    let has = |word: &str| memchr::memmem::find(frame.as_bytes(), word.as_bytes()).is_some();
    has("icker") || has("rade") || has("\"quotes\"") || (has("\"B\"") && has("\"A\""))
}
