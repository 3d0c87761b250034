//! Compression of captures, seen by the first bytes when reading and by the file's name when writing.

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BUFFER_BYTES: usize = 256 << 10;
const ZSTD_LEVEL: i32 = 9;

/// How the bytes of a capture are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one member or several.
    Gzip,
    /// zstd, one frame or several.
    Zstd,
}

impl Compression {
    /// What a file's name announces: zstd for `.zst`, gzip for `.gz`.
    #[must_use]
    pub fn of_name(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("zst") => Self::Zstd,
            Some("gz") => Self::Gzip,
            _ => Self::None,
        }
    }

    /// What the first bytes of a file tell, whatever its name says.
    #[must_use]
    pub fn of_first_bytes(bytes: &[u8]) -> Self {
        if bytes.starts_with(&ZSTD_MAGIC) {
            Self::Zstd
        } else if bytes.starts_with(&GZIP_MAGIC) {
            Self::Gzip
        } else {
            Self::None
        }
    }
}

/// The plain text of `input`, which is decompressed if its first bytes say so. A cut off end is an error of the kind
/// [`io::ErrorKind::UnexpectedEof`] behind all that could be read before it.
///
/// # Errors
/// Those of reading the first bytes, and of setting up the decompression.
pub fn decompressed<'a, R: BufRead + Send + 'a>(mut input: R) -> io::Result<Box<dyn BufRead + Send + 'a>> {
    let mut magic = Vec::with_capacity(ZSTD_MAGIC.len());
    input.by_ref().take(ZSTD_MAGIC.len() as u64).read_to_end(&mut magic)?;
    let compression = Compression::of_first_bytes(&magic);
    let input = io::Cursor::new(magic).chain(input);
    Ok(match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(input))),
        Compression::Zstd => {
            let decoder = zstd::Decoder::with_buffer(input)?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
        }
    })
}

/// An output that compresses what is written to it. It must be finished: see [`Compressor::finish`].
///
/// # Errors
/// Those of setting up the compression.
pub fn compressed<W: Write>(output: W, compression: Compression) -> io::Result<Compressor<W>> {
    Ok(match compression {
        Compression::None => Compressor::None(output),
        Compression::Gzip => Compressor::Gzip(GzEncoder::new(output, flate2::Compression::default())),
        Compression::Zstd => Compressor::Zstd(zstd::Encoder::new(output, ZSTD_LEVEL)?),
    })
}

/// What [`compressed`] returns.
pub enum Compressor<W: Write> {
    /// Writes through.
    None(W),
    /// Writes gzip.
    Gzip(GzEncoder<W>),
    /// Writes zstd.
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Compressor<W> {
    /// What is written to.
    pub fn get_ref(&self) -> &W {
        match self {
            Self::None(output) => output,
            Self::Gzip(encoder) => encoder.get_ref(),
            Self::Zstd(encoder) => encoder.get_ref(),
        }
    }

    /// Writes the end of the compressed data and gives the output back, flushed.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(self) -> io::Result<W> {
        let mut output = match self {
            Self::None(output) => output,
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        output.flush()?;
        Ok(output)
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(output) => output.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::None(output) => output.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

impl<W: Write> std::fmt::Debug for Compressor<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None(_) => "Compressor::None",
            Self::Gzip(_) => "Compressor::Gzip",
            Self::Zstd(_) => "Compressor::Zstd",
        })
    }
}
