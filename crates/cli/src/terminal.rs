//! Where results, messages and questions go.

use jiff::Timestamp;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

pub struct Terminal {
    /// Results.
    pub out: Box<dyn Write + Send>,
    /// Messages and errors.
    pub err: Box<dyn Write + Send>,
    /// A person can be asked.
    pub interactive: bool,
    /// A person watches the messages: progress may be drawn.
    pub watched: bool,
    /// Characters of a line, where results go to a screen.
    pub width: Option<u16>,
    /// Results, and messages, may have colors.
    pub colors: Colors,
    /// For "5 minutes ago".
    pub now: Timestamp,
    /// Where the command runs: project files are looked for from there.
    pub directory: PathBuf,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Colors {
    pub out: bool,
    pub err: bool,
}

/// ANSI colors, by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Terminal {
    /// The process's own streams.
    pub fn real() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the border: the only place where the command tree reads the clock"
        )]
        let now = Timestamp::now();
        let (out, err) = (io::stdout(), io::stderr());
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let plain = set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let (screen, watched) = (out.is_terminal(), err.is_terminal());
        let size = || terminal_size::terminal_size_of(&out);
        Self {
            interactive: io::stdin().is_terminal() && watched,
            watched,
            width: screen.then(size).flatten().map(|(width, _)| width.0),
            colors: Colors {
                out: screen && !plain,
                err: watched && !plain,
            },
            out: Box::new(out),
            err: Box::new(err),
            now,
            directory: std::env::current_dir().unwrap_or_default(),
        }
    }

    /// Streams that nobody watches, in no directory.
    pub fn files(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, now: Timestamp) -> Self {
        Self {
            out,
            err,
            interactive: false,
            watched: false,
            width: None,
            colors: Colors::default(),
            now,
            directory: PathBuf::new(),
        }
    }

    /// Asks a question and reads one line.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<String> {
        write!(self.err, "{question} ")?;
        self.err.flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

/// The text in a color, where there are colors.
pub(crate) fn colored(text: &str, color: Color, on: bool) -> String {
    match on {
        true => format!("\u{1b}[{}m{text}\u{1b}[0m", color as u8),
        false => text.to_owned(),
    }
}
