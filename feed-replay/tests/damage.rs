//! Damaged input: told where and what, and nothing else is lost.

#![allow(clippy::unwrap_used, reason = "a test may")]

use feed_replay::import::import;
use feed_replay::info::Info;
use feed_replay::source::{Format, RestFile, detect};
use feed_replay::tape::Tape;
use feed_replay::venue::Venue;
use std::fs;
use std::path::{Path, PathBuf};

fn file(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn info(path: &Path) -> Info {
    Info::read(&Tape::new(&[path.to_owned()], None, None).unwrap()).unwrap()
}

#[test]
fn a_damaged_line_of_each_format_is_named_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let trade = r#"{"e":"trade","E":1617647603816,"s":"BTCUSDT","t":1}"#;
    let cases = [
        (
            "a.capture",
            format!("1 {trade}\nnonsense\n2 {trade}\n"),
            Format::Capture,
            "line 2: expected the time",
        ),
        (
            "b.cryptofeed",
            format!("1.5: {trade}\n2.5 {trade}\n3.5: {trade}\n"),
            Format::Cryptofeed,
            "line 2: expected `T: message`",
        ),
        (
            "c.cbcap",
            format!("CBCAP1 v s 5\n5 51\n{trade}\nx y\n6 51\n{trade}\n"),
            Format::Cbcap,
            "line 4: expected `<ns> <length>`",
        ),
    ];
    for (name, content, format, message) in cases {
        let path = file(folder.path(), name, &content);
        assert_eq!(detect(&path).unwrap(), format);
        let info = info(&path);
        assert_eq!((info.frames, info.damaged), (2, 1), "{name}: {:?}", info.errors);
        assert!(info.errors[0].contains(message), "{:?}", info.errors);
    }
}

#[test]
fn lines_of_other_systems_are_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let trade = r#"{"e":"trade","E":1617647603816,"s":"BTCUSDT","t":1}"#;
    let cases = [
        ("a.cryptofeed", format!("wss://h <-> 1.0\r\n1.5: {trade}\r\n2.5: {trade}\r\n")),
        ("b.cbcap", format!("CBCAP1 v s 5\r\n5 51\r\n{trade}\r\n6 51\r\n{trade}\r\n")),
        ("c.ndjson", format!("{trade}\r\n\r\n{trade}\r\n")),
    ];
    for (name, content) in cases {
        let info = info(&file(folder.path(), name, &content));
        let found = (info.frames, info.frame_bytes, info.damaged);
        assert_eq!(found, (2, 2 * trade.len() as u64, 0), "{name}: {:?}", info.errors);
    }
}

#[test]
fn a_file_that_breaks_off_counts_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "c.cbcap", "CBCAP1 v s 5\n5 2\n{}\n6 100\n{}");
    let info = info(&path);
    assert_eq!(info.frames, 1);
    assert!(info.errors[0].contains("line 4: the file breaks off here"), "{:?}", info.errors);
}

#[test]
fn what_is_no_file_of_the_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "c.cbcap", "hello\n");
    let tape = Tape::new(std::slice::from_ref(&path), Some(Format::Cbcap), None).unwrap();
    let out = folder.path().join("out.zst");
    let error = import(&tape, Venue::Kraken, &out, |_| {}).unwrap_err().to_string();
    assert!(error.contains("line 1: expected `CBCAP1"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    assert!(Tape::new(&[folder.path().join("missing")], None, None).is_err());
}

#[test]
fn a_rest_body_is_put_before_the_event_that_continues_it() {
    let folder = tempfile::tempdir().unwrap();
    let depth = |first: u64, last: u64| {
        format!(
            r#"{{"e":"depthUpdate","E":1617647603816,"s":"BTCUSDT","U":{first},"u":{last},"b":[],"a":[]}}"#
        )
    };
    let content = format!("{}\n{}\n{}\n", depth(1, 4), depth(5, 9), depth(10, 12));
    let stream = file(folder.path(), "s.ndjson", &content);
    let with_body = |id: u64| {
        let body =
            file(folder.path(), "body.json", &format!("{{\"lastUpdateId\":{id},\"bids\":[],\"asks\":[]}}\n"));
        let rest: RestFile = format!("https://x/depth?symbol=BTCUSDT={}", body.display()).parse().unwrap();
        let tape = Tape::new(std::slice::from_ref(&stream), None, Some(Venue::Binance))
            .unwrap()
            .with_rest(vec![rest]);
        let mut seen = Vec::new();
        tape.read(|error| panic!("{error}"), |item| seen.push(item.text[..9].to_owned())).map(|()| seen)
    };
    let place = |id| with_body(id).unwrap().iter().position(|text| text.starts_with("{\"lastUpd")).unwrap();
    assert_eq!((place(4), place(6), place(8), place(9), place(12), place(99)), (1, 1, 1, 2, 3, 3));
    fs::write(&stream, depth(5, 9)).unwrap();
    let error = with_body(3).unwrap_err().to_string();
    assert!(error.contains("at 3 does not join the capture: its depth events go from 5 to 9"), "{error}");
}
