//! `SET`: settings of the session pass, those of the server do not.

use super::{Change, Draft, Judged, Rewriter, SERVER, Verdict, refuse};
use crate::script::lex::Kind;
use crate::script::names;
use offshoot_core::engine::EngineKind;
use std::ops::Range;

/// Settings that dumps carry for other servers, and that an import is right without.
const SKIPPED: [&str; 6] = [
    "SQL_LOG_BIN",
    "GTID_PURGED",
    "GTID_NEXT",
    "PSEUDO_THREAD_ID",
    "PSEUDO_SLAVE_MODE",
    "INNODB_STATS_AUTO_RECALC",
];

impl Rewriter {
    pub(super) fn settings(&mut self, draft: &mut Draft<'_>) -> Judged<()> {
        let parts = parts(draft);
        let mut kept = Vec::new();
        for part in &parts {
            if self.setting(draft, part.clone())? {
                kept.push(part.clone());
            }
        }
        if kept.is_empty() {
            return Err(Verdict::Skip);
        }
        if kept.len() < parts.len() {
            self.count(Change::Skipped);
            let text: Vec<String> = kept
                .into_iter()
                .map(|part| String::from_utf8_lossy(&draft.text[draft.range(part)]).into_owned())
                .collect();
            return Err(Verdict::Changed(
                format!("SET {}", text.join(", ")).into_bytes(),
            ));
        }
        self.collations(draft);
        Ok(())
    }

    /// `false`: it is left out.
    fn setting(&mut self, draft: &mut Draft<'_>, part: Range<usize>) -> Judged<bool> {
        let mut at = part.start;
        let system = draft.sign(at, b'@') && draft.sign(at + 1, b'@');
        if system {
            at += 2;
        } else if draft.sign(at, b'@') {
            return Ok(true);
        }
        let scope = draft.upper(at);
        let scoped = matches!(
            scope.as_str(),
            "GLOBAL" | "SESSION" | "LOCAL" | "PERSIST" | "PERSIST_ONLY"
        );
        if scoped {
            at += if draft.sign(at + 1, b'.') { 2 } else { 1 };
        }
        let name = draft.upper(at);
        if SKIPPED.contains(&name.as_str()) {
            return Ok(false);
        }
        if matches!(scope.as_str(), "GLOBAL" | "PERSIST" | "PERSIST_ONLY") {
            return refuse(
                format!("{name} is a setting of the server, not of the session"),
                SERVER,
            );
        }
        let value = part.end - 1;
        // Without the checks MariaDB (since 10.6) gathers a whole transaction before it inserts: slower, and
        // a row that it then refuses is not the statement's that came last.
        if name == "UNIQUE_CHECKS"
            && self.target.kind == EngineKind::Mariadb
            && matches!(draft.upper(value).as_str(), "0" | "OFF" | "FALSE")
        {
            draft.replace(value..value + 1, "1");
        }
        if name == "SQL_MODE" && draft.tokens[value].kind == Kind::Text {
            let mode = draft.name(value).unwrap_or_default();
            if let Some(known) = names::sql_mode(self.target.kind, &mode) {
                draft.replace(value..value + 1, format!("'{known}'"));
                self.count(Change::SqlMode);
            }
        }
        Ok(true)
    }
}

/// The assignments, as ranges of tokens.
fn parts(draft: &Draft<'_>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (1, 0u32);
    for at in 1..draft.tokens.len() {
        if draft.sign(at, b'(') {
            depth += 1;
        } else if draft.sign(at, b')') {
            depth = depth.saturating_sub(1);
        } else if draft.sign(at, b',') && depth == 0 {
            parts.push(start..at);
            start = at + 1;
        }
    }
    parts.push(start..draft.tokens.len());
    parts.retain(|part| !part.is_empty());
    parts
}
