//! What each feed counts.

use super::{Family, Kind, Label, Source};
use crate::upstream::FeedStatus;
use feed::counters::{Count, Fault, FeedCounters};
use std::sync::Arc;

/// The figures of all feeds.
#[derive(Debug)]
pub struct FeedMetrics(pub Vec<Arc<FeedStatus>>);

type Figure = (&'static str, &'static str, fn(&FeedCounters) -> &Count);

const FIGURES: [Figure; 19] = [
    ("tickcast_feed_frames", "Messages received from the venue", |c| &c.frames),
    ("tickcast_feed_bytes", "Bytes of messages received from the venue", |c| &c.bytes),
    ("tickcast_feed_gaps", "Breaks in the continuity of a book", |c| &c.gaps),
    ("tickcast_feed_resyncs", "Books begun anew after they had been live", |c| &c.resyncs),
    ("tickcast_feed_checksum_failures", "Books whose checksum was not the venue's", |c| &c.checksum_failures),
    ("tickcast_feed_trades_lost", "Trades that never came, by the venue's trade ids", |c| &c.trades_lost),
    ("tickcast_feed_trades_repeated", "Trades that came again or late and were dropped", |c| {
        &c.trades_repeated
    }),
    ("tickcast_feed_disconnects", "Connections to the venue that ended", |c| &c.disconnects),
    ("tickcast_feed_silences", "Times that the venue fell silent", |c| &c.silences),
    ("tickcast_feed_data_silences", "Times that the venue answered and sent no data for too long", |c| {
        &c.data_silences
    }),
    (
        "tickcast_feed_line_first",
        "Messages and trades that this one of several lines was the first to bring",
        |c| &c.line_first,
    ),
    ("tickcast_feed_line_again", "Messages and trades that another line had brought before", |c| {
        &c.line_again
    }),
    (
        "tickcast_feed_line_holds_cut",
        "Trades that no longer waited for another line, since too many did",
        |c| &c.line_holds_cut,
    ),
    ("tickcast_feed_demand_subscribed", "Symbols subscribed to on demand", |c| &c.demand_subscribed),
    ("tickcast_feed_demand_released", "Symbols on demand that were let go again", |c| &c.demand_released),
    ("tickcast_feed_demand_refused", "Symbols on demand that the venue refused", |c| &c.demand_refused),
    ("tickcast_feed_demand_limited", "Symbols on demand that a limit kept out", |c| &c.demand_limited),
    ("tickcast_feed_fetches", "Snapshots requested over HTTP", |c| &c.fetches),
    ("tickcast_feed_fetch_failures", "Snapshots requested over HTTP that did not come", |c| {
        &c.fetch_failures
    }),
];

impl Source for FeedMetrics {
    fn families(&self) -> Vec<Family> {
        let mut families = vec![
            self.gauge("tickcast_feed_live", "Whether the feed is live", |feed| feed.trouble().is_none()),
            self.counter("tickcast_feed_connects", "Connections made to the venue", |feed| {
                feed.connects.value()
            }),
            self.counter(
                "tickcast_feed_connect_failures",
                "Attempts to connect to the venue that failed",
                |feed| feed.connect_failures.value(),
            ),
            self.faults(),
        ];
        families.extend(
            FIGURES.map(|(name, help, count)| {
                self.counter(name, help, move |feed| count(feed.counters()).value())
            }),
        );
        families
    }
}

impl FeedMetrics {
    fn counter(&self, name: &'static str, help: &'static str, value: impl Fn(&FeedStatus) -> u64) -> Family {
        let values = self.0.iter().map(|feed| (labels(feed), value(feed) as f64)).collect();
        Family::of(name, help, Kind::Counter, values)
    }

    fn gauge(&self, name: &'static str, help: &'static str, value: impl Fn(&FeedStatus) -> bool) -> Family {
        let values = self.0.iter().map(|feed| (labels(feed), f64::from(u8::from(value(feed))))).collect();
        Family::of(name, help, Kind::Gauge, values)
    }

    fn faults(&self) -> Family {
        let of_feed = |feed: &Arc<FeedStatus>| {
            let feed = Arc::clone(feed);
            Fault::ALL.map(|fault| {
                let mut labels = labels(&feed);
                labels.push(("fault", fault.name().to_owned()));
                (labels, feed.counters().faults(fault).value() as f64)
            })
        };
        let values = self.0.iter().flat_map(of_feed).collect();
        let (name, help) = ("tickcast_feed_faults", "Messages from the venue that something was wrong with");
        Family::of(name, help, Kind::Counter, values)
    }
}

fn labels(feed: &FeedStatus) -> Vec<Label> {
    vec![("feed", feed.url().to_owned())]
}
