//! What a dump consists of: a file, standard input, or a directory of `mydumper`; compressed or not.

use super::{How, directory};
use crate::failure::Failure;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Read at once, in bytes.
const BUFFER: usize = 256 << 10;
/// The most that the window of a zstd file may take, as a power of two: what `zstd --ultra` makes.
const ZSTD_WINDOW_LOG: u32 = 27;

/// A dump, opened far enough to know that it can be read.
#[derive(Debug)]
pub(crate) struct Dump {
    /// As the user wrote it.
    pub(crate) name: String,
    /// Groups that follow each other; the scripts of one group do not depend on each other.
    pub(crate) groups: Vec<Vec<Script>>,
    /// Bytes of all files; `None` for standard input.
    pub(crate) total: Option<u64>,
}

/// One file of statements.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) input: Input,
    /// The schema that its statements are in, where the file itself does not say.
    pub(crate) schema: Option<String>,
    /// Written by `mydumper`: it relies on settings of the session that loads it, and every
    /// statement of it, and nothing else, ends with a semicolon and a line.
    pub(crate) bare: bool,
    /// What a session says before it, where anything.
    pub(crate) first: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(crate) enum Input {
    Stdin,
    File(PathBuf),
}

impl Dump {
    /// `-` is standard input.
    pub(crate) fn find(name: &str) -> Result<Self, Failure> {
        if name == "-" {
            return Ok(Self {
                name: "standard input".to_owned(),
                groups: vec![vec![Script::plain(Input::Stdin)]],
                total: None,
            });
        }
        let path = Path::new(name);
        let failed = |source| Failure::File {
            path: path.to_owned(),
            source,
        };
        let about = std::fs::metadata(path).map_err(failed)?;
        let groups = if about.is_dir() {
            directory::groups(path)?
        } else {
            vec![vec![Script::plain(Input::File(path.to_owned()))]]
        };
        let mut total = 0;
        for script in groups.iter().flatten() {
            if let Input::File(file) = &script.input {
                let unread = |source| Failure::File {
                    path: file.clone(),
                    source,
                };
                total += std::fs::metadata(file).map_err(unread)?.len();
                // What cannot be read is said before anything is done to the database.
                script.input.open(&Arc::default()).map_err(unread)?;
            }
        }
        Ok(Self {
            name: name.to_owned(),
            groups,
            total: Some(total),
        })
    }
}

impl Dump {
    /// Whether the dump can be loaded so; refused where its schemas cannot be one.
    pub(crate) fn fits(&self, how: &How) -> Result<(), Failure> {
        let scripts = self.groups.iter().flatten();
        let mut schemas: Vec<&str> = scripts.filter_map(|s| s.schema.as_deref()).collect();
        schemas.sort_unstable();
        schemas.dedup();
        if how.keep_schemas || schemas.len() < 2 {
            return Ok(());
        }
        Err(Failure::usage(
            format!("the dump has several schemas: {}", schemas.join(", ")),
            "import one of them, or all under their own names with --keep-schemas",
        ))
    }
}

impl Script {
    fn plain(input: Input) -> Self {
        Self {
            input,
            schema: None,
            bare: false,
            first: None,
        }
    }
}

impl Input {
    pub(crate) fn name(&self) -> String {
        match self {
            Input::Stdin => "standard input".to_owned(),
            Input::File(path) => path.display().to_string(),
        }
    }

    /// Its text, decompressed. `read` counts the bytes as they are stored.
    pub(crate) fn open(&self, read: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
        let inner: Box<dyn Read + Send> = match self {
            Input::Stdin => Box::new(io::stdin()),
            Input::File(path) => Box::new(File::open(path)?),
        };
        let mut counted = Counted {
            inner,
            read: Arc::clone(read),
        };
        let mut head = [0; 6];
        let there = fill(&mut counted, &mut head)?;
        let head = &head[..there];
        let whole = io::Cursor::new(head.to_vec()).chain(counted);
        Ok(match head {
            [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(
                BufReader::with_capacity(BUFFER, whole),
            )),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                let mut decoder = zstd::stream::read::Decoder::new(whole)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            head => match unknown(head) {
                Some(what) => return Err(io::Error::new(io::ErrorKind::InvalidData, what)),
                None => Box::new(whole),
            },
        })
    }
}

/// What surely is no SQL, and what to do about it.
fn unknown(head: &[u8]) -> Option<String> {
    let decompress = |what: &str, program: &str| {
        format!(
            "this is {what}: decompress it first, for instance `{program} FILE | offshoot database import DATABASE -`"
        )
    };
    match head {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some(decompress("an xz file", "xz -dc")),
        [b'B', b'Z', b'h', ..] => Some(decompress("a bzip2 file", "bzip2 -dc")),
        [b'P', b'K', 3, 4, ..] => Some(decompress("a zip file", "unzip -p")),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(decompress("an lz4 file", "lz4 -dc")),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(
            "this is UTF-16 text: write the dump with --result-file, not with `>` of a shell that converts it"
                .to_owned(),
        ),
        [b'X', b'B', b'S', b'T', ..] => {
            Some("this is a physical backup, not a dump: restore it into a server, and dump that".to_owned())
        }
        _ => None,
    }
}

fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut there = 0;
    while there < into.len() {
        match from.read(&mut into[there..]) {
            Ok(0) => break,
            Ok(n) => there += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(there)
}

struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(into)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dump.sql");
        std::fs::write(&file, bytes).unwrap();
        let mut text = Vec::new();
        Input::File(file)
            .open(&Arc::default())?
            .read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn compression_is_known_by_its_first_bytes() {
        let text = b"SELECT 1;\n".repeat(1000);
        let gz = |text: &[u8]| {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(text).unwrap();
            gz.finish().unwrap()
        };
        let zst = |text: &[u8]| zstd::stream::encode_all(text, 1).unwrap();
        assert_eq!(read(&text).unwrap(), text);
        assert_eq!(read(b"").unwrap(), b"");
        // Parallel compressors write several members or frames.
        for packed in [
            gz(&text),
            zst(&text),
            [gz(&text[..10]), gz(&text[10..])].concat(),
            [zst(&text[..10]), zst(&text[10..])].concat(),
        ] {
            assert_eq!(read(&packed).unwrap(), text);
            assert!(read(&packed[..packed.len() - 3]).is_err());
        }
        for other in [
            &b"\xfd7zXZ\0x"[..],
            b"BZh91",
            b"PK\x03\x04xx",
            b"\xff\xfeS\0",
            b"XBSTCK01",
        ] {
            assert!(read(other).is_err());
        }
    }
}
