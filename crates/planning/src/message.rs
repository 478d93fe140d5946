//! A message for people, and how each place writes it down. Names come from outside: whatever means
//! something in a place's own markup is made plain, so that nobody is called by a sprint's name.

use serde_json::{Value, json};

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// Something that people copy.
    Code(String),
    /// An address, shown as itself.
    Link(String),
}

/// Lines of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub lines: Vec<Vec<Piece>>,
}

/// One line: text, with `{}` for each of the values as code.
pub fn line(text: &str, values: &[&str]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut values = values.iter();
    for (n, part) in text.split("{}").enumerate() {
        if n > 0 {
            pieces.push(Piece::Code((*values.next().unwrap_or(&"")).to_owned()));
        }
        if !part.is_empty() {
            pieces.push(Piece::Text(part.to_owned()));
        }
    }
    pieces
}

/// Markup of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Markup {
    /// Descriptions in planning tools.
    Markdown,
    Slack,
    /// Mattermost, Discord, Teams.
    Chat,
    /// Terminals, and places that know no markup.
    Plain,
}

impl Message {
    /// Without markup, for terminals.
    pub fn plain(&self) -> String {
        self.written(Markup::Plain, usize::MAX)
    }

    /// As Markdown of at most `longest` characters: what does not fit is left out by whole lines.
    pub fn markdown(&self, longest: usize) -> String {
        self.written(Markup::Markdown, longest)
    }

    pub(crate) fn written(&self, markup: Markup, longest: usize) -> String {
        let mut text = String::new();
        let mut length = 0;
        for line in &self.lines {
            let line: String = line.iter().map(|piece| written(piece, markup)).collect();
            let more = line.chars().count() + 1;
            if length + more > longest {
                break;
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&line);
            length += more;
        }
        text
    }

    /// An adaptive card, one block for each line.
    pub(crate) fn card(&self, longest: usize) -> Value {
        let text = self.written(Markup::Chat, longest);
        let blocks: Vec<Value> = text
            .lines()
            .map(|line| json!({"type": "TextBlock", "text": line, "wrap": true}))
            .collect();
        json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": blocks,
        })
    }
}

fn written(piece: &Piece, markup: Markup) -> String {
    match (piece, markup) {
        (Piece::Text(text) | Piece::Link(text) | Piece::Code(text), Markup::Plain) => {
            one_line(text)
        }
        (Piece::Text(text), _) => escaped(text, markup),
        (Piece::Code(text), _) => {
            let text = one_line(text).replace('`', "'");
            let text = match markup {
                Markup::Slack => slack(&text),
                _ => text,
            };
            format!("`{text}`")
        }
        (Piece::Link(url), Markup::Slack) => format!("<{}>", slack(&one_line(url))),
        (Piece::Link(url), _) => one_line(url),
    }
}

/// A name with a line break does not begin a line of its own.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn escaped(text: &str, markup: Markup) -> String {
    /// Not seen, and no name begins behind it.
    const NOTHING: char = '\u{200b}';
    let text = one_line(text);
    if markup == Markup::Slack {
        return slack(&text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '*' | '_' | '~' | '`' | '[' | ']' | '<' | '>' | '#' | '|'
        ) {
            out.push('\\');
        }
        out.push(c);
        // `@channel`, `@here` and the names of people.
        if c == '@' {
            out.push(NOTHING);
        }
    }
    out
}

/// Slack's own three characters. What begins a mention is one of them.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sly() -> Message {
        Message {
            lines: vec![
                line("<!channel> @here *x* {}.", &["a`b"]),
                vec![
                    Piece::Text("[free](".to_owned()),
                    Piece::Link("https://x/?a=1&b=<2>".to_owned()),
                ],
                vec![Piece::Text("two\nlines".to_owned())],
            ],
        }
    }

    #[test]
    fn names_mean_nothing_in_markup() {
        let slack = sly().written(Markup::Slack, 1_000);
        assert_eq!(
            slack,
            "&lt;!channel&gt; @here *x* `a'b`.\n[free](<https://x/?a=1&amp;b=&lt;2&gt;>\ntwo lines"
        );
        let chat = sly().written(Markup::Chat, 1_000);
        assert!(
            chat.starts_with("\\<!channel\\> @\u{200b}here \\*x\\* `a'b`."),
            "{chat}"
        );
        assert!(chat.contains("\\[free\\](https://x/?a=1&b=<2>"), "{chat}");
        assert_eq!(chat.lines().count(), 3);
        assert!(sly().plain().starts_with("<!channel> @here *x* a`b."));
    }

    #[test]
    fn what_does_not_fit_is_left_out_by_lines() {
        let message = Message {
            lines: vec![line("one", &[]), line("two", &[]), line("three", &[])],
        };
        assert_eq!(message.markdown(8), "one\ntwo");
        assert_eq!(message.markdown(7), "one");
        assert_eq!(message.markdown(100), "one\ntwo\nthree");
        let card = message.card(8);
        assert_eq!(card["body"][1]["text"], "two");
        assert_eq!(card["body"].as_array().unwrap().len(), 2);
    }
}
