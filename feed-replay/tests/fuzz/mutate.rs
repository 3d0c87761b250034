//! What is done to a frame: bytes flipped, cut off, put in and taken out, numbers changed, values exchanged.

use serde_json::Value;

/// Random numbers from a seed: SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

const BYTES: &[u8] = b"{}[]\",:\\0123456789eE.-+ ntf\0\n\xff\xc3";
const NUMBERS: [&str; 9] = [
    "0",
    "-1",
    "0.00000000",
    "-0",
    "1e5",
    "99999999999999999999999999999999",
    "18446744073709551616",
    "1.2.3",
    "",
];

/// A frame changed in one to three places; `other` is one that pieces are taken from.
pub(crate) fn mutated(frame: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = frame.to_vec();
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            break;
        }
        match random.below(8) {
            0 => *byte_of(&mut bytes, random) = *random.pick(BYTES),
            1 => *byte_of(&mut bytes, random) ^= 1 << random.below(8),
            2 => bytes.truncate(random.below(frame.len())),
            3 => drop(bytes.drain(piece(bytes.len(), random))),
            4 => splice(&mut bytes, other, random),
            5 => repeat(&mut bytes, random),
            6 => change_number(&mut bytes, random),
            _ => change_structure(&mut bytes, random),
        }
    }
    bytes
}

fn byte_of<'a>(bytes: &'a mut [u8], random: &mut Random) -> &'a mut u8 {
    let at = random.below(bytes.len());
    &mut bytes[at]
}

/// Mostly short, so that most of the frame stays as it was.
fn piece(length: usize, random: &mut Random) -> std::ops::Range<usize> {
    let start = random.below(length);
    let most = if random.one_in(4) { length } else { 12 };
    start..length.min(start + 1 + random.below(most))
}

fn splice(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if other.is_empty() {
        return;
    }
    let taken = other[piece(other.len(), random)].to_vec();
    let place = piece(bytes.len(), random);
    bytes.splice(place, taken);
}

fn repeat(bytes: &mut Vec<u8>, random: &mut Random) {
    let again = piece(bytes.len(), random);
    let (at, taken) = (again.end, bytes[again].to_vec());
    bytes.splice(at..at, taken);
}

/// Changes a digit, or the whole number that it stands in.
fn change_number(bytes: &mut Vec<u8>, random: &mut Random) {
    let digits: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
    if digits.is_empty() {
        return;
    }
    let at = *random.pick(&digits);
    if random.one_in(2) {
        bytes[at] = b'0' + random.below(10) as u8;
        return;
    }
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let start = at - bytes[..at].iter().rev().take_while(|byte| is_part(byte)).count();
    let end = at + bytes[at..].iter().take_while(|byte| is_part(byte)).count();
    bytes.splice(start..end, random.pick(&NUMBERS).bytes());
}

/// Takes a value out, puts it in twice, or puts another in its place.
fn change_structure(bytes: &mut Vec<u8>, random: &mut Random) {
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return };
    change_value(&mut value, random);
    *bytes = value.to_string().into_bytes();
}

/// Goes down to some depth, and changes what it finds there.
fn change_value(value: &mut Value, random: &mut Random) {
    let how = random.below(3);
    match value {
        Value::Object(members) if !members.is_empty() => {
            let key = members.keys().nth(random.below(members.len())).cloned().unwrap_or_default();
            match random.one_in(3) {
                false => change_value(&mut members[&key], random),
                true if how == 0 => drop(members.shift_remove(&key)),
                true => members[&key] = other_value(random),
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            let at = random.below(elements.len());
            match random.one_in(3) {
                false => change_value(&mut elements[at], random),
                true if how == 0 => drop(elements.remove(at)),
                true if how == 1 => elements.push(elements[at].clone()),
                true => elements[at] = other_value(random),
            }
        }
        value => *value = other_value(random),
    }
}

fn other_value(random: &mut Random) -> Value {
    match random.below(7) {
        0 => Value::Null,
        1 => true.into(),
        2 => Value::Array(Vec::new()),
        3 => serde_json::json!({}),
        4 => serde_json::json!([["1", "1"]]),
        5 => (random.next() as i64).into(),
        _ => (*random.pick(&NUMBERS)).into(),
    }
}
