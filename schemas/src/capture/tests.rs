use super::*;
use proptest::prelude::*;
use std::io::Write;

/// A record that owns its parts, for making some.
#[derive(Debug, Clone)]
enum Owned {
    Frame(String),
    Binary(Vec<u8>),
    Open(String),
    Sent(String),
    Http(String, String),
    Close(u16, String),
    Error(String),
}

impl Owned {
    fn body(&self) -> Body<'_> {
        match self {
            Self::Frame(frame) => Body::Frame(frame),
            Self::Binary(bytes) => Body::Binary(bytes),
            Self::Open(url) => Body::Open { url },
            Self::Sent(frame) => Body::Sent(frame),
            Self::Http(url, body) => Body::Http { url, body },
            Self::Close(code, reason) => Body::Close { code: *code, reason },
            Self::Error(message) => Body::Error(message),
        }
    }
}

fn any_body() -> impl Strategy<Value = Owned> {
    let text = || {
        prop_oneof![
            "\\PC{0,40}",
            "[@#\\n\\r {}a0]{0,8}",
            "\\{\"e\":\"trade\",\"p\":\"[0-9]{1,5}\\.[0-9]{2}\"\\}"
        ]
    };
    let url = || "wss://[a-z]{1,8}/[a-z@/?=]{0,20}";
    prop_oneof![
        4 => text().prop_map(Owned::Frame),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Owned::Binary),
        1 => url().prop_map(Owned::Open),
        1 => text().prop_map(Owned::Sent),
        1 => (url(), text()).prop_map(|(url, body)| Owned::Http(url, body)),
        1 => (any::<u16>(), text()).prop_map(|(code, reason)| Owned::Close(code, reason)),
        1 => text().prop_map(Owned::Error),
    ]
}

fn written(records: &[(u64, u32, Owned)], compression: Compression) -> Vec<u8> {
    let mut writer = Writer::new(compressed(Vec::new(), compression).unwrap());
    writer.header(&Header::of_venue("binance")).unwrap();
    for (time, conn, body) in records {
        writer.write(&Record { time: *time, conn: *conn, body: body.body() }).unwrap();
    }
    writer.into_inner().finish().unwrap()
}

/// All frames of a capture and the messages of its errors.
fn frames_and_errors(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut reader = Reader::new(decompressed(bytes).unwrap());
    let (mut frames, mut errors) = (Vec::new(), Vec::new());
    while let Some(record) = reader.next() {
        match record {
            Ok(record) => frames.push(format!("{:?}", record.body)),
            Err(error) => errors.push(error.to_string()),
        }
    }
    (frames, errors)
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(
        records in prop::collection::vec((any::<u64>(), 0_u32..3, any_body()), 0..20),
        compression in prop::sample::select(vec![Compression::None, Compression::Gzip, Compression::Zstd]),
    ) {
        let bytes = written(&records, compression);
        let mut reader = Reader::new(decompressed(&bytes[..]).unwrap());
        prop_assert_eq!(reader.header().unwrap().and_then(Header::venue), Some("binance"));
        for (time, conn, body) in &records {
            let record = reader.next().unwrap().unwrap();
            prop_assert_eq!(record, Record { time: *time, conn: *conn, body: body.body() });
        }
        prop_assert!(reader.next().is_none());
    }

    #[test]
    fn no_line_makes_it_panic(line in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = parse_line(&line, &mut Vec::new());
    }

    #[test]
    fn assigned_times_never_go_backwards(events in prop::collection::vec(prop::option::of(0_u64..10_000_000_000), 1..50)) {
        let first = events.iter().position(Option::is_some);
        let mut times = EventTimes::leading_up_to(first.and_then(|at| events[at]), first.unwrap_or(0) as u64);
        let assigned: Vec<_> = events.iter().map(|event| times.assign(*event)).collect();
        prop_assert!(assigned.is_sorted());
    }
}

#[test]
fn records_before_the_first_event_time_lead_up_to_it() {
    let mut times = EventTimes::leading_up_to(Some(1_000_000_000), 2);
    let assigned: Vec<_> =
        [None, None, Some(1_000_000_000), Some(5), None].map(|event| times.assign(event)).into();
    assert_eq!(assigned, [998_000_000, 999_000_000, 1_000_000_000, 1_000_000_000, 1_001_000_000]);
}

#[test]
fn a_damaged_line_is_named_and_the_next_one_read() {
    let text = "1 {\"a\":1}\nx {}\n3\n4 @nonsense\n5 @http onlyurl\n6 @bin ***\n99999999999999999999 {}\n8 {\"b\":2}";
    let (frames, errors) = frames_and_errors(text.as_bytes());
    assert_eq!(frames, ["Frame(\"{\\\"a\\\":1}\")", "Frame(\"{\\\"b\\\":2}\")"]);
    let expected = [
        "line 2: expected the time in unix nanoseconds, found \"x {}\"",
        "line 3: expected a frame or a tag after the time, found the end of the line",
        "line 4: expected a frame or one of @bin, @open, @sent, @http, @close, @error, @conn, @frame;base64, found \"@nonsense\"",
        "line 5: @http: expected <url> <body>",
        "line 6: @bin: expected base64 with padding",
        "line 7: expected the time in unix nanoseconds, found \"99999999999999999999 {}\"",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn bytes_that_are_no_text_damage_one_line() {
    let (frames, errors) = frames_and_errors(b"1 {\xff}\n2 {}\n");
    assert_eq!(frames, ["Frame(\"{}\")"]);
    assert_eq!(errors, ["line 1: expected UTF-8, found another byte at offset 3"]);
}

#[test]
fn a_line_beyond_the_limit_is_skipped_without_being_kept() {
    let text = format!("1 {}\n2 {{}}\n", "x".repeat(10_000));
    let mut reader =
        Reader::new(std::io::BufReader::with_capacity(64, text.as_bytes())).with_line_bytes_max(100);
    let error = reader.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "line 1: expected a line of at most 100 bytes, found a longer one");
    assert!(error.is_damage());
    assert_eq!(reader.next().unwrap().unwrap().body, Body::Frame("{}"));
    assert!(reader.next().is_none());
    assert_eq!(reader.damaged(), 1);
}

#[test]
fn a_cut_off_end_delivers_what_came_before() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        // Noise, so that compression cannot fold all of it into the last block.
        let noise = |n: u64| format!("{:x}", (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let records: Vec<_> = (0..50_000).map(|n| (n, 0, Owned::Frame(noise(n)))).collect();
        let whole = written(&records, compression);
        let (frames, errors) = frames_and_errors(&whole[..whole.len() * 3 / 4]);
        assert!(frames.len() > 10_000, "{compression:?}: {} frames", frames.len());
        assert!(
            frames.iter().enumerate().all(|(n, frame)| *frame == format!("Frame({:?})", noise(n as u64)))
        );
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("the capture's end is missing"), "{errors:?}");
    }
}

#[test]
fn a_flushed_block_is_read_though_nothing_follows_it() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let mut writer = Writer::new(compressed(Vec::new(), compression).unwrap());
        let record = |time| Record { time, conn: 0, body: Body::Frame("{}") };
        for time in 1..=3 {
            writer.write(&record(time)).unwrap();
        }
        writer.flush().unwrap();
        let bytes = writer.get_ref().get_ref().clone();
        let (frames, errors) = frames_and_errors(&bytes);
        assert_eq!((frames.len(), errors.len()), (3, 1), "{compression:?}");
        let mut reader = Reader::new(decompressed(&bytes[..]).unwrap());
        let torn = std::iter::from_fn(|| Some(reader.next()?.err())).flatten().next().unwrap();
        assert!(torn.is_torn() && !torn.is_damage(), "{torn}");
        assert_eq!(reader.damaged(), 0);
    }
}

#[test]
fn several_gzip_members_and_zstd_frames_are_one_capture() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let member = |text: &str| {
            let mut output = compressed(Vec::new(), compression).unwrap();
            output.write_all(text.as_bytes()).unwrap();
            output.finish().unwrap()
        };
        let bytes = [member("1 {}\n2 {\"a\""), member(":1}\n")].concat();
        assert_eq!(
            frames_and_errors(&bytes),
            (vec!["Frame(\"{}\")".into(), "Frame(\"{\\\"a\\\":1}\")".into()], vec![])
        );
    }
}

#[test]
fn a_first_line_of_another_version_ends_it() {
    let (frames, errors) = frames_and_errors(b"# tickcast-capture 2 venue=kraken\n1 {}\n");
    assert!(frames.is_empty());
    assert_eq!(errors, ["line 1: expected a capture of version 1, found version \"2\""]);
}

#[test]
fn the_header_is_optional_and_comments_are_skipped() {
    let mut reader = Reader::new(&b"# a note\n\n7 @conn 2 {}\n# another\n"[..]);
    assert_eq!(reader.header().unwrap(), None);
    assert_eq!(reader.next().unwrap().unwrap(), Record { time: 7, conn: 2, body: Body::Frame("{}") });
    assert!(reader.next().is_none());
    assert_eq!(
        Header::of_venue("kraken").with("symbols", "a b").line(),
        "# tickcast-capture 1 venue=kraken symbols=a_b"
    );
    let part = Header::default().with("recording", "7f").with("part", "2");
    assert_eq!((part.part(), Header::of_venue("kraken").part()), (Some(("7f", 2)), None));
}

#[test]
fn a_depth_body_is_told_by_its_top_level() {
    assert!(is_rest_depth(r#"{"lastUpdateId":5,"bids":[]}"#));
    assert!(is_rest_depth(r#"{"bids":[["1","2"]],"x":"}\"","lastUpdateId":5}"#));
    assert!(!is_rest_depth(r#"{"stream":"btcusdt@depth5","data":{"lastUpdateId":5}}"#));
    assert!(!is_rest_depth(r#"{"note":"\"lastUpdateId\""}"#));
    assert!(!is_rest_depth(r#"{"e":"trade"}"#));
}

#[test]
fn lines_may_end_as_other_systems_end_them() {
    let plain =
        "# tickcast-capture 1 venue=okx\n1 @open wss://h/a\n\n2 pong\n3 @bin AAE=\n4 @close 1000\n5 {}";
    let read = |text: &str| frames_and_errors(text.as_bytes());
    let (frames, errors) = read(&plain.replace('\n', "\r\n"));
    assert_eq!((&frames, &errors), (&read(plain).0, &vec![]));
    assert_eq!(frames.len(), 5);
}
