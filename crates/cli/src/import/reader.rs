//! The thread that reads: decompresses, cuts, judges, and queues what is to run.

use super::How;
use super::problem::Problem;
use super::queue::{Closed, Order, Place, Sender};
use super::report::Watch;
use super::source::Script;
use offshoot_wire::script::{
    EngineKind, Rewriter, Schemas, Splitter, Statement, Syntax, Target, Verdict, table_of,
};
use std::io::Read;
use std::sync::Arc;

/// Read at once: it stays in the processor's cache until it is cut.
const CHUNK: usize = 64 << 10;

pub(super) fn target(how: &How) -> Target {
    let kind = if how.engine.starts_with("mariadb") {
        EngineKind::Mariadb
    } else {
        EngineKind::Mysql
    };
    Target { kind }
}

/// Reads a script to its end, or to the first problem, which is the last that the queue holds.
pub(super) fn read(script: &Script, how: &How, limit: usize, watch: &Watch, mut sender: Sender) {
    let schemas = match how.keep_schemas {
        true => Schemas::Keep,
        false => Schemas::One(how.schema.clone()),
    };
    let mut reading = Reading {
        file: script.input.name().into(),
        rewriter: Rewriter::new(target(how), schemas),
        watch,
        table: None,
    };
    let problem = match reading.run(script, limit, &mut sender) {
        Ok(()) => None,
        Err(Stop::Problem(problem)) => Some(*problem),
        Err(Stop::Closed) => return,
    };
    watch.changed(reading.rewriter.changes());
    sender.finish(problem);
}

enum Stop {
    Problem(Box<Problem>),
    Closed,
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Stop::Closed
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Stop::Problem(Box::new(problem))
    }
}

struct Reading<'a> {
    file: Arc<str>,
    rewriter: Rewriter,
    watch: &'a Watch,
    table: Option<String>,
}

impl Reading<'_> {
    fn run(&mut self, script: &Script, limit: usize, sender: &mut Sender) -> Result<(), Stop> {
        let file = Arc::clone(&self.file);
        let unread = |error: std::io::Error| Problem::new(format!("{file}: {error}"));
        let mut input = script.input.open(&self.watch.read).map_err(unread)?;
        if let Some(schema) = &script.schema {
            let text = format!("USE `{}`", schema.replace('`', "``"));
            self.take(&made(&text), sender)?;
        }
        let mut splitter = match script.bare {
            true => Splitter::with_delimiter(limit, b";\n"),
            false => Splitter::new(limit),
        };
        let mut chunk = vec![0; CHUNK];
        loop {
            let n = match input.read(&mut chunk) {
                Ok(n) => n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unread(error).into()),
            };
            if n == 0 {
                splitter.finish();
            } else {
                splitter.push(&chunk[..n]);
            }
            loop {
                match splitter.statement() {
                    Ok(Some(statement)) => self.take(&statement, sender)?,
                    Ok(None) => break,
                    Err(error) => {
                        let problem = Problem::new(format!("{}: {error}", self.file))
                            .hint("is the dump whole? its last line is `-- Dump completed`");
                        return Err(problem.into());
                    }
                }
            }
            if n == 0 {
                return Ok(());
            }
        }
    }

    fn take(&mut self, statement: &Statement, sender: &mut Sender) -> Result<(), Stop> {
        let text = match self.rewriter.judge(&statement.text, statement.syntax) {
            Verdict::Run => statement.text.clone(),
            Verdict::Changed(text) => text.into(),
            Verdict::Skip => return Ok(()),
            Verdict::Refuse { reason, hint } => {
                let place = self.place(statement);
                return Err(Problem::new(reason)
                    .at(&place, &statement.text)
                    .hint(hint)
                    .into());
            }
        };
        if let Some(table) = table_of(&text)
            && self.table.as_ref() != Some(&table)
        {
            self.watch.at_table(&table);
            self.table = Some(table);
        }
        let at = self.place(statement);
        Ok(sender.push(Order { text, at })?)
    }

    fn place(&self, statement: &Statement) -> Place {
        Place {
            file: Arc::clone(&self.file),
            number: statement.number,
            line: statement.line,
            offset: statement.offset,
        }
    }
}

/// A statement that no file has.
fn made(text: &str) -> Statement {
    Statement {
        text: text.to_owned().into(),
        number: 0,
        line: 0,
        offset: 0,
        syntax: Syntax::default(),
    }
}
