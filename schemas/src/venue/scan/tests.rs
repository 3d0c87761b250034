use super::*;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::VecDeque;

fn scanned(frame: &[u8]) -> Result<Vec<String>, VenueError> {
    let (mut unescaped, mut tape) = (Vec::new(), Vec::new());
    Scanner::scan(frame, &mut unescaped, &mut tape)?;
    Ok(tape.iter().map(|node| format!("{node:?}")).collect())
}

/// The tape as it has to be, by serde_json.
fn expected(text: &str, tape: &mut Vec<String>) {
    match serde_json::from_str(text).expect("JSON") {
        Value::Null => tape.push(format!("{:?}", Node::Static(StaticNode::Null))),
        Value::Bool(value) => tape.push(format!("{:?}", Node::Static(StaticNode::Bool(value)))),
        Value::Number(_) => tape.push(format!("{:?}", Node::String(text.trim_ascii()))),
        Value::String(string) => tape.push(format!("{:?}", Node::String(&string))),
        Value::Array(values) => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).expect("an array");
            let header = tape.len();
            tape.push(String::new());
            elements.iter().for_each(|element| expected(element.get(), tape));
            let count = tape.len() - header - 1;
            tape[header] = format!("{:?}", Node::Array { len: values.len(), count });
        }
        Value::Object(_) => {
            let members = Members::of(text);
            let header = tape.len();
            tape.push(String::new());
            for (key, value) in &members.0 {
                tape.push(format!("{:?}", Node::String(key)));
                expected(value.get(), tape);
            }
            let count = tape.len() - header - 1;
            tape[header] = format!("{:?}", Node::Object { len: members.0.len(), count });
        }
    }
}

/// All members, duplicates too, in their order.
struct Members(VecDeque<(String, Box<RawValue>)>);

impl Members {
    fn of(text: &str) -> Self {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = VecDeque::new();
                while let Some(member) = map.next_entry()? {
                    members.push_back(member);
                }
                Ok(Members(members))
            }
        }
        serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(text), Visitor)
            .expect("an object")
    }
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
        "\\PC{0,12}".prop_map(|text| Value::String(text).to_string()),
        r#""(\\[nrt/\\"]|\\u00e9|\\ud83d\\ude00|a){0,5}""#,
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let members = prop::collection::vec(("[ab\u{e9}\"\\\\]{0,3}", inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|values| format!("[ {} ]", values.join(" , "))),
            members.prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(key, value)| format!("{}\t:\n{value}", Value::String(key)))
                    .collect();
                format!("{{{}}} ", members.join(","))
            }),
        ]
    })
}

#[test]
fn keeps_every_digit() {
    let tape = scanned(br#"[63501.60,-0.00,1e-7,18446744073709551616]"#).unwrap();
    assert_eq!(
        tape[1..],
        [
            r#"String("63501.60")"#,
            r#"String("-0.00")"#,
            r#"String("1e-7")"#,
            r#"String("18446744073709551616")"#
        ]
    );
}

#[test]
fn says_what_was_expected_where() {
    let syntax = |offset, expected| VenueError::Syntax { offset, expected };
    let cases: [(&[u8], VenueError); 14] = [
        (b"", VenueError::Truncated { bytes: 0 }),
        (b"{\"a\":tru", VenueError::Truncated { bytes: 8 }),
        (b"[1.", VenueError::Truncated { bytes: 3 }),
        (b"[\"\\", VenueError::Truncated { bytes: 3 }),
        (b"[\"\xc3", VenueError::Truncated { bytes: 3 }),
        (b"[\"\xff\"]", syntax(2, "UTF-8")),
        (b"{a:1}", syntax(1, "a key")),
        (b"{\"a\" 1}", syntax(5, "a colon")),
        (b"{\"a\":1 \"b\":2}", syntax(7, "a comma or the end of an object")),
        (b"[1 2]", syntax(3, "a comma or the end of an array")),
        (b"[01]", syntax(2, "a point, an exponent or the end of a number")),
        (b"[-x]", syntax(2, "a digit")),
        (b"[nul]", syntax(1, "true, false or null")),
        (b"1 1", syntax(2, "the end of the frame")),
    ];
    for (frame, error) in cases {
        assert_eq!(scanned(frame), Err(error), "{}", String::from_utf8_lossy(frame));
    }
    assert!(matches!(scanned(b"[\"\x01\"]"), Err(VenueError::Syntax { offset: 2, .. })));
    assert!(matches!(scanned(br#"["\q"]"#), Err(VenueError::Syntax { offset: 1, .. })));
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(scanned(nested(DEPTH_MAX).as_bytes()).is_ok());
    assert_eq!(scanned(nested(DEPTH_MAX + 1).as_bytes()), Err(VenueError::TooDeep));
    assert_eq!(scanned("[".repeat(1_000_000).as_bytes()), Err(VenueError::TooDeep));
}

proptest! {
    #[test]
    fn reads_what_serde_json_reads(text in json()) {
        let mut tape = Vec::new();
        expected(&text, &mut tape);
        prop_assert_eq!(scanned(text.as_bytes()), Ok(tape), "{}", text);
    }

    #[test]
    fn refuses_what_serde_json_refuses(mut text in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        text.push(' ');
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // A number that a float cannot hold is a number all the same.
        let valid = match serde_json::from_slice::<Value>(&bytes) {
            Ok(_) => true,
            Err(error) if error.to_string().starts_with("number out of range") => {
                serde_json::from_slice::<&RawValue>(&bytes).is_ok()
            }
            Err(_) => false,
        };
        prop_assert_eq!(scanned(&bytes).is_ok(), valid, "{:?}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn every_beginning_is_called_cut_off(text in json()) {
        let text = format!("[{}]", text.trim_ascii_end());
        for end in 0..text.len() {
            let error = scanned(&text.as_bytes()[..end]);
            prop_assert_eq!(error, Err(VenueError::Truncated { bytes: end }), "{:?}", text.get(..end));
        }
    }
}
