use super::*;
use proptest::prelude::*;

const ALL: [Dialect; 4] = [Dialect::Plain, Dialect::Nats, Dialect::Mqtt, Dialect::SocketIo];

/// What a server says to a subscriber of `a:b`, message by message, and what the subscriber answers, beginning with what it
/// says by itself.
fn conversation(dialect: Dialect) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let bytes = |texts: &[&[u8]]| texts.iter().map(|text| text.to_vec()).collect();
    match dialect {
        Dialect::Plain => (
            bytes(&[b"{\"subscribed\":1}", b"{\"x\":1}", b"{\"x\":2}"]),
            bytes(&[b"{\"subscribe\":[\"a:b\"]}"]),
        ),
        Dialect::Nats => (
            bytes(&[
                b"INFO {\"server_id\":\"N\",\"max_payload\":1048576}\r\n",
                b"PONG\r\n",
                // Two in one message, and one in two.
                b"MSG a:b 1 7\r\n{\"x\":1}\r\nPING\r\nMSG a:b 1 7\r\n{\"x",
                b"\":2}\r\n+OK\r\nINFO {}\r\n",
            ]),
            bytes(&[&[nats_connect().as_slice(), b"SUB a:b 1\r\nPING\r\n"].concat(), b"PONG\r\n"]),
        ),
        Dialect::Mqtt => (
            bytes(&[
                &[0x20, 2, 0, 0],
                &[0x90, 3, 0, 1, 0],
                b"\x30\x0c\0\x03a:b{\"x\":1}\xd0\0\x30\x0c\0\x03a:b{\"x",
                b"\":2}",
            ]),
            bytes(&[b"\x10\x0c\0\x04MQTT\x04\x02\0\x78\0\0", b"\x82\x08\0\x01\0\x03a:b\0"]),
        ),
        Dialect::SocketIo => (
            bytes(&[
                b"0{\"sid\":\"s\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}",
                b"40{\"sid\":\"t\"}",
                b"430[]",
                b"42[\"update\",{\"x\":1}]",
                b"2",
                b"6",
                b"42[\"update\",{\"x\":2}]",
            ]),
            bytes(&[b"40", b"420[\"subscribe\",[\"a:b\"]]", b"3"]),
        ),
    }
}

fn nats_connect() -> Vec<u8> {
    let options = "{\"verbose\":false,\"pedantic\":false,\"echo\":false,\"headers\":false,\"lang\":\"rust\",\
                   \"name\":\"loadgen\",\"version\":\"0.1.0\",\"protocol\":1}";
    format!("CONNECT {options}\r\n").into_bytes()
}

/// What came of these messages: updates, answers, and how it ended.
fn heard(
    speaker: &mut Speaker,
    messages: &[Vec<u8>],
) -> (Vec<String>, Vec<Vec<u8>>, Result<(), DialectError>) {
    let (mut updates, mut out) = (Vec::new(), Vec::new());
    speaker.open(&mut out);
    let ended = messages.iter().try_for_each(|message| {
        let mut update = |text: &[u8]| updates.push(String::from_utf8_lossy(text).into_owned());
        speaker.message(message, &mut out, &mut update)
    });
    (updates, out, ended)
}

fn subscriber(dialect: Dialect) -> Speaker {
    Speaker::new(dialect, vec!["a:b".to_owned()])
}

#[test]
fn a_subscriber_says_and_hears_what_the_servers_documents_tell() {
    for dialect in ALL {
        let (messages, answers) = conversation(dialect);
        let mut speaker = subscriber(dialect);
        assert_eq!(
            heard(&mut speaker, &messages),
            (vec!["{\"x\":1}".to_owned(), "{\"x\":2}".to_owned()], answers, Ok(())),
            "{dialect:?}"
        );
        assert!(speaker.is_ready(), "{dialect:?}");
    }
}

#[test]
fn nobody_is_ready_before_the_subscription_was_answered() {
    for (dialect, answer) in ALL.into_iter().zip([0, 1, 1, 2]) {
        let messages = conversation(dialect).0;
        let mut speaker = subscriber(dialect);
        heard(&mut speaker, &messages[..answer]).2.unwrap();
        assert!(!speaker.is_ready(), "{dialect:?}");
        speaker.message(&messages[answer], &mut Vec::new(), &mut |_| {}).unwrap();
        assert!(speaker.is_ready(), "{dialect:?}");
    }
}

#[test]
fn a_publisher_subscribes_to_nothing_and_says_what_it_publishes() {
    let greetings: [&[&[u8]]; 4] =
        [&[], &[b"INFO {}\r\n", b"PONG\r\n"], &[&[0x20, 2, 0, 0]], &[b"0{}", b"40{}"]];
    let published: [&[u8]; 4] = [
        b"{\"x\":1}",
        b"PUB a:b 7\r\n{\"x\":1}\r\n",
        b"\x30\x0c\0\x03a:b{\"x\":1}",
        b"42[\"publish\",{\"x\":1}]",
    ];
    for ((dialect, greeting), published) in ALL.into_iter().zip(greetings).zip(published) {
        let mut speaker = Speaker::new(dialect, Vec::new());
        let greeting: Vec<Vec<u8>> = greeting.iter().map(|text| text.to_vec()).collect();
        heard(&mut speaker, &greeting).2.unwrap();
        assert!(speaker.is_ready(), "{dialect:?}");
        let mut out = Vec::new();
        dialect.publish(&mut out, "a:b", b"{\"x\":1}");
        assert_eq!(out, published, "{dialect:?}");
    }
}

#[test]
fn lengths_of_mqtt_have_as_many_bytes_as_they_need_and_at_most_four() {
    for (length, digits) in [(122, 1), (123, 2), (16_378, 2), (16_379, 3)] {
        let mut out = Vec::new();
        Dialect::Mqtt.publish(&mut out, "a:b", &vec![b'x'; length]);
        assert_eq!(out.len(), 1 + digits + 5 + length);
        let mut came = 0;
        let mut speaker = subscriber(Dialect::Mqtt);
        speaker.message(&out, &mut Vec::new(), &mut |text| came += text.len()).unwrap();
        assert_eq!(came, length);
    }
    let endless =
        subscriber(Dialect::Mqtt).message(&[0x30, 0x80, 0x80, 0x80, 0x80, 1], &mut Vec::new(), &mut |_| {});
    assert!(matches!(endless, Err(DialectError::Unexpected(_))));
}

#[test]
fn many_symbols_of_mqtt_take_several_subscriptions_and_all_are_waited_for() {
    let mut speaker = Speaker::new(Dialect::Mqtt, vec!["a:b".to_owned(); 501]);
    let (_, out, ended) = heard(&mut speaker, &[vec![0x20, 2, 0, 0], vec![0x90, 3, 0, 1, 0]]);
    assert_eq!((out.len(), ended, speaker.is_ready()), (3, Ok(()), false));
    heard(&mut speaker, &[vec![0x90, 3, 0, 2, 0]]).2.unwrap();
    assert!(speaker.is_ready());
}

#[test]
fn only_mqtt_wants_a_sign_of_life_from_its_clients() {
    for dialect in ALL {
        let mut speaker = subscriber(dialect);
        assert_eq!(speaker.keep_alive(), None);
        heard(&mut speaker, &conversation(dialect).0).2.unwrap();
        assert_eq!(speaker.keep_alive(), (dialect == Dialect::Mqtt).then(|| vec![0xc0, 0]));
    }
}

#[test]
fn refusals_and_nonsense_are_told() {
    let refused = |text: &str| Err(DialectError::Refused(text.to_owned()));
    let unexpected = |text: &str| Err(DialectError::Unexpected(text.to_owned()));
    let long = format!("MSG a:b 1 {}\r\n", PACKET_BYTES_MAX + 1);
    let cases: [(Dialect, &[u8], Result<(), DialectError>); 15] = [
        (Dialect::Plain, b"hello", unexpected("hello")),
        (Dialect::Nats, b"-ERR 'Authorization Violation'\r\n", refused("'Authorization Violation'")),
        (Dialect::Nats, b"HELLO\r\n", unexpected("HELLO")),
        (Dialect::Nats, b"MSG a:b 1 x\r\n", unexpected("MSG a:b 1 x")),
        (Dialect::Nats, b"MSG 1\r\nx\r\n", unexpected("MSG 1")),
        (Dialect::Nats, b"MSG a:b 1 1\r\nxyz", unexpected("MSG a:b 1 1")),
        (Dialect::Nats, long.as_bytes(), Err(DialectError::TooLong)),
        (Dialect::Nats, &[b'x'; 64 << 10], Err(DialectError::TooLong)),
        (Dialect::Mqtt, &[0x20, 2, 0, 5], refused("return code 5 to CONNECT")),
        (Dialect::Mqtt, &[0x90, 3, 0, 1, 0x80], refused("a subscription")),
        (Dialect::Mqtt, b"\x30\x02\0!", unexpected("\0!")),
        (Dialect::Mqtt, &[0x30, 0xff, 0xff, 0x7f], Err(DialectError::TooLong)),
        (Dialect::SocketIo, b"44{\"message\":\"no\"}", refused("{\"message\":\"no\"}")),
        (Dialect::SocketIo, b"41", Err(DialectError::Goodbye)),
        (Dialect::SocketIo, b"42[\"other\",1]", unexpected("42[\"other\",1]")),
    ];
    for (dialect, message, expected) in cases {
        let ended = subscriber(dialect).message(message, &mut Vec::new(), &mut |_| {});
        assert_eq!(
            ended,
            expected,
            "{dialect:?}: {}",
            String::from_utf8_lossy(&message[..message.len().min(40)])
        );
    }
}

proptest! {
    /// A stream may be cut anywhere.
    #[test]
    fn pieces_of_any_size_are_the_same_stream(sizes in prop::collection::vec(1_usize..9, 1..200)) {
        for dialect in [Dialect::Nats, Dialect::Mqtt] {
            let stream = conversation(dialect).0.concat();
            let (mut rest, mut pieces) = (stream.as_slice(), Vec::new());
            for size in sizes.iter().cycle() {
                let (piece, more) = rest.split_at(rest.len().min(*size));
                pieces.push(piece.to_vec());
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
            let mut speaker = subscriber(dialect);
            let (updates, _, ended) = heard(&mut speaker, &pieces);
            prop_assert_eq!((updates.len(), ended, speaker.is_ready()), (2, Ok(()), true));
            prop_assert_eq!(speaker.packets.held_bytes(), 0);
        }
    }

    /// Whatever comes ends in an error at worst, and little is kept of it.
    #[test]
    fn garbage_is_survived(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        for dialect in ALL {
            let mut speaker = subscriber(dialect);
            let mut opened = conversation(dialect).0;
            opened.truncate(2);
            opened.extend_from_slice(&messages);
            let _ = heard(&mut speaker, &opened);
            prop_assert!(speaker.packets.held_bytes() <= 20 * 300 + 100);
        }
    }

    /// Sensible beginnings with bytes changed at random.
    #[test]
    fn damaged_conversations_are_survived(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for dialect in ALL {
            let mut messages = conversation(dialect).0;
            let which = at.index(messages.len());
            let place = at.index(messages[which].len());
            messages[which][place] = byte;
            let _ = heard(&mut subscriber(dialect), &messages);
        }
    }
}
