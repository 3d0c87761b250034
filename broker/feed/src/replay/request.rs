//! What a recorded request over HTTP was for.

use crate::machine::{Fetch, Purpose};

/// What a URL asked for; none if no machine has a use for it.
pub(super) fn fetch_of(url: &str) -> Option<Fetch> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let purpose = match path.rsplit('/').next()? {
        "depth" => {
            let symbol = query.split('&').find_map(|pair| pair.strip_prefix("symbol="));
            symbol.map_or(Purpose::DepthOfUnknown, |symbol| Purpose::Depth(decoded(symbol)))
        }
        "exchangeInfo" => Purpose::Symbols,
        _ => return None,
    };
    Some(Fetch { path: url.to_owned(), purpose })
}

/// Undoes percent encoding; what is none stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = (byte == b'%').then(|| after.get(..2)).flatten();
        let code = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_depth_from_the_rest() {
        let purpose = |url| fetch_of(url).map(|fetch| fetch.purpose);
        let depth = |symbol: &str| Some(Purpose::Depth(symbol.to_owned()));
        assert_eq!(purpose("https://x/api/v1/depth?symbol=ZILUSDT&limit=1000"), depth("ZILUSDT"));
        assert_eq!(purpose("https://x/api/v3/depth?limit=5&symbol=%C3%A9%"), depth("é%"));
        assert_eq!(purpose("https://x/api/v3/depth"), Some(Purpose::DepthOfUnknown));
        assert_eq!(purpose("https://x/api/v3/exchangeInfo?symbol=A"), Some(Purpose::Symbols));
        assert_eq!(purpose("https://x/api/v3/time"), None);
    }
}
