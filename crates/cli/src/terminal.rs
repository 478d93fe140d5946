//! Where results, messages and questions go.

use jiff::Timestamp;
use std::io::{self, BufRead, IsTerminal, Write};

pub struct Terminal {
    /// Results.
    pub out: Box<dyn Write + Send>,
    /// Messages and errors.
    pub err: Box<dyn Write + Send>,
    /// A person can be asked.
    pub interactive: bool,
    /// A person watches the messages: progress may be drawn.
    pub watched: bool,
    /// For "5 minutes ago".
    pub now: Timestamp,
}

impl Terminal {
    /// The process's own streams.
    pub fn real() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the border: the only place where the command tree reads the clock"
        )]
        let now = Timestamp::now();
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            watched: io::stderr().is_terminal(),
            now,
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
