//! What becomes of a dump's statement in a branch: it runs as it is, with changes, not at all, or
//! it is refused.
//!
//! This is no guard: the statements run under the branch's own restricted account, and the engine
//! refuses what is not the branch's. It is what lets dumps of other servers run there, and what
//! says early and in words why one cannot.

mod create;
mod schema;
mod set;

use super::lex::{Kind, Lexer, Token};
use super::syntax::Syntax;
use offshoot_core::engine::EngineKind;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// Where the statements run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub kind: EngineKind,
}

/// What becomes of the schemas that a dump names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schemas {
    /// It names one at most, and that is the branch's own schema of this name.
    One(String),
    /// Each keeps its name.
    Keep,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Run,
    /// Runs as this text.
    Changed(Vec<u8>),
    /// Does not run, and is not missed.
    Skip,
    Refuse {
        reason: String,
        hint: String,
    },
}

/// What was changed, for the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Definer,
    Schema,
    Collation,
    SqlMode,
    StorageEngine,
    TableOption,
    Default,
    Skipped,
}

impl Change {
    /// Name in machine-readable reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::Definer => "definers",
            Change::Schema => "schemas",
            Change::Collation => "collations",
            Change::SqlMode => "sql_modes",
            Change::StorageEngine => "storage_engines",
            Change::TableOption => "table_options",
            Change::Default => "defaults",
            Change::Skipped => "skipped",
        }
    }

    /// What was done, as a person says it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Change::Definer => ("definer", "rewritten to the branch's admin"),
            Change::Schema => ("schema name", "mapped to the branch's own"),
            Change::Collation => ("collation", "mapped"),
            Change::SqlMode => ("sql_mode", "without modes that the engine does not know"),
            Change::StorageEngine => ("table", "made with InnoDB instead of Aria"),
            Change::TableOption => ("table option", "left out"),
            Change::Default => ("default", "put into parentheses"),
            Change::Skipped => ("server setting", "skipped"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `12 definers rewritten to the branch's admin`.
pub fn describe(change: Change, count: u64) -> String {
    let (noun, verb) = change.words();
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural} {verb}")
}

/// Judges the statements of one dump in their order.
#[derive(Clone, Debug)]
pub struct Rewriter {
    target: Target,
    schemas: Schemas,
    /// The schema that is mapped: the first that the dump named.
    source: Option<String>,
    counts: BTreeMap<Change, u64>,
}

pub(super) const ADMIN: &str = "`offshoot_admin`@`localhost`";
const ACCOUNTS: &str =
    "dump without accounts; credentials are made with `offshoot password create`";
const SERVER: &str = "a branch's server is Offshoot's: take it out of the dump";
const CLIENT: &str = "put the statements themselves into the dump";

/// A statement that is being judged.
struct Draft<'a> {
    text: &'a [u8],
    /// Without the marks of executable comments.
    tokens: Vec<Token>,
    edits: Vec<(Range<usize>, String)>,
}

type Judged<T> = Result<T, Verdict>;

fn refuse<T>(reason: impl Into<String>, hint: impl Into<String>) -> Judged<T> {
    Err(Verdict::Refuse {
        reason: reason.into(),
        hint: hint.into(),
    })
}

impl Rewriter {
    pub fn new(target: Target, schemas: Schemas) -> Self {
        Self {
            target,
            schemas,
            source: None,
            counts: BTreeMap::new(),
        }
    }

    /// What was changed so far.
    pub fn changes(&self) -> &BTreeMap<Change, u64> {
        &self.counts
    }

    pub fn judge(&mut self, text: &[u8], syntax: Syntax) -> Verdict {
        /// The target of an INSERT is named within so many tokens.
        const HEAD: usize = 16;
        let significant = |t: &Token| !matches!(t.kind, Kind::Open | Kind::Close);
        let mut lexer = Lexer::new(text, syntax).filter(significant);
        let Some(first) = lexer.next() else {
            return Verdict::Run;
        };
        let data = first.is(text, "INSERT") || first.is(text, "REPLACE");
        let rest = lexer.take(if data { HEAD } else { usize::MAX });
        let mut draft = Draft {
            text,
            tokens: std::iter::once(first).chain(rest).collect(),
            edits: Vec::new(),
        };
        match self.look(&mut draft, data) {
            Err(verdict) => {
                if verdict == Verdict::Skip {
                    self.count(Change::Skipped);
                }
                verdict
            }
            Ok(()) if draft.edits.is_empty() => Verdict::Run,
            Ok(()) => Verdict::Changed(draft.edited()),
        }
    }

    fn look(&mut self, draft: &mut Draft<'_>, data: bool) -> Judged<()> {
        if data {
            return self.inserted(draft);
        }
        let word = |n: usize| draft.upper(n);
        let (first, second) = (word(0), word(1));
        match (first.as_str(), second.as_str()) {
            ("SET", "PASSWORD" | "ROLE" | "DEFAULT") => {
                return refuse("accounts cannot be changed in a branch", ACCOUNTS);
            }
            ("SET", _) => return self.settings(draft),
            ("USE", _) => return self.use_schema(draft),
            ("GRANT" | "REVOKE", _) | ("RENAME" | "ALTER" | "DROP", "USER" | "ROLE") => {
                return refuse(
                    "accounts and privileges cannot be changed in a branch",
                    ACCOUNTS,
                );
            }
            ("INSTALL" | "UNINSTALL", _) => {
                return refuse(
                    "plugins and components cannot be loaded in a branch",
                    SERVER,
                );
            }
            ("LOAD", "DATA" | "XML") => {
                return refuse(
                    "files cannot be read in an import",
                    "dump the rows as INSERT statements",
                );
            }
            ("CHANGE" | "RESET" | "PURGE" | "BINLOG", _)
            | ("START" | "STOP", "SLAVE" | "REPLICA" | "GROUP_REPLICATION" | "ALL") => {
                return refuse(
                    "replication cannot be changed in a branch",
                    "dump without --source-data, --master-data and --dump-replica, or take it out",
                );
            }
            ("SHUTDOWN" | "RESTART" | "KILL" | "CLONE" | "BACKUP" | "IMPORT", _)
            | ("ALTER", "INSTANCE") => {
                return refuse("the server cannot be administered in an import", SERVER);
            }
            ("FLUSH", "PRIVILEGES") => return Err(Verdict::Skip),
            ("FLUSH", second) if !matches!(second, "TABLE" | "TABLES") => {
                return refuse("the server cannot be administered in an import", SERVER);
            }
            ("SOURCE" | "CONNECT" | "SYSTEM", _) => {
                return refuse("this is a command of the command-line client", CLIENT);
            }
            ("SELECT" | "TABLE" | "WITH", _) => return into_file(draft),
            _ => {}
        }
        match first.as_str() {
            "CREATE" | "ALTER" | "DROP" => self.define(draft)?,
            "UPDATE" | "DELETE" | "TRUNCATE" | "LOCK" | "RENAME" => self.qualifiers(draft, true)?,
            "CALL" | "DO" | "ANALYZE" | "OPTIMIZE" | "CHECK" => self.qualifiers(draft, false)?,
            _ => {}
        }
        self.collations(draft);
        Ok(())
    }

    /// Collations that the engine does not have, wherever a definition or setting names them.
    fn collations(&mut self, draft: &mut Draft<'_>) {
        const MARKS: [&[u8]; 4] = [b"0900_", b"uca1400", b"UCA1400", b"nopad"];
        if !MARKS
            .iter()
            .any(|m| memchr::memmem::find(draft.text, m).is_some())
        {
            return;
        }
        for at in 0..draft.tokens.len() {
            let token = &draft.tokens[at];
            let named = token.kind == Kind::Word
                || (at > 0 && draft.is(at - 1, "COLLATE"))
                || (at > 1 && draft.is(at - 2, "COLLATE") && draft.tokens[at - 1].sign(b'='));
            let name = token.name(draft.text).filter(|_| named);
            if let Some(new) = name.and_then(|n| super::names::collation(self.target.kind, &n)) {
                draft.replace(at..at + 1, new);
                self.count(Change::Collation);
            }
        }
    }

    fn count(&mut self, change: Change) {
        *self.counts.entry(change).or_default() += 1;
    }
}

fn into_file(draft: &Draft<'_>) -> Judged<()> {
    let writes = |at: usize| draft.is(at, "OUTFILE") || draft.is(at, "DUMPFILE");
    if (1..draft.tokens.len()).any(|at| writes(at) && draft.is(at - 1, "INTO")) {
        return refuse(
            "files cannot be written in a branch",
            "take it out of the dump",
        );
    }
    Ok(())
}

impl Draft<'_> {
    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|t| t.is(self.text, word))
    }

    fn sign(&self, at: usize, sign: u8) -> bool {
        self.tokens.get(at).is_some_and(|t| t.sign(sign))
    }

    /// A word in capitals; empty where there is none.
    fn upper(&self, at: usize) -> String {
        match self.tokens.get(at) {
            Some(t) if t.kind == Kind::Word => {
                String::from_utf8_lossy(t.text(self.text)).to_ascii_uppercase()
            }
            _ => String::new(),
        }
    }

    /// The name that a token is, quoted or not.
    fn name(&self, at: usize) -> Option<String> {
        self.tokens.get(at)?.name(self.text)
    }

    fn range(&self, tokens: Range<usize>) -> Range<usize> {
        self.tokens[tokens.start].range.start..self.tokens[tokens.end - 1].range.end
    }

    fn replace(&mut self, tokens: Range<usize>, new: impl Into<String>) {
        let range = self.range(tokens);
        self.edits.push((range, new.into()));
    }

    /// The text with its edits. Of two that overlap, the first counts.
    fn edited(mut self) -> Vec<u8> {
        self.edits
            .sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = Vec::with_capacity(self.text.len() + 64);
        let mut at = 0;
        for (range, new) in &self.edits {
            if range.start < at {
                continue;
            }
            out.extend_from_slice(&self.text[at..range.start]);
            out.extend_from_slice(new.as_bytes());
            at = range.end;
        }
        out.extend_from_slice(&self.text[at..]);
        out
    }
}

/// The table that a statement fills or makes, for who watches; `None` for others.
pub fn table_of(text: &[u8]) -> Option<String> {
    const HEAD: usize = 12;
    let tokens: Vec<Token> = Lexer::new(text, Syntax::default())
        .filter(|t| !matches!(t.kind, Kind::Open | Kind::Close))
        .take(HEAD)
        .collect();
    let first = tokens.first()?;
    let at = if first.is(text, "INSERT") || first.is(text, "REPLACE") {
        tokens.iter().position(|t| t.is(text, "INTO"))? + 1
    } else if first.is(text, "CREATE") && tokens.get(1)?.is(text, "TABLE") {
        let exists = tokens.iter().position(|t| t.is(text, "EXISTS"));
        exists.map_or(2, |n| n + 1)
    } else {
        return None;
    };
    let at = match tokens.get(at + 1) {
        Some(dot) if dot.sign(b'.') => at + 2,
        _ => at,
    };
    tokens.get(at)?.name(text)
}

#[cfg(test)]
mod tests;
