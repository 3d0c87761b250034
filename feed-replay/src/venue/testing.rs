//! What the tests of stand-ins share.

use crate::source::{Item, Kind};
use crate::stand_in::{ConnId, Moment, Out, Outbox, StandIn, Target};

pub(super) fn frame(text: &str) -> Item {
    let mut item = Item::default();
    item.set_text(1, Kind::Frame, text);
    item
}

/// A stand-in that has seen these records.
pub(super) fn served<S: StandIn>(mut stand_in: S, items: &[Item]) -> S {
    items.iter().for_each(|item| stand_in.survey(item));
    stand_in.surveyed();
    stand_in
}

/// Opens a connection and returns what it is greeted with.
pub(super) fn open(stand_in: &mut impl StandIn, conn: ConnId, target: &str) -> Vec<String> {
    let mut out = Outbox::default();
    stand_in.opened(conn, &Target::parse(target), 0, &mut out).expect(target);
    texts(&out, conn)
}

/// Sends a message and returns the replies.
pub(super) fn ask(stand_in: &mut impl StandIn, conn: ConnId, text: &str) -> Vec<String> {
    let mut out = Outbox::default();
    stand_in.message(conn, text, 0, &mut out);
    texts(&out, conn)
}

pub(super) fn play(stand_in: &mut impl StandIn, items: &[Item], moment: &Moment) -> Outbox {
    let mut out = Outbox::default();
    items.iter().for_each(|item| stand_in.play(item, moment, &mut out));
    out
}

pub(super) fn texts(out: &Outbox, conn: ConnId) -> Vec<String> {
    let of_conn = out.0.iter().filter(|(to, _)| *to == conn);
    of_conn
        .filter_map(|(_, out)| if let Out::Text(text) = out { Some(text.to_string()) } else { None })
        .collect()
}

/// The connections that are closed, with the code.
pub(super) fn closed(out: &Outbox) -> Vec<(ConnId, u16)> {
    let code = |(conn, out): &(ConnId, Out)| match out {
        Out::Close { code, .. } => Some((*conn, *code)),
        _ => None,
    };
    out.0.iter().filter_map(code).collect()
}
