//! Files with a frame a line and no times, as flashbook's fixtures are. Times are made by [`EventTimes`]' rule.

use super::{Item, Kind, Source, SourceError, input::Lines};
use crate::venue::Venue;
use schemas::capture::EventTimes;
use std::path::Path;

pub(super) struct FramesFile {
    lines: Lines,
    line: Vec<u8>,
    venue: Option<Venue>,
    times: EventTimes,
}

impl FramesFile {
    /// Opens the file and looks ahead to the first frame that has an event time.
    pub(super) fn open(path: &Path, venue: Option<Venue>) -> Result<Self, SourceError> {
        let mut ahead = Self::at_start(path, venue, EventTimes::default())?;
        let mut index = 0;
        let mut first = None;
        while first.is_none() && ahead.read_frame().is_ok_and(|more| more) {
            first = ahead.event_time();
            index += u64::from(first.is_none());
        }
        Self::at_start(path, venue, EventTimes::leading_up_to(first, index))
    }

    fn at_start(path: &Path, venue: Option<Venue>, times: EventTimes) -> Result<Self, SourceError> {
        Ok(Self { lines: Lines::open(path)?, line: Vec::new(), venue, times })
    }

    /// Moves to the next line that is not empty; false at the end.
    fn read_frame(&mut self) -> Result<bool, SourceError> {
        while self.lines.read(&mut self.line)? {
            if !self.line.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn event_time(&self) -> Option<u64> {
        let frame = std::str::from_utf8(&self.line).ok()?;
        match self.venue {
            Some(venue) => venue.classify(frame).event_time,
            None => Venue::ALL.iter().find_map(|venue| venue.classify(frame).event_time),
        }
    }
}

impl Source for FramesFile {
    fn next(&mut self, item: &mut Item) -> Option<Result<(), SourceError>> {
        match self.read_frame() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        let event = self.event_time();
        let Ok(frame) = std::str::from_utf8(&self.line) else {
            return Some(Err(self.lines.damaged("expected UTF-8")));
        };
        item.set_text(self.times.assign(event), Kind::Frame, frame);
        Some(Ok(()))
    }
}
