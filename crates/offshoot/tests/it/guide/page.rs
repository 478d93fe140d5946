//! A page of Markdown as the test sees it: commands, blocks, code spans, links, headings, and what the
//! comments `<!-- test: … -->` of its source say. Knows nothing of servers.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::path::{Path, PathBuf};

/// The beginning of a comment that is for the test.
const MARK: &str = "<!-- test:";

pub(crate) struct Page {
    /// Relative to the project's top directory.
    pub(crate) name: String,
    pub(crate) items: Vec<Item>,
    pub(crate) links: Vec<(usize, String)>,
    /// Anchors of the headings.
    pub(crate) anchors: Vec<String>,
}

pub(crate) enum Item {
    /// A line of a comment for the test.
    Note(usize, Note),
    Block(Block),
    /// Inline code.
    Span(usize, String),
}

/// What a comment may say, one line each. Those of the second group hold for the next block alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Note {
    /// `engine mariadb`: the page's default engine.
    Engine(String),
    /// `no server`: none is started before the page's first command.
    NoServer,
    /// `needs root`: the page is skipped, visibly, for others.
    NeedsRoot,
    /// `A is B here`: what the page calls A is B in the test, or `a free port`, or `a directory`.
    Is(String, String),
    /// `stop`: the server that the page started is stopped, as with Ctrl-C.
    Stop,
    /// `first: COMMAND`: a command that the page does not show.
    First(String),

    /// `not run: REASON`: the block is checked, but not run.
    NotRun(String),
    /// `with NAME=VALUE`: an environment variable that the block's commands find.
    With(String, String),
    /// `until TEXT`: the block's last command goes on in the background once it has said TEXT.
    Until(String),
    /// `without TEXT`: where the page shows the line with TEXT, there may be anything or nothing.
    Without(String),
    /// `sql on DATABASE BRANCH`: where a block of SQL is run.
    SqlOn(String, String),
    /// `file NAME`: the block is the content of a file in the working directory.
    File(String),
    /// `config of the client`: what a block of TOML configures; else the server.
    ClientConfig,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) line: usize,
    pub(crate) language: String,
    pub(crate) text: String,
    pub(crate) notes: Vec<Note>,
}

/// A command of a `console` block with the output that stands beneath it.
#[derive(Debug, PartialEq)]
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) text: String,
    /// `None` where the page shows nothing.
    pub(crate) shown: Option<String>,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(top().join(name)).unwrap();
        Self::parse(name, &text)
    }

    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let mut page = Page {
            name: name.to_owned(),
            items: Vec::new(),
            links: Vec::new(),
            anchors: Vec::new(),
        };
        let mut block: Option<Block> = None;
        let mut heading: Option<String> = None;
        let mut pending = Vec::new();
        let events = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
        for (event, range) in events {
            let line = 1 + text[..range.start].matches('\n').count();
            match event {
                // A comment arrives line by line; it is looked at where it begins.
                Event::Html(html) | Event::InlineHtml(html)
                    if html.trim_start().starts_with(MARK) =>
                {
                    let whole = &text[range.start..];
                    let end = whole
                        .find("-->")
                        .unwrap_or_else(|| panic!("{name}:{line}: the comment does not end"));
                    let begin = whole.find(MARK).unwrap() + MARK.len();
                    for note in whole[begin..end].lines().filter(|l| !l.trim().is_empty()) {
                        let note = Note::parse(note.trim())
                            .unwrap_or_else(|| panic!("{name}:{line}: what is {note:?}?"));
                        match note.of_block() {
                            true => pending.push(note),
                            false => page.items.push(Item::Note(line, note)),
                        }
                    }
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match &kind {
                        CodeBlockKind::Fenced(info) => {
                            info.split([',', ' ']).next().unwrap_or_default()
                        }
                        CodeBlockKind::Indented => "",
                    };
                    block = Some(Block {
                        line: line + 1,
                        language: language.to_owned(),
                        text: String::new(),
                        notes: std::mem::take(&mut pending),
                    });
                }
                Event::End(TagEnd::CodeBlock) => page.items.extend(block.take().map(Item::Block)),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.anchors.extend(heading.take().map(|h| anchor(&h)));
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    page.links.push((line, dest_url.into_string()));
                }
                Event::Text(part) => match (&mut block, &mut heading) {
                    (Some(block), _) => block.text.push_str(&part),
                    (None, Some(heading)) => heading.push_str(&part),
                    (None, None) => {}
                },
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    page.items.push(Item::Span(line, code.into_string()));
                }
                _ => {}
            }
        }
        assert!(
            pending.is_empty(),
            "{name}: {pending:?} stands before no block"
        );
        page
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.items.iter().filter_map(|item| match item {
            Item::Block(block) => Some(block),
            _ => None,
        })
    }

    pub(crate) fn notes(&self) -> impl Iterator<Item = &Note> {
        self.items.iter().filter_map(|item| match item {
            Item::Note(_, note) => Some(note),
            _ => None,
        })
    }
}

impl Note {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let own = str::to_owned;
        Some(match text {
            "no server" => Note::NoServer,
            "needs root" => Note::NeedsRoot,
            "stop" => Note::Stop,
            "config of the client" => Note::ClientConfig,
            _ => {
                if let Some(rest) = text.strip_prefix("engine ") {
                    Note::Engine(own(rest))
                } else if let Some(rest) = text.strip_prefix("first: ") {
                    Note::First(own(rest))
                } else if let Some(rest) = text.strip_prefix("not run: ") {
                    Note::NotRun(own(rest))
                } else if let Some(rest) = text.strip_prefix("until ") {
                    Note::Until(own(rest))
                } else if let Some(rest) = text.strip_prefix("without ") {
                    Note::Without(own(rest))
                } else if let Some(rest) = text.strip_prefix("with ") {
                    let (name, value) = rest.split_once('=')?;
                    Note::With(own(name), own(value))
                } else if let Some(rest) = text.strip_prefix("file ") {
                    Note::File(own(rest))
                } else if let Some(rest) = text.strip_prefix("sql on ") {
                    let (database, branch) = rest.split_once(' ')?;
                    Note::SqlOn(own(database), own(branch))
                } else {
                    let (page, test) = text.strip_suffix(" here")?.split_once(" is ")?;
                    Note::Is(own(page), own(test))
                }
            }
        })
    }

    fn of_block(&self) -> bool {
        !matches!(
            self,
            Note::Engine(_)
                | Note::NoServer
                | Note::NeedsRoot
                | Note::Stop
                | Note::Is(..)
                | Note::First(_)
        )
    }
}

impl Block {
    pub(crate) fn not_run(&self) -> bool {
        self.notes.iter().any(|n| matches!(n, Note::NotRun(_)))
    }

    /// The commands of a `console` block. A prompt is `$ `, or `# ` where the block begins with it; a
    /// command goes on after a backslash at the end of its line, and on lines that begin with `> `.
    pub(crate) fn commands(&self) -> Vec<Command> {
        let prompt = if self.text.starts_with("# ") {
            "# "
        } else {
            "$ "
        };
        let mut commands: Vec<Command> = Vec::new();
        let mut open = false;
        for (n, line) in self.text.lines().enumerate() {
            if let Some(text) = line.strip_prefix(prompt) {
                commands.push(Command {
                    line: self.line + n,
                    text: text.to_owned(),
                    shown: None,
                });
                open = true;
                continue;
            }
            let Some(last) = commands.last_mut() else {
                panic!("line {}: output before a command", self.line + n);
            };
            let more = match line.strip_prefix("> ") {
                Some(more) if open => Some(more),
                _ if open && last.text.ends_with('\\') => Some(line),
                _ => None,
            };
            if let Some(more) = more {
                last.text.push('\n');
                last.text.push_str(more);
                continue;
            }
            open = false;
            let shown = last.shown.get_or_insert_default();
            shown.push_str(line);
            shown.push('\n');
        }
        for command in &mut commands {
            // Blank lines alone separate commands and show nothing.
            if command.shown.as_ref().is_some_and(|s| s.trim().is_empty()) {
                command.shown = None;
            }
        }
        commands
    }
}

/// The project's top directory.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The anchor that readers of Markdown give a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn pages_are_read_as_they_are_meant() {
    let text = "# A b, `c`\n<!-- test: engine mariadb\n20G is 2G here -->\n`offshoot x`\n\
                <!-- test: not run: why -->\n```console\n$ one \\\n  two\nout\n\n$ three\n> four\n\n$ five\n```\n";
    let page = Page::parse("p", text);
    assert_eq!(page.anchors, ["a-b-c"]);
    let notes: Vec<&Note> = page.notes().collect();
    assert_eq!(
        notes,
        [
            &Note::Engine("mariadb".into()),
            &Note::Is("20G".into(), "2G".into())
        ]
    );
    let block = page.blocks().next().unwrap();
    assert!(block.not_run());
    let commands = block.commands();
    let parts: Vec<(usize, &str, Option<&str>)> = commands
        .iter()
        .map(|c| (c.line, c.text.as_str(), c.shown.as_deref()))
        .collect();
    assert_eq!(
        parts,
        [
            (7, "one \\\n  two", Some("out\n\n")),
            (11, "three\nfour", None),
            (14, "five", None)
        ]
    );
}
