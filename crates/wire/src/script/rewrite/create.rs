//! Definitions: who they run as, and what the other engine calls it.

use super::{ACCOUNTS, ADMIN, Change, Draft, Judged, Rewriter, SERVER, refuse};
use crate::script::lex::Kind;
use crate::script::names;
use offshoot_core::engine::EngineKind;
use std::ops::Range;

impl Rewriter {
    /// `CREATE`, `ALTER` or `DROP` of anything.
    pub(super) fn define(&mut self, draft: &mut Draft<'_>) -> Judged<()> {
        let (object, definer) = object(draft);
        let mysql = self.target.kind == EngineKind::Mysql;
        match draft.upper(object).as_str() {
            "USER" | "ROLE" => {
                return refuse("accounts cannot be changed in a branch", ACCOUNTS);
            }
            "TABLESPACE" | "UNDO" | "LOGFILE" | "SERVER" | "RESOURCE" | "INSTANCE" | "LIBRARY" => {
                return refuse("the server cannot be administered in an import", SERVER);
            }
            "DATABASE" | "SCHEMA" => return self.database(draft, object),
            what @ ("SEQUENCE" | "PACKAGE") if mysql => {
                return refuse(
                    format!("MySQL has no {}", what.to_ascii_lowercase()),
                    "import into a database with MariaDB, or take it out of the dump",
                );
            }
            "FUNCTION" if (object..draft.tokens.len()).any(|at| draft.is(at, "SONAME")) => {
                return refuse("plugins cannot be loaded in a branch", SERVER);
            }
            "TABLE" if draft.is(0, "CREATE") => self.table(draft, object)?,
            _ => {}
        }
        self.own_name(draft, object + 1)?;
        if let Some(range) = definer {
            self.definer(draft, range);
        }
        if draft.is(object, "TRIGGER")
            && let Some(on) = (object..draft.tokens.len()).find(|at| draft.is(*at, "ON"))
        {
            self.qualifier(draft, on + 1, true)?;
        }
        self.qualifiers(draft, false)
    }

    /// Definitions run as the branch's admin: no other account of their server is there.
    fn definer(&mut self, draft: &mut Draft<'_>, range: Range<usize>) {
        let own = draft.name(range.start).as_deref() == Some("offshoot_admin")
            && draft.name(range.end - 1).as_deref() == Some("localhost")
            && range.len() == 3;
        let current = draft.is(range.start, "CURRENT_USER");
        if !own && !current {
            draft.replace(range, ADMIN);
            self.count(Change::Definer);
        }
    }

    fn table(&mut self, draft: &mut Draft<'_>, object: usize) -> Judged<()> {
        let mysql = self.target.kind == EngineKind::Mysql;
        let (mut depth, mut closed) = (0u32, false);
        let mut aria = false;
        for at in object..draft.tokens.len() {
            if draft.sign(at, b'(') {
                depth += 1;
            } else if draft.sign(at, b')') {
                depth = depth.saturating_sub(1);
                closed |= depth == 0;
            }
            if draft.tokens[at].kind != Kind::Word {
                continue;
            }
            if mysql {
                versioned(draft, at)?;
                if draft.is(at, "DEFAULT") && depth == 1 {
                    self.default(draft, at + 1);
                }
                if draft.is(at, "IGNORED") && depth == 1 && draft.sign(at - 1, b')') {
                    draft.replace(at..at + 1, "INVISIBLE");
                }
                let value = value_of(draft, at);
                if draft.is(at, "ENGINE") && draft.is(value, "Aria") {
                    draft.replace(value..value + 1, "InnoDB");
                    aria = true;
                }
            }
            if closed && depth == 0 {
                self.option(draft, at, aria);
            }
        }
        if aria {
            self.count(Change::StorageEngine);
        }
        if mysql {
            inherit_collations(draft, object);
        }
        Ok(())
    }

    fn option(&mut self, draft: &mut Draft<'_>, at: usize, aria: bool) {
        let value = value_of(draft, at);
        if value >= draft.tokens.len() {
            return;
        }
        let name = draft.upper(at);
        // Aria's own formats.
        let format = name == "ROW_FORMAT"
            && self.target.kind == EngineKind::Mysql
            && (draft.is(value, "PAGE") || (aria && draft.is(value, "FIXED")));
        if format || names::is_foreign_option(self.target.kind, &name) {
            draft.replace(at..value + 1, "");
            self.count(Change::TableOption);
        }
    }

    /// MySQL wants an expression as a default in parentheses, MariaDB prints it without.
    fn default(&mut self, draft: &mut Draft<'_>, at: usize) {
        const BARE: [&str; 6] = [
            "CURRENT_TIMESTAMP",
            "NOW",
            "LOCALTIME",
            "LOCALTIMESTAMP",
            "ON",
            "NULL",
        ];
        let call = draft.tokens.get(at).is_some_and(|t| t.kind == Kind::Word);
        if !call || !draft.sign(at + 1, b'(') || BARE.iter().any(|b| draft.is(at, b)) {
            return;
        }
        let mut depth = 0u32;
        for end in at + 1..draft.tokens.len() {
            if draft.sign(end, b'(') {
                depth += 1;
            } else if draft.sign(end, b')') {
                depth -= 1;
                if depth == 0 {
                    let range = draft.range(at..end + 1);
                    draft.edits.push((range.start..range.start, "(".to_owned()));
                    draft.edits.push((range.end..range.end, ")".to_owned()));
                    self.count(Change::Default);
                    return;
                }
            }
        }
    }
}

/// MySQL prints a column's collation without its character set where the column has both from the
/// table. Said so, it counts as given to the column, and is printed otherwise for ever: it is left
/// out, so that a table comes out of a branch as it went in.
fn inherit_collations(draft: &mut Draft<'_>, object: usize) {
    let mut depth = 0u32;
    let (mut columns, mut own) = (Vec::new(), None);
    for at in object..draft.tokens.len() {
        if draft.sign(at, b'(') {
            depth += 1;
        } else if draft.sign(at, b')') {
            depth = depth.saturating_sub(1);
        } else if draft.is(at, "COLLATE") && depth == 0 {
            own = draft.name(value_of(draft, at));
        } else if draft.is(at, "COLLATE") && depth == 1 {
            let given = draft.is(at - 2, "SET") && draft.is(at - 3, "CHARACTER");
            if !given {
                columns.push(at);
            }
        }
    }
    for at in columns {
        if own.is_some() && draft.name(at + 1) == own {
            draft.replace(at..at + 2, "");
        }
    }
}

/// Where the value of an option stands, with or without `=`.
fn value_of(draft: &Draft<'_>, at: usize) -> usize {
    if draft.sign(at + 1, b'=') {
        at + 2
    } else {
        at + 1
    }
}

fn versioned(draft: &Draft<'_>, at: usize) -> Judged<()> {
    let versioning = draft.is(at, "SYSTEM") && draft.is(at + 1, "VERSIONING");
    let period = draft.is(at, "PERIOD") && draft.is(at + 1, "FOR");
    if versioning || period {
        return refuse(
            "MySQL has no system-versioned tables and no periods",
            "import into a database with MariaDB, or dump the table without its history",
        );
    }
    Ok(())
}

/// Where the kind of object stands, and the definer's tokens where there is one.
fn object(draft: &Draft<'_>) -> (usize, Option<Range<usize>>) {
    const PLAIN: [&str; 9] = [
        "OR",
        "REPLACE",
        "AGGREGATE",
        "TEMPORARY",
        "UNIQUE",
        "FULLTEXT",
        "ONLINE",
        "SPATIAL",
        "IGNORE",
    ];
    let mut at = 1;
    let mut definer = None;
    loop {
        if PLAIN.iter().any(|w| draft.is(at, w)) {
            at += 1;
        } else if (draft.is(at, "ALGORITHM") && draft.sign(at + 1, b'='))
            || (draft.is(at, "SQL") && draft.is(at + 1, "SECURITY"))
        {
            at += 3;
        } else if draft.is(at, "DEFINER") && draft.sign(at + 1, b'=') {
            let start = at + 2;
            let mut end = start + 1;
            if draft.sign(end, b'(') && draft.sign(end + 1, b')') {
                end += 2;
            }
            if draft.sign(end, b'@') {
                end += 2;
            }
            if end > draft.tokens.len() {
                return (at, definer);
            }
            definer = Some(start..end);
            at = end;
        } else {
            return (at, definer);
        }
    }
}
