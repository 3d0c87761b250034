//! The optional first line of a capture.

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

const MARK: &str = "# tickcast-capture ";

/// What the first line says of a capture: `# tickcast-capture 1 venue=binance source=...`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Keys and values in their order. Keys and values have no spaces, keys no `=`.
    pub fields: Vec<(String, String)>,
}

impl Header {
    /// A header that names the venue.
    #[must_use]
    pub fn of_venue(venue: &str) -> Self {
        Self::default().with("venue", venue)
    }

    /// The same header with one more field; white space in it becomes `_`.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        let plain = |text: &str| text.replace(char::is_whitespace, "_");
        self.fields.push((plain(key), plain(value)));
        self
    }

    /// The venue, where the header names it.
    #[must_use]
    pub fn venue(&self) -> Option<&str> {
        self.field("venue")
    }

    /// The recording of several files that this one belongs to, and its place there, from 1.
    #[must_use]
    pub fn part(&self) -> Option<(&str, u64)> {
        Some((self.field("recording")?, self.field("part")?.parse().ok()?))
    }

    /// The value of a field.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The line without its line feed.
    #[must_use]
    pub fn line(&self) -> String {
        let fields: String = self.fields.iter().map(|(key, value)| format!(" {key}={value}")).collect();
        format!("{MARK}{VERSION}{fields}")
    }

    /// Reads a first line: none where it is no header, an error with the version found where that is another one.
    pub(super) fn parse(line: &[u8]) -> Option<Result<Self, String>> {
        let rest = std::str::from_utf8(line).ok()?.strip_prefix(MARK)?;
        let mut words = rest.split_whitespace();
        let version = words.next().unwrap_or_default();
        if version.parse() != Ok(VERSION) {
            return Some(Err(version.chars().take(40).collect()));
        }
        let fields = words.filter_map(|word| word.split_once('='));
        let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Some(Ok(Self { fields }))
    }
}
