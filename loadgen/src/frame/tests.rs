use super::*;

fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        short @ ..=125 => out.push(short as u8),
        medium @ ..=0xffff => {
            out.push(126);
            out.extend((medium as u16).to_be_bytes());
        }
        long => {
            out.push(127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend(payload);
    out
}

fn text(message: &Message<'_>) -> String {
    match message {
        Message::Text(bytes) if bytes.len() > 100 => format!("text of {}", bytes.len()),
        Message::Text(bytes) => format!("text {}", String::from_utf8_lossy(bytes)),
        other => format!("{other:?}"),
    }
}

fn decode(decoder: &mut Decoder, mut input: &[u8]) -> Result<Vec<String>, FrameError> {
    let mut seen = Vec::new();
    while let Some(message) = decoder.next(&mut input)? {
        seen.push(text(&message));
    }
    assert!(input.is_empty());
    Ok(seen)
}

/// Text of each length form, a fragmented message with a ping inside, and a close.
fn conversation() -> (Vec<u8>, Vec<String>) {
    let frames = [
        server_frame(0x81, b"one"),
        server_frame(0x81, b""),
        server_frame(0x01, b"fr"),
        server_frame(0x89, b"echo"),
        server_frame(0x00, b"ag"),
        server_frame(0x8a, b""),
        server_frame(0x80, b"ment"),
        server_frame(0x81, &[b'x'; 300]),
        server_frame(0x81, &[b'y'; 70_000]),
        server_frame(0x82, b"b"),
        server_frame(0x88, b"\x03\xe9bye"),
    ];
    let messages = [
        "text one",
        "text ",
        "Ping([101, 99, 104, 111])",
        "Pong",
        "text fragment",
        "text of 300",
        "text of 70000",
        "Binary([98])",
        "Close { code: 1001, reason: [98, 121, 101] }",
    ];
    (frames.concat(), messages.map(String::from).to_vec())
}

#[test]
fn a_split_at_any_byte_changes_nothing() {
    let (bytes, expected) = conversation();
    let interesting =
        (0..400).chain(bytes.len() - 70_100..bytes.len() - 69_900).chain(bytes.len() - 30..=bytes.len());
    for split in interesting {
        let mut decoder = Decoder::default();
        let mut seen = decode(&mut decoder, &bytes[..split]).unwrap();
        seen.extend(decode(&mut decoder, &bytes[split..]).unwrap());
        assert_eq!(seen, expected, "split at {split}");
    }
}

#[test]
fn single_bytes_are_enough() {
    let (bytes, expected) = conversation();
    let mut decoder = Decoder::default();
    let seen: Vec<_> = bytes.iter().flat_map(|byte| decode(&mut decoder, &[*byte]).unwrap()).collect();
    assert_eq!(seen, expected);
}

#[test]
fn what_is_whole_is_not_copied_and_little_is_kept() {
    let (bytes, _) = conversation();
    let mut decoder = Decoder::default();
    decode(&mut decoder, &server_frame(0x81, &[b'x'; 5000])).unwrap();
    assert_eq!(decoder.held_bytes(), 0);
    for chunk in bytes.chunks(1000) {
        decode(&mut decoder, chunk).unwrap();
    }
    assert!(decoder.held_bytes() <= KEPT_BYTES_MAX, "{}", decoder.held_bytes());
}

#[test]
fn broken_framing_is_named() {
    let long = [0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0];
    let cases: [(&[u8], FrameError); 10] = [
        (&[0x81, 0x81, 0, 0, 0, 0, 0], FrameError::Masked),
        (&[0xc1, 0x00], FrameError::Reserved(0xc1)),
        (&[0x83, 0x00], FrameError::Opcode(3)),
        (&[0x03, 0x00], FrameError::Opcode(3)),
        (&[0x8b, 0x00], FrameError::Opcode(11)),
        (&[0x09, 0x00], FrameError::Control),
        (&[0x89, 126, 0, 126], FrameError::Control),
        (&[0x80, 0x00], FrameError::Fragment),
        (&long, FrameError::TooLong(0xff << 56)),
        (&[0x88, 1, 3], FrameError::CloseCode),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode(&mut Decoder::default(), bytes), Err(error), "{bytes:02x?}");
    }
    let interleaved = [server_frame(0x01, b"a"), server_frame(0x81, b"b")].concat();
    assert_eq!(decode(&mut Decoder::default(), &interleaved), Err(FrameError::Fragment));
}

#[test]
fn client_frames_are_masked_in_all_length_forms() {
    for length in [0, 125, 126, 65_535, 65_536] {
        let payload: Vec<u8> = (0..length).map(|i: usize| i as u8).collect();
        let mut out = Vec::new();
        append_masked(&mut out, opcode::TEXT, &payload, [1, 2, 3, 4]);
        let body = out.len() - payload.len();
        assert_eq!(out[0], 0x81);
        assert_eq!(out[1] & 0x80, 0x80);
        assert_eq!(out[body - 4..body], [1, 2, 3, 4]);
        let unmasked: Vec<u8> =
            out[body..].iter().zip([1, 2, 3, 4].iter().cycle()).map(|(b, m)| b ^ m).collect();
        assert_eq!(unmasked, payload);
    }
}
