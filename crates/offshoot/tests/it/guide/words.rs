//! Splits a script into command lines of words, as a shell does: quotes, comments, operators,
//! redirections and command substitutions are understood; here-documents and variables are not.

use std::iter::Peekable;
use std::str::Chars;

pub(crate) fn words(script: &str) -> Vec<Vec<String>> {
    let mut splitter = Splitter {
        lines: vec![Vec::new()],
        ..Splitter::default()
    };
    splitter.read(&mut script.chars().peekable());
    splitter.lines.retain(|line| !line.is_empty());
    splitter.lines
}

#[derive(Default)]
struct Splitter {
    lines: Vec<Vec<String>>,
    word: Option<String>,
    quote: Option<char>,
    /// The next word is a redirection's target, no argument.
    target: bool,
}

impl Splitter {
    fn read(&mut self, chars: &mut Peekable<Chars<'_>>) {
        while let Some(c) = chars.next() {
            match (self.quote, c) {
                (Some(q), _) if q == c => self.quote = None,
                (Some('"') | None, '$') if chars.peek() == Some(&'(') => {
                    let inner = substitution(chars);
                    self.lines.splice(0..0, words(&inner));
                    self.push('x');
                }
                (Some('"') | None, '\\') => match chars.next() {
                    Some('\n') | None => {}
                    Some(other) => self.push(other),
                },
                (Some(_), _) => self.push(c),
                (None, '\'' | '"') => {
                    self.word.get_or_insert_default();
                    self.quote = Some(c);
                }
                (None, '#') if self.word.is_none() => {
                    while chars.next_if(|c| *c != '\n').is_some() {}
                }
                // Placeholders such as `<access>` are words; a redirection has a space behind it.
                (None, '<') if chars.peek().is_some_and(char::is_ascii_alphabetic) => {
                    self.push(c);
                    while let Some(c) = chars.next_if(|c| *c != '>') {
                        self.push(c);
                    }
                    self.word.as_mut().unwrap().extend(chars.next());
                }
                (None, '<' | '>') => {
                    let digits = |w: &String| w.chars().all(|c| c.is_ascii_digit());
                    self.word = self.word.take().filter(|w| !digits(w));
                    self.end();
                    while chars.next_if(|c| matches!(c, '<' | '>' | '&')).is_some() {}
                    self.target = true;
                }
                (None, '|' | '&' | ';' | '\n' | '(' | ')') => {
                    self.end();
                    self.target = false;
                    self.lines.push(Vec::new());
                }
                (None, c) if c.is_whitespace() => self.end(),
                (None, _) => self.push(c),
            }
        }
        self.end();
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn end(&mut self) {
        let Some(word) = self.word.take() else { return };
        if !std::mem::take(&mut self.target) {
            self.lines.last_mut().unwrap().push(word);
        }
    }
}

/// What stands between the parentheses of `$(…)`.
fn substitution(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut depth = 0;
    let mut inner = String::new();
    for c in chars.by_ref() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth > 1 || c != '(' {
            inner.push(c);
        }
    }
    inner
}

#[test]
fn scripts_are_split_as_a_shell_does() {
    let split = |text: &str| {
        words(text)
            .iter()
            .map(|line| line.join("|"))
            .collect::<Vec<String>>()
    };
    assert_eq!(split("a 'b c' \"d e\" # f"), ["a|b c|d e"]);
    assert_eq!(split("x | y -q >out 2>&1; z"), ["x", "y|-q", "z"]);
    assert_eq!(split("a --to <access>… < in"), ["a|--to|<access>…"]);
    assert_eq!(split("A=$(p q) r"), ["p|q", "A=x|r"]);
    assert_eq!(split("a \\\n b\nc"), ["a|b", "c"]);
}
