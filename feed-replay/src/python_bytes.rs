//! Python's bytes literals (`b'\x1f\x8b...'`), as cryptofeed writes binary frames.

/// The bytes of a literal with either kind of quotes; none if it is no such literal.
#[must_use]
pub fn parse(literal: &str) -> Option<Vec<u8>> {
    let inner = literal.strip_prefix('b')?;
    let quote = inner.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let inner = inner.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'\\' { escaped(&mut rest)? } else { byte });
    }
    Some(bytes)
}

fn escaped(rest: &mut std::str::Bytes<'_>) -> Option<u8> {
    Some(match rest.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'x' => hex_digit(rest.next()?)? * 16 + hex_digit(rest.next()?)?,
        plain @ (b'\\' | b'\'' | b'"') => plain,
        _ => return None,
    })
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_python_writes() {
        assert_eq!(parse(r"b'\x1f\x8b a\'\\\n'").unwrap(), b"\x1f\x8b a'\\\n");
        assert_eq!(parse(r#"b"it's""#).unwrap(), b"it's");
        for wrong in ["", "b", "'a'", "b'a", r"b'\x1'", r"b'\q'"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
