//! What can still be read in a message that cannot be read: which symbol it was about.

/// The symbols, behind `symbol_key`, of a damaged message about a book, which the word behind `kind_key` tells; nothing if it
/// is about something else.
pub(crate) fn about<'a>(
    text: &'a [u8],
    kind_key: &str,
    is_book: impl Fn(&str) -> bool,
    symbol_key: &str,
) -> Option<Vec<&'a str>> {
    let is_about_book = strings(text, kind_key).any(is_book);
    is_about_book.then(|| strings(text, symbol_key).collect())
}

/// The strings that stand behind `"key":` in a damaged JSON text.
pub(crate) fn strings<'a>(text: &'a [u8], key: &str) -> impl Iterator<Item = &'a str> {
    let quoted = format!("\"{key}\"");
    let found: Vec<usize> =
        memchr::memmem::find_iter(text, quoted.as_bytes()).map(|at| at + quoted.len()).collect();
    found.into_iter().filter_map(move |at| string_at(&text[at..]))
}

/// The string behind a colon, without escapes; none if it is cut off.
fn string_at(text: &[u8]) -> Option<&str> {
    let text = text.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', text).filter(|end| text[*end] == b'"')?;
    std::str::from_utf8(&text[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_whole_strings_only() {
        let text =
            br#"{"symbol":"BTC/USD","x":1,"symbol" : "ETH/USD","symbol":7,"symbol":"a\"b","symbol":"XR"#;
        assert_eq!(strings(text, "symbol").collect::<Vec<_>>(), ["BTC/USD", "ETH/USD"]);
        assert_eq!(strings(b"", "symbol").count(), 0);
    }
}
