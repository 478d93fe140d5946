//! Checks command lines against the real command tree, without running them.
//!
//! The program is asked for help at the end of each line: it has read everything before by then, and
//! answers with an error where a command, a flag, a value or an argument is not one of its own.

use super::page::top;
use super::words::words;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

/// What the tree has: its commands, and every long flag.
pub(crate) struct Tree {
    pub(crate) commands: BTreeSet<String>,
    flags: BTreeSet<String>,
}

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let mut tree = Tree {
        commands: BTreeSet::new(),
        flags: BTreeSet::new(),
    };
    tree.walk(&mut Vec::new());
    tree
});

pub(crate) fn tree() -> &'static Tree {
    &TREE
}

impl Tree {
    fn walk(&mut self, path: &mut Vec<String>) {
        let (_, help) = ask(path, "--help");
        let mut commands = Vec::new();
        let mut within = false;
        for line in help.lines() {
            within = match line {
                "Commands:" => true,
                _ => within && line.starts_with(' '),
            };
            let mut words = line.split_whitespace();
            match words.next() {
                // A command's line has two spaces; what follows it on the next lines has more.
                Some(word) if within && !line.starts_with("   ") => commands.push(word.to_owned()),
                Some(_) => {
                    let flags = line
                        .split([' ', ',', '=', '['])
                        .filter(|w| w.starts_with("--"));
                    self.flags.extend(flags.map(str::to_owned));
                }
                None => {}
            }
        }
        for name in commands.into_iter().filter(|name| name != "help") {
            path.push(name);
            self.commands.insert(path.join(" "));
            self.walk(path);
            path.pop();
        }
    }

    /// Whether inline code names what the program has. What is no command and no flag is right.
    pub(crate) fn check_span(&self, span: &str) -> Result<(), String> {
        let words = words(span);
        let Some(first) = words.first().and_then(|line| line.first()) else {
            return Ok(());
        };
        if let Some(flag) = first.strip_prefix("--") {
            let name = flag.split(['=', '[']).next().unwrap_or_default();
            // Of other programs, which say so by being in a command line.
            let known = self.flags.contains(&format!("--{name}"));
            return match known || OTHERS.contains(&name) {
                true => Ok(()),
                false => Err(format!("--{name} is no flag of any command")),
            };
        }
        let mut lines = words.clone();
        // `branch update --never-expires` without the program's name.
        if words[0].len() > 1 && self.commands.contains(&words[0][..2].join(" ")) {
            lines[0].insert(0, "offshoot".to_owned());
        }
        lines.iter().try_for_each(|line| check(line))
    }
}

/// Flags of other programs that stand alone in the text.
const OTHERS: &[&str] = &["ssl-mode", "ssl-ca", "set-gtid-purged", "version"];

/// Checks each command of a script that is `offshoot`.
pub(crate) fn check_script(script: &str) -> Result<(), String> {
    words(script).iter().try_for_each(|line| check(line))
}

/// What was asked before.
type Known = BTreeMap<Vec<String>, Result<(), String>>;

fn check(line: &[String]) -> Result<(), String> {
    // `sudo`, and variables before the program.
    let mut rest = line;
    while let Some((first, others)) = rest.split_first() {
        if first == "sudo" || first == "exec" || (first.contains('=') && !first.starts_with('-')) {
            rest = others;
        } else {
            break;
        }
    }
    let arguments = match rest {
        [program, arguments @ ..] if program == "offshoot" || program.ends_with("/offshoot") => {
            arguments
        }
        [cargo, run, arguments @ ..] if cargo == "cargo" && run == "run" => {
            match arguments.split(|a| a == "--").nth(1) {
                Some(after) if !arguments.iter().any(|a| a == "-p") => after,
                _ => return Ok(()),
            }
        }
        _ => return Ok(()),
    };
    // Words for something else: `offshoot COMMAND`, and arrows between crates.
    if arguments
        .first()
        .is_some_and(|a| a == "COMMAND" || a == "→")
    {
        return Ok(());
    }
    let arguments: Vec<String> = arguments
        .iter()
        .filter(|a| *a != "…")
        .take_while(|a| *a != "--")
        .map(|a| a.replace(['[', ']'], ""))
        .collect();
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    if let Some(known) = KNOWN.lock().unwrap().get(&arguments) {
        return known.clone();
    }
    let (good, said) = ask(&arguments, "--help");
    // `--disk-quota SIZE`: a word in capitals stands for a value.
    let placeholder = said.split_once("invalid value '").is_some_and(|(_, rest)| {
        let value = rest.split('\'').next().unwrap_or_default();
        !value.is_empty() && value.chars().all(|c| c.is_ascii_uppercase())
    });
    let result = match good || placeholder {
        true => Ok(()),
        false => Err(format!("offshoot {}: {said}", arguments.join(" "))),
    };
    KNOWN.lock().unwrap().insert(arguments, result.clone());
    result
}

/// Runs the program with one more word; whether that went well, and what it said.
fn ask(arguments: &[String], last: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_offshoot"))
        .args(arguments)
        .arg(last)
        .env_clear()
        .current_dir(top())
        .output()
        .unwrap();
    let text = if output.status.success() {
        output.stdout
    } else {
        output.stderr
    };
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn wrong_names_are_found() {
    for good in [
        "offshoot branch create shop x --wait",
        "branch update",
        "--ttl 14d",
        "a flag",
        "offshoot COMMAND --help",
        "offshoot branch create shop x --ttl TIME",
        "sudo offshoot serve",
    ] {
        assert_eq!(tree().check_span(good), Ok(()), "{good}");
    }
    for bad in [
        "offshoot branch make shop x",
        "offshoot branch create --nothing",
        "branch update --nothing",
        "--nothing-of-ours",
        "offshoot branch rename a b c d",
    ] {
        assert!(tree().check_span(bad).is_err(), "{bad}");
    }
}
