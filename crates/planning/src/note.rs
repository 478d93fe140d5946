//! A note of ours in the planning tool, for the people who read there: which branch an iteration has, and how to
//! connect.
//!
//! It stands in the iteration's description, or is a comment of a pull request, and there is one of it: what is
//! there is read first, and changed in its place only where it says something else. What people wrote around
//! it stays. Writing needs a token that may write; the pages of the guide say what more that takes.

use crate::poll::{Ask, Page, Poll, Problem};
use crate::settings::Settings;
use crate::tool::Tool;
use jiff::Timestamp;
use offshoot_core::iteration::Iteration;
use secrecy::SecretString;
use serde_json::Value;

/// Longest note, in characters.
pub const LONGEST: usize = 2_000;

/// The names of questions that are about notes.
pub(crate) const READ: &str = "note";
pub(crate) const WRITTEN: &str = "written note";

/// Writes `text`, or takes the note away where it is empty. To be driven as any [`Poll`]; it finds nothing, and
/// is done or fails. `None` where the tool has no place for a note to such an iteration.
pub fn write(
    settings: &Settings,
    token: Option<SecretString>,
    iteration: &Iteration,
    text: &str,
    now: Timestamp,
) -> Option<Poll> {
    let text: String = text.trim().chars().take(LONGEST).collect();
    let adapter = settings.tool().adapter();
    let ask = adapter.note(settings, iteration)?.marked(&text);
    Some(Poll::of(settings, token, vec![ask], now))
}

/// Whether the tool has a place for notes to some of its iterations.
pub fn has_place(tool: Tool) -> bool {
    matches!(
        tool,
        Tool::JiraCloud | Tool::JiraDataCenter | Tool::Github | Tool::Gitlab | Tool::Linear
    )
}

/// How a tool's text shows where a note begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Markdown that keeps HTML comments without showing them.
    Markdown,
    /// One line of any text, which begins as no other does.
    Line,
}

const BEGIN: &str = "<!-- offshoot -->";
const END: &str = "<!-- /offshoot -->";
const WORD: &str = "Offshoot: ";

/// Whether a comment is the note.
pub(crate) fn is_in(text: &str) -> bool {
    text.contains(BEGIN)
}

/// `text` with the note in its place: where it was, else at the end.
pub(crate) fn placed(text: &str, note: &str, form: Form) -> String {
    let (before, after) = match form {
        Form::Markdown => around_block(text),
        Form::Line => around_line(text),
    };
    let note = match form {
        _ if note.is_empty() => String::new(),
        Form::Markdown => format!("{BEGIN}\n{}\n{END}", note.replace("-->", "-- >")),
        Form::Line => {
            let words: Vec<_> = note.split_whitespace().collect();
            format!("{WORD}{}", words.join(" "))
        }
    };
    let parts = [before.trim_end(), &note, after.trim_start()];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

/// What stands before and behind a note in Markdown. One that somebody cut the end of has its beginning alone.
fn around_block(text: &str) -> (&str, &str) {
    let Some((before, rest)) = text.split_once(BEGIN) else {
        return (text, "");
    };
    (
        before,
        rest.split_once(END).map_or(rest, |(_, after)| after),
    )
}

fn around_line(text: &str) -> (&str, &str) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with(WORD) {
            return (&text[..start], &text[start + line.len()..]);
        }
        start += line.len();
    }
    (text, "")
}

/// What follows from the present text: nothing, where it has the note already, else `write` of the new one.
pub(crate) fn rewritten(
    text: &str,
    note: &str,
    form: Form,
    write: impl FnOnce(String) -> Option<Ask>,
) -> Page {
    let new = placed(text, note, form);
    let same = new == text || new == text.trim();
    Page {
        next: match same {
            true => Vec::new(),
            false => write(new).into_iter().collect(),
        },
        ..Page::default()
    }
}

/// The same of comments, of which one may be the note. `comments` are those of a page of (id, text).
pub(crate) fn commented(
    ask: &Ask,
    comments: &[(String, String)],
    last: bool,
    change: impl FnOnce(&str, String) -> Option<Ask>,
    add: impl FnOnce(String) -> Option<Ask>,
) -> Page {
    let note = ask.mark.as_str();
    if let Some((id, text)) = comments.iter().find(|(_, text)| is_in(text)) {
        // A comment cannot be empty.
        let kept = if note.is_empty() { "–" } else { note };
        return rewritten(text, kept, Form::Markdown, |new| change(id, new));
    }
    let next = match (last, note.is_empty()) {
        (false, _) => {
            let mut next = ask.with("page", &(ask.page + 1).to_string());
            next.page = ask.page + 1;
            Some(next)
        }
        (true, true) => None,
        (true, false) => add(placed("", note, Form::Markdown)).map(|mut add| {
            add.once = true;
            add
        }),
    };
    Page {
        next: next.into_iter().collect(),
        ..Page::default()
    }
}

/// A text at a place of an answer, which may not be there.
pub(crate) fn text_at(value: &Value, pointer: &str) -> Result<String, Problem> {
    match value.pointer(pointer) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Null) => Ok(String::new()),
        None if value.is_object() => Ok(String::new()),
        _ => Err(Problem::Broken(format!("it has no text at {pointer}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_one_place() {
        for form in [Form::Markdown, Form::Line] {
            let first = placed("Ship the checkout.\n", "branch sprint-42", form);
            assert!(first.starts_with("Ship the checkout.\n\n"), "{first}");
            assert_eq!(placed(&first, "branch sprint-42", form), first);
            let around = format!("{first}\n\nThe rest.");
            let second = placed(&around, "branch sprint-43", form);
            assert_eq!(second, around.replace("42", "43"));
            assert_eq!(placed(&second, "", form), "Ship the checkout.\n\nThe rest.");
            assert_eq!(placed("", "", form), "");
        }
    }

    #[test]
    fn a_note_cannot_leave_its_place() {
        let sly = placed(
            "",
            "x <!-- /offshoot --> y\n<!-- offshoot -->",
            Form::Markdown,
        );
        assert_eq!(placed(&sly, "", Form::Markdown), "");
        assert_eq!(placed("", "a\nb  c", Form::Line), "Offshoot: a b c");
        // Somebody cut its end off: what is there may be theirs.
        assert_eq!(
            placed("a\n<!-- offshoot -->\nx", "", Form::Markdown),
            "a\n\nx"
        );
    }
}
