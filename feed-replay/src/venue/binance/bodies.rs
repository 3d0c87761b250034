//! Which of the recorded depth bodies a book begins with: the first one within each run of events without a gap.
//!
//! Many recorders fetch a body every few minutes, which a long recording must not make the stand-in keep.

use super::depth::Body;
use super::frame::Event;

/// Bodies that wait for an event which goes on from them; more than a few in a row are of a stream that was not recorded.
const WAITING_MAX: usize = 8;

/// The bodies of one symbol that are kept.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    runs: Vec<Run>,
    /// Newer than all events so far.
    waiting: Vec<Body>,
}

/// Events that follow each other.
#[derive(Debug)]
struct Run {
    /// What the first event follows.
    after: u64,
    last: u64,
    body: Option<Body>,
}

impl Bodies {
    /// Takes an event of the stream that keeps the book.
    pub(super) fn see(&mut self, event: &Event<'_>) {
        let Some(last) = event.last_id else { return };
        match self.runs.last_mut() {
            Some(run) if last <= run.last => return,
            Some(run) if event.follows(run.last, false) => run.last = last,
            _ => {
                let after = event.previous_id.or(event.first_id.map(|first| first.saturating_sub(1)));
                self.runs.push(Run { after: after.unwrap_or(last), last, body: None });
            }
        }
        if self.waiting.iter().any(|body| body.last_update_id < last) {
            std::mem::take(&mut self.waiting).into_iter().for_each(|body| self.take(body));
        }
    }

    /// Takes a body, and keeps it if a book will begin with it.
    pub(super) fn take(&mut self, body: Body) {
        let id = body.last_update_id;
        if self.runs.last().is_none_or(|run| id >= run.last) {
            if self.waiting.len() == WAITING_MAX {
                // Who asks before anything is played is given the first one.
                self.waiting.remove(1);
            }
            self.waiting.push(body);
        } else if let Some(run) = self.runs.iter_mut().rev().find(|run| run.after <= id && id < run.last) {
            run.body.get_or_insert(body);
        }
    }

    /// What is kept, in the order in which it is needed.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Body> {
        self.runs.iter().filter_map(|run| run.body.as_ref()).chain(&self.waiting)
    }

    /// The bytes of what is kept.
    pub(super) fn bytes(&self) -> usize {
        self.kept().map(|body| body.text.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(first: u64, last: u64) -> Event<'static> {
        Event { first_id: Some(first), last_id: Some(last), ..Event::default() }
    }

    fn body(id: u64) -> Body {
        Body { last_update_id: id, text: id.to_string().into() }
    }

    fn kept(bodies: &Bodies) -> Vec<u64> {
        bodies.kept().map(|body| body.last_update_id).collect()
    }

    #[test]
    fn of_a_run_of_events_the_first_body_is_kept() {
        let mut bodies = Bodies::default();
        // One that comes before the event that it joins, one behind it, and one in the middle of an event.
        bodies.take(body(5));
        assert_eq!(kept(&bodies), [5]);
        bodies.see(&event(4, 8));
        bodies.see(&event(9, 12));
        for id in [7, 10, 11] {
            bodies.take(body(id));
        }
        assert_eq!(kept(&bodies), [5]);
        // Behind a gap another one is needed.
        bodies.see(&event(20, 25));
        bodies.take(body(15));
        bodies.take(body(22));
        bodies.take(body(23));
        assert_eq!(kept(&bodies), [5, 22]);
    }

    #[test]
    fn futures_follow_by_the_number_before() {
        let mut bodies = Bodies::default();
        let future = |previous, last| Event { previous_id: Some(previous), ..event(last - 1, last) };
        bodies.see(&future(10, 30));
        bodies.see(&future(30, 50));
        bodies.take(body(20));
        bodies.take(body(40));
        bodies.see(&future(51, 60));
        bodies.take(body(55));
        assert_eq!(kept(&bodies), [20, 55]);
    }

    #[test]
    fn bodies_of_a_stream_without_events_do_not_pile_up() {
        let mut bodies = Bodies::default();
        (1..1_000).for_each(|id| bodies.take(body(id)));
        let kept = kept(&bodies);
        assert_eq!((kept.len(), kept[0], kept[WAITING_MAX - 1]), (WAITING_MAX, 1, 999));
        assert_eq!(bodies.bytes(), 1 + 3 * (WAITING_MAX - 1));
    }
}
