//! The symbols of a feed that runs, when they are to be others.

use std::sync::{Arc, Mutex, PoisonError};

/// Where the list of a machine's symbols is left when it changes. The machine looks for it from time to time.
#[derive(Debug, Clone, Default)]
pub struct Roster(Arc<Mutex<Option<Vec<String>>>>);

impl Roster {
    /// Leaves another list, by the venue's names, in the place of one that was not taken yet.
    pub fn leave(&self, symbols: Vec<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(symbols);
    }

    /// Takes what was left.
    pub(crate) fn take(&self) -> Option<Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl PartialEq for Roster {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Roster {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Action, Actions, Machine};
    use crate::market::Market;
    use crate::settings::Settings;
    use crate::testing::{market, ms, story};
    use crate::venue::Venue;
    use schemas::model::Channel;

    struct Rig {
        market: Arc<Market>,
        machine: Box<dyn Machine>,
        roster: Roster,
        now: u64,
    }

    impl Rig {
        /// Connected.
        fn new(venue: Venue, symbols: &[&str]) -> Self {
            let (market, roster) = (market(), Roster::default());
            let settings = Settings {
                symbols: names(symbols),
                roster: Some(roster.clone()),
                ..Settings::new(venue.name(), "e")
            };
            let mut machine = venue.machine(settings, Arc::clone(&market)).unwrap();
            machine.connected(ms(1_000), &mut Actions::new());
            Self { market, machine, roster, now: 1_000 }
        }

        /// Leaves a list, and gives what is sent and fetched then.
        fn change_to(&mut self, symbols: &[&str]) -> Vec<String> {
            self.roster.leave(names(symbols));
            self.pass(300).into_iter().chain(self.pass(2_000)).collect()
        }

        fn pass(&mut self, ms_later: u64) -> Vec<String> {
            let mut actions = Actions::new();
            self.now += ms_later;
            self.machine.tick(ms(self.now), &mut actions);
            let text = |action| match action {
                Action::Send(text) => text,
                Action::Fetch(fetch) => fetch.path,
                other => panic!("{other:?}"),
            };
            actions.drain().map(text).filter(|text| text != "ping").collect()
        }

        fn frame(&mut self, frame: &str) {
            self.machine.frame(ms(self.now), &mut frame.as_bytes().to_vec(), &mut Actions::new());
        }
    }

    fn names(symbols: &[&str]) -> Vec<String> {
        symbols.iter().map(|symbol| (*symbol).to_owned()).collect()
    }

    fn okx_book(name: &str) -> String {
        format!(
            r#"{{"arg":{{"channel":"books","instId":"{name}"}},"action":"snapshot","data":[{{"asks":[],"bids":[["1","1","0","1"]],"ts":"1597026383085","checksum":0,"seqId":1,"prevSeqId":-1}}]}}"#
        )
    }

    #[test]
    fn only_the_differences_are_asked_for() {
        let mut rig = Rig::new(Venue::Okx, &["A-B", "C-D"]);
        rig.frame(&okx_book("A-B"));
        rig.frame(&okx_book("C-D"));
        assert!(rig.machine.is_live());
        let sent = rig.change_to(&["C-D", "E-F"]);
        assert!(sent[0].starts_with(r#"{"op":"unsubscribe""#) && sent[0].contains("A-B"), "{sent:?}");
        assert!(sent[1].starts_with(r#"{"op":"subscribe""#) && sent[1].contains("E-F"), "{sent:?}");
        assert!(sent.len() == 2 && !sent.concat().contains("C-D"), "{sent:?}");
        assert!(!rig.machine.is_live(), "one has not come yet");
        rig.frame(&okx_book("E-F"));
        rig.frame(&okx_book("A-B"));
        assert!(rig.machine.is_live(), "one is nobody's concern any more");
        let told = story(&rig.market, Channel::Book, "okx:A-B");
        assert_eq!(told[2..], ["3 state stale no longer configured"]);
        assert_eq!(story(&rig.market, Channel::Book, "okx:C-D").len(), 2, "nothing has touched it");
        rig.change_to(&["C-D", "E-F", "A-B"]);
        rig.frame(&okx_book("A-B"));
        let told = story(&rig.market, Channel::Book, "okx:A-B");
        assert_eq!(told[3..], ["4 state resyncing subscribing", "5 reset bids 1x1 asks", "6 state live"]);
        assert!(rig.machine.is_live());
    }

    #[test]
    fn streams_and_snapshots_of_binance_follow() {
        let mut rig = Rig::new(Venue::Binance, &["AB"]);
        rig.pass(1_500);
        let asked = rig.change_to(&["CD"]);
        let has = |part: &str| asked.iter().any(|text| text.contains(part));
        assert!(has(r#""method":"SUBSCRIBE""#) && has("cd@depth@100ms") && has("symbol=CD"), "{asked:?}");
        assert!(has(r#""method":"UNSUBSCRIBE""#) && has("ab@trade"), "{asked:?}");
        assert!(rig.machine.dial().contains("cd@trade") && !rig.machine.dial().contains("ab@"));
    }
}
