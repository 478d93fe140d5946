//! Schemas: which one a dump means, and which nobody may touch.

use super::{Change, Draft, Judged, Rewriter, Schemas, refuse};
use crate::script::lex::Kind;

const SYSTEM: [&str; 4] = ["mysql", "sys", "performance_schema", "information_schema"];

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Words behind which a name with a dot begins with its schema.
const BEFORE_TABLE: [&str; 14] = [
    "FROM",
    "JOIN",
    "INTO",
    "UPDATE",
    "TABLE",
    "TABLES",
    "REFERENCES",
    "TRIGGER",
    "VIEW",
    "PROCEDURE",
    "FUNCTION",
    "EVENT",
    "CALL",
    "EXISTS",
];

impl Rewriter {
    /// What a schema of the dump is called in the branch.
    fn mapped(&mut self, name: &str) -> Judged<Option<String>> {
        untouchable(name)?;
        let Schemas::One(own) = &self.schemas else {
            return Ok(None);
        };
        let own = own.clone();
        let source = self.source.get_or_insert_with(|| name.to_owned());
        if source != name {
            let first = source.clone();
            return refuse(
                format!("the dump has several schemas: {first} and {name}"),
                "import one of them, or all under their own names with --keep-schemas",
            );
        }
        Ok((own != name).then_some(own))
    }

    pub(super) fn use_schema(&mut self, draft: &mut Draft<'_>) -> Judged<()> {
        if let Some(name) = draft.name(1)
            && let Some(own) = self.mapped(&name)?
        {
            draft.replace(1..2, quoted(&own));
            self.count(Change::Schema);
        }
        Ok(())
    }

    /// `CREATE`, `ALTER`, `DROP DATABASE`; the name stands at `at`, behind `IF [NOT] EXISTS`.
    pub(super) fn database(&mut self, draft: &mut Draft<'_>, object: usize) -> Judged<()> {
        let mut at = object + 1;
        let exists = draft.is(at, "IF");
        while ["IF", "NOT", "EXISTS"].iter().any(|w| draft.is(at, w)) {
            at += 1;
        }
        let Some(name) = draft.name(at) else {
            return Ok(());
        };
        if let Some(own) = self.mapped(&name)? {
            draft.replace(at..at + 1, quoted(&own));
            self.count(Change::Schema);
        }
        // The branch's own schema is there.
        if draft.is(0, "CREATE") && !draft.is(1, "OR") && !exists && self.schemas != Schemas::Keep {
            draft.replace(object..object + 1, "DATABASE IF NOT EXISTS");
        }
        Ok(())
    }

    /// The target of an INSERT or REPLACE.
    pub(super) fn inserted(&mut self, draft: &mut Draft<'_>) -> Judged<()> {
        const BEFORE: [&str; 5] = ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"];
        let mut at = 1;
        while BEFORE.iter().any(|w| draft.is(at, w)) {
            at += 1;
        }
        self.qualifier(draft, at, true)
    }

    /// A qualified name at `at`: its schema is mapped; a `written` one must not be the engine's.
    pub(super) fn qualifier(
        &mut self,
        draft: &mut Draft<'_>,
        at: usize,
        written: bool,
    ) -> Judged<()> {
        let word = draft
            .tokens
            .get(at)
            .is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Name));
        let Some(name) = draft.name(at).filter(|_| word && draft.sign(at + 1, b'.')) else {
            return Ok(());
        };
        if written {
            untouchable(&name)?;
        }
        if let Schemas::One(own) = &self.schemas
            && self.source.as_ref() == Some(&name)
            && *own != name
        {
            draft.replace(at..at + 1, quoted(own));
            self.count(Change::Schema);
        }
        Ok(())
    }

    /// Every schema that qualifies a table or routine in the statement.
    pub(super) fn qualifiers(&mut self, draft: &mut Draft<'_>, written: bool) -> Judged<()> {
        for at in 1..draft.tokens.len().saturating_sub(2) {
            if !draft.sign(at + 1, b'.') || draft.sign(at - 1, b'.') {
                continue;
            }
            // `schema.table.column`, `schema.function(…)`, or behind a word that wants a table.
            let three = draft.sign(at + 3, b'.');
            let call = draft.sign(at + 3, b'(');
            let mut before = at - 1;
            while before > 0 && draft.sign(before, b'(') {
                before -= 1;
            }
            let table = BEFORE_TABLE.iter().any(|w| draft.is(before, w));
            let listed = draft.sign(at - 1, b',') && (draft.is(0, "LOCK") || draft.is(0, "DROP"));
            if three || call || table || listed {
                self.qualifier(draft, at, written && (table || listed))?;
            }
        }
        Ok(())
    }

    /// The name of what is made, changed or dropped stands at `at`, behind `IF [NOT] EXISTS`.
    pub(super) fn own_name(&self, draft: &Draft<'_>, mut at: usize) -> Judged<()> {
        while ["IF", "NOT", "EXISTS"].iter().any(|w| draft.is(at, w)) {
            at += 1;
        }
        match draft.name(at) {
            Some(name) if draft.sign(at + 1, b'.') => untouchable(&name),
            _ => Ok(()),
        }
    }
}

fn untouchable(name: &str) -> Judged<()> {
    if SYSTEM.iter().any(|s| name.eq_ignore_ascii_case(s)) {
        return refuse(
            format!("schema {name} belongs to the engine"),
            "dump your own schemas, for instance `mysqldump --databases shop`, not all of them",
        );
    }
    Ok(())
}
