//! hftbacktest's collector writes the REST depth body between the frames, without a tag.

/// Whether a frame is in truth the body of Binance's REST depth reply: an object that has `lastUpdateId` at its top level.
///
/// Partial depth events of a *raw* stream look the same; hftbacktest records combined streams, where they stand inside
/// `data`. Costs one search of the text for frames that do not have the word.
#[must_use]
pub fn is_rest_depth(frame: &str) -> bool {
    let needle = memchr::memmem::Finder::new("\"lastUpdateId\"");
    let text = frame.as_bytes();
    needle.find_iter(text).any(|at| nesting(&text[..at]) == Some(1))
}

/// How many brackets are open at the end of `text`; none if it ends inside a string.
fn nesting(text: &[u8]) -> Option<usize> {
    let (mut open, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => open += 1,
            b'}' | b']' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
    }
    (!in_string).then_some(open)
}
