//! OKX, v5.
//!
//! Each message of a book names the number of the one before it, or, in recordings from before 2023, carries a checksum. The
//! shallow books (`books5`, and `bbo-tbt` with one level) are whole each time. Trades are numbered; one message may stand for
//! several. The venue says when it is about to close a connection, and then another one takes over. A connection over which nothing comes is asked for a sign of life, since the venue sends none by itself.

use crate::book::{Book, BookDepth, quote_of};
use crate::core::{Core, Offence};
use crate::counters::Fault;
use crate::in_band::{self, InBand, Mismatch, Session};
use crate::machine::{Actions, MachineError};
use crate::market::Market;
use crate::pacer::Pacer;
use crate::publish::Times;
use crate::salvage;
use crate::settings::{Quotes, Settings};
use crate::twice::Seen;
use crate::venue::{Depths, Glance, Profile};
use schemas::model::{self, Micros};
use schemas::venue::okx::{self as venue, Channel, Fill, Message};
use schemas::venue::{Parser, VenueError};
use std::sync::Arc;

pub(crate) const PROFILE: Profile = Profile {
    connections,
    depths: Depths::Among(&DEPTHS),
    connects: Pacer::within(3, 1_000_000),
    // Numbers are the same on all connections.
    takes_over: true,
    ..Profile::new("okx", |settings, market| Ok(Box::new(Okx::new(settings, market)?)), glance)
};

/// The depths of books that need no login, in levels a side.
const DEPTHS: [u16; 3] = [1, 5, 400];
/// The venue takes 480 requests an hour from a connection.
const PACER: Pacer = Pacer::within(480, 3_600_000_000);
/// The venue's word that the connection will be closed soon.
const CLOSING: &str = "64008";

/// The machine of one connection to OKX.
pub(crate) type Okx = InBand<Feed>;

/// What is particular to OKX.
pub(crate) struct Feed {
    session: Session<Instrument>,
    /// Levels a side of the channel that books are taken from.
    depth: u16,
}

/// What is kept of each symbol.
#[derive(Default)]
pub(crate) struct Instrument {
    /// The number of the last message of the book, where they have some.
    last_seq: Option<i64>,
    /// Where the book comes from: a recording may hold two channels of the same depth.
    source: Option<Channel>,
    seen: Seen,
}

impl Okx {
    /// A connection for the symbols of the settings, which exist from here on.
    ///
    /// # Errors
    /// [`MachineError`] if the venue does not have the depth, or the symbols cannot be opened.
    pub(crate) fn new(settings: Settings, market: Arc<Market>) -> Result<Self, MachineError> {
        let depth = depth(&settings)?;
        let settings = Settings { separator: Some('-'), ..settings };
        let session = Session::new(settings, market, PACER)?.with_keepalive(venue::PING, None);
        Ok(Self::of(Feed { session, depth }))
    }
}

impl in_band::Feed for Feed {
    type Symbol = Instrument;
    type Message<'a> = Message<'a>;
    const PATH: &'static str = "/ws/v5/public";

    fn session(&self) -> &Session<Instrument> {
        &self.session
    }

    fn session_mut(&mut self) -> &mut Session<Instrument> {
        &mut self.session
    }

    fn parse<'a>(frame: &'a mut [u8], parser: &'a mut Parser) -> Result<Message<'a>, VenueError> {
        venue::parse(frame, parser)
    }

    fn subscribe(&mut self, symbols: &[String]) -> Vec<String> {
        venue::subscribe(&channels(&self.session.core.settings, self.depth), symbols)
    }

    fn unsubscribe(&mut self, symbols: &[String]) -> Vec<String> {
        venue::unsubscribe(&channels(&self.session.core.settings, self.depth), symbols)
    }

    fn subscribe_anew(&mut self, symbol: &str) -> Vec<String> {
        let (channels, symbols) = ([book_channel(self.depth)], [symbol]);
        [venue::unsubscribe(&channels, &symbols), venue::subscribe(&channels, &symbols)].concat()
    }

    fn take(&mut self, rx: Micros, message: Message<'_>, actions: &mut Actions) -> Result<(), Offence> {
        match message {
            Message::Book(book) => return self.book(rx, &book),
            Message::Trades { instrument, fills } => self.trades(rx, instrument, fills),
            Message::Ticker { instrument, time, ticker } => {
                let Session { core, twice, .. } = &mut self.session;
                if let Some(at) = core.place(instrument, rx)
                    && twice.is_news(rx, &mut core.symbols[at].data.seen.ticker, time.0)
                {
                    core.symbols[at].out.ticker(Times::new(Some(time), rx), ticker);
                }
            }
            Message::Subscribed { channel: Some(Channel::Trades), instrument } => {
                let core = self.core();
                if let Some(at) = core.named(instrument, rx) {
                    core.symbols[at].out.trades_live(rx);
                }
            }
            Message::Subscribed { .. } | Message::Event | Message::Pong => {}
            Message::Notice { code: CLOSING, .. } => actions.renew("the venue is about to close"),
            Message::Notice { code, message } => tracing::warn!(code, message, "the venue gives notice"),
            Message::Error { code, message } => {
                return Err(Offence::new(Fault::Refused, format!("refused: {message} (code {code})")));
            }
            Message::Unknown { name } => return Err(Offence::unknown_kind(name)),
        }
        Ok(())
    }

    fn books_in(frame: &[u8]) -> Option<Vec<&str>> {
        let is_book = |name: &str| Channel::named(name).is_some_and(|channel| channel.depth().is_some());
        salvage::about(frame, "channel", is_book, "instId")
    }
}

impl Feed {
    fn core(&mut self) -> &mut Core<Instrument> {
        &mut self.session.core
    }

    /// The best bid and ask are a quote; whether they, or which of the other books, are the book is what the depth says.
    fn book(&mut self, rx: Micros, book: &venue::Book<'_>) -> Result<(), Offence> {
        let Some(at) = self.core().place(book.instrument, rx) else { return Ok(()) };
        let times = Times::new(Some(book.time), rx);
        let number = book.seq.and_then(|seq| seq.try_into().ok());
        let times = number.map_or(times, |number| times.numbered(number));
        if book.channel == Channel::BboTbt && self.is_news(at, rx, number) {
            self.core().quote(at, times, quote_of(book.bids.first(), book.asks.first()));
        }
        let is_joined = self.session.is_joined(at);
        let is_other = is_joined && self.core().symbols[at].data.source != Some(book.channel);
        match book.channel.depth() {
            Some(depth) if depth != self.depth || is_other => Ok(()),
            _ if self.has_been(at, rx, book) => Ok(()),
            _ if !book.is_whole => self.update(at, times, book),
            _ if is_joined && (!has_changes(book.channel) || self.session.twice.is_so(rx)) => {
                // The next change may name it as the one before.
                self.core().symbols[at].data.last_seq = book.seq;
                self.session.change_to(at, times, book.bids, book.asks)
            }
            _ => self.snapshot(at, times, book),
        }
    }

    /// Whether a quote has not come over another connection before.
    fn is_news(&mut self, at: usize, now: Micros, number: Option<u64>) -> bool {
        let Session { core, twice, .. } = &mut self.session;
        number.is_none_or(|number| twice.is_news(now, &mut core.symbols[at].data.seen.quote, number))
    }

    /// Whether a message of a book that is joined has come over another connection before. One that names the last one as the one
    /// before it has not, also where numbers have begun anew.
    fn has_been(&self, at: usize, now: Micros, book: &venue::Book<'_>) -> bool {
        let last = self.session.core.symbols[at].data.last_seq;
        let goes_on = !book.is_whole && book.previous_seq == last;
        self.session.twice.is_so(now)
            && self.session.is_joined(at)
            && !goes_on
            && book.seq.is_some()
            && book.seq <= last
    }

    fn snapshot(&mut self, at: usize, times: Times, book: &venue::Book<'_>) -> Result<(), Offence> {
        let depth = BookDepth::subscribed(self.core().settings.book_depth, self.depth.into());
        let data = &mut self.core().symbols[at].data;
        (data.last_seq, data.source) = (book.seq, Some(book.channel));
        let check = |ours: &Book| book.checksum.map_or(Ok(()), |theirs| check(ours, theirs));
        self.session.snapshot_checked(at, times, depth, (book.bids, book.asks), check)
    }

    fn update(&mut self, at: usize, times: Times, book: &venue::Book<'_>) -> Result<(), Offence> {
        if !self.session.is_joined(at) {
            // What still comes of a subscription that was given up.
            return Ok(());
        }
        let last_seq = &mut self.session.core.symbols[at].data.last_seq;
        // A reset at the venue makes the numbers smaller, but even then each message names the one before.
        if let (Some(previous), Some(last)) = (book.previous_seq, *last_seq)
            && previous != last
        {
            let reason = format!("gap: prevSeqId {previous} after seqId {last}");
            self.core().counters.gaps.up();
            self.session.resync(at, times.rx, &reason);
            return Ok(());
        }
        *last_seq = book.seq;
        match book.checksum {
            None => self.session.change(at, times, book.bids, book.asks),
            Some(theirs) => {
                let sides = (book.bids, book.asks);
                self.session.change_checked(at, times, sides, |ours| check(ours, theirs))
            }
        }
    }

    fn trades(&mut self, rx: Micros, instrument: &str, fills: Vec<Fill>) {
        let core = self.core();
        let Some(at) = core.place(instrument, rx) else { return };
        let ts = fills.last().and_then(|fill| fill.trade.ts);
        let runs = fills.into_iter().map(|Fill { first_id, last_id, trade }| ((first_id, last_id), trade));
        core.trades(at, Times::new(ts, rx), runs);
    }
}

fn check(ours: &Book, theirs: i32) -> Result<(), Mismatch> {
    let (bids, asks) = ours.best_first();
    match venue::checksum(bids, asks) {
        ours if ours == theirs => Ok(()),
        ours => Err(Mismatch { ours: ours.into(), theirs: theirs.into() }),
    }
}

/// Whether a snapshot of this channel is a new beginning, behind which changes come.
const fn has_changes(channel: Channel) -> bool {
    matches!(channel, Channel::Books | Channel::BooksL2Tbt | Channel::Books50L2Tbt)
}

fn depth(settings: &Settings) -> Result<u16, MachineError> {
    settings.depth_among("OKX", &DEPTHS, DEPTHS[DEPTHS.len() - 1])
}

/// The channel to subscribe to for books of this depth.
const fn book_channel(depth: u16) -> Channel {
    match depth {
        1 => Channel::BboTbt,
        5 => Channel::Books5,
        _ => Channel::Books,
    }
}

/// What is subscribed to for the channels of the settings.
fn channels(settings: &Settings, depth: u16) -> Vec<Channel> {
    let has = |channel| settings.channels.has(channel);
    let quotes = has(model::Channel::Quotes) && settings.quotes != Quotes::Book;
    let wanted = [
        (has(model::Channel::Book), book_channel(depth)),
        (quotes, Channel::BboTbt),
        (has(model::Channel::Trades), Channel::Trades),
        (has(model::Channel::Ticker), Channel::Tickers),
    ];
    let mut channels: Vec<_> =
        wanted.into_iter().filter_map(|(is_wanted, channel)| is_wanted.then_some(channel)).collect();
    // The best bid and ask may be both the book and the quotes.
    channels.dedup();
    channels
}

/// The settings of as many connections as the arguments of all subscriptions need.
fn connections(settings: &Settings) -> Vec<Settings> {
    let channels = channels(settings, depth(settings).unwrap_or(DEPTHS[0]));
    settings.split(venue::ARGS_BYTES_PER_CONNECTION_MAX, |symbol| venue::args_bytes(&channels, symbol))
}

/// What a frame is.
fn glance(frame: &mut [u8], parser: &mut Parser) -> Glance {
    match venue::parse(frame, parser) {
        Ok(Message::Book(venue::Book { channel: Channel::BboTbt, .. })) => Glance::Best,
        Ok(Message::Book(venue::Book { channel, .. })) => {
            channel.depth().map_or(Glance::Other, |depth| Glance::Book(depth.into()))
        }
        Ok(Message::Trades { .. }) => Glance::Trade,
        _ => Glance::Other,
    }
}

#[cfg(test)]
mod tests;
