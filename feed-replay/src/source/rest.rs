//! REST bodies that lie in files of their own, put where they join the stream.

use super::{Item, Kind, Source, SourceError};
use crate::venue::binance::frame::Frame;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::str::FromStr;

/// A file that holds the reply to a request, given as `URL=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestFile {
    /// What was requested, with its `symbol=`.
    pub url: String,
    /// Where the body lies.
    pub path: PathBuf,
}

/// Why a body cannot be put into a capture.
#[derive(Debug, thiserror::Error)]
pub enum RestFileError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no depth body.
    #[error("{}: expected a depth body with lastUpdateId, bids and asks", path.display())]
    NotDepth {
        /// The file.
        path: PathBuf,
    },
    /// The URL does not say whose body it is.
    #[error("expected a URL with ?symbol=, found {url:?}")]
    NoSymbol {
        /// The URL.
        url: String,
    },
    /// No event of the capture follows it.
    #[error("the depth of {symbol} at {last_update_id} does not join the capture: {found}")]
    NoJoin {
        /// The symbol.
        symbol: String,
        /// The body's id.
        last_update_id: u64,
        /// What the capture holds instead.
        found: String,
    },
    /// The capture cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl FromStr for RestFile {
    type Err = String;

    /// The file's name follows the last `=`, since a URL has some of its own.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.rsplit_once('=') {
            Some((url, path)) if !url.is_empty() && !path.is_empty() && !url.contains(' ') => {
                Ok(Self { url: url.to_owned(), path: path.into() })
            }
            _ => Err(format!("expected URL=FILE, found {text:?}")),
        }
    }
}

/// A source with REST bodies put in, each right before the event that continues it. A body that is newer than all events
/// stands at the end.
pub struct WithRest {
    inner: Box<dyn Source>,
    index: u64,
    /// By the index of the record that each comes before.
    bodies: VecDeque<(u64, Item)>,
}

/// A body on its way to its place.
struct Body {
    url: String,
    symbol: String,
    text: String,
    last_update_id: u64,
    /// Where it joins: index and time.
    place: Option<(u64, u64)>,
    /// The ids of the first and the last event seen.
    seen: Option<(u64, u64)>,
}

impl WithRest {
    /// Puts the bodies of `files` into what `open` opens, which is read once to find their places.
    ///
    /// # Errors
    /// [`RestFileError`].
    pub fn open(
        files: &[RestFile],
        open: impl Fn() -> Result<Box<dyn Source>, SourceError>,
    ) -> Result<Self, RestFileError> {
        let mut bodies = files.iter().map(Body::read).collect::<Result<Vec<_>, _>>()?;
        let end = find_places(&mut bodies, open()?)?;
        let placed = bodies.into_iter().map(|body| body.into_placed(end));
        let mut placed = placed.collect::<Result<Vec<_>, _>>()?;
        placed.sort_by_key(|(index, _)| *index);
        Ok(Self { inner: open()?, index: 0, bodies: placed.into() })
    }
}

impl Source for WithRest {
    fn next(&mut self, item: &mut Item) -> Option<Result<(), SourceError>> {
        if let Some((_, body)) = self.bodies.pop_front_if(|(index, _)| *index <= self.index) {
            *item = body;
            return Some(Ok(()));
        }
        let read = self.inner.next(item);
        self.index += u64::from(matches!(read, Some(Ok(()))));
        read
    }
}

/// Looks for the bodies' places and returns the place behind the last record.
fn find_places(bodies: &mut [Body], mut source: Box<dyn Source>) -> Result<(u64, u64), RestFileError> {
    let (mut item, mut index) = (Item::default(), 0);
    while let Some(read) = source.next(&mut item) {
        match read {
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error.into()),
            Ok(()) => {}
        }
        if item.kind == Kind::Frame
            && let Some(frame) = Frame::parse(&item.text)
            && frame.event.is_depth_update()
        {
            bodies.iter_mut().for_each(|body| body.see(&frame, index, item.time));
        }
        index += 1;
    }
    Ok((index, item.time))
}

impl Body {
    fn read(file: &RestFile) -> Result<Self, RestFileError> {
        let path = file.path.clone();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text.trim_end().to_owned(),
            Err(error) => return Err(RestFileError::Unreadable { path, error }),
        };
        let last_update_id =
            Frame::parse(&text).filter(Frame::is_rest_depth).and_then(|frame| frame.event.last_update_id);
        let last_update_id = last_update_id.ok_or(RestFileError::NotDepth { path })?;
        let url = file.url.clone();
        let symbol = symbol_of_url(&url).ok_or_else(|| RestFileError::NoSymbol { url: url.clone() })?;
        Ok(Self { url, symbol, text, last_update_id, place: None, seen: None })
    }

    fn see(&mut self, frame: &Frame<'_>, index: u64, time: u64) {
        let (Some(first), Some(last)) = (frame.event.first_id, frame.event.last_id) else { return };
        if frame.event.symbol != Some(&self.symbol) {
            return;
        }
        self.seen = Some((self.seen.map_or(first, |(first, _)| first), last));
        let is_newer = last > self.last_update_id;
        if self.place.is_none() && is_newer && frame.event.follows(self.last_update_id, true) {
            self.place = Some((index, time));
        }
    }

    /// Where it goes: before the event that continues it, or behind the last record if it is newer than all events.
    fn into_placed(self, end: (u64, u64)) -> Result<(u64, Item), RestFileError> {
        let is_newer = self.seen.is_some_and(|(_, last)| last <= self.last_update_id);
        let Some((index, time)) = self.place.or(is_newer.then_some(end)) else {
            let found = match self.seen {
                None => "it holds no depth event of that symbol".to_owned(),
                Some((first, last)) => format!("its depth events go from {first} to {last}"),
            };
            return Err(RestFileError::NoJoin {
                symbol: self.symbol,
                last_update_id: self.last_update_id,
                found,
            });
        };
        let mut item = Item::default();
        item.set_url(time, Kind::Http, &self.url, &self.text);
        Ok((index, item))
    }
}

/// The `symbol=` of a URL.
#[must_use]
pub fn symbol_of_url(url: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == "symbol").map(|(_, symbol)| symbol.into_owned())
}
