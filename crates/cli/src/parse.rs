//! From the command line to a command, and what is said when it is none.

use crate::failure::Failure;
use crate::globals::Format;
use crate::terminal::Terminal;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, ValueEnum};
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

/// Reads the process's command line. The error is how to exit: help was printed, or the fault.
pub fn parse<C: Parser>() -> Result<C, ExitCode> {
    let line: Vec<OsString> = std::env::args_os().collect();
    C::try_parse_from(&line).map_err(|error| {
        let wanted = format_of(&line).or_else(|| std::env::var_os("OFFSHOOT_FORMAT"));
        let json = wanted
            .as_deref()
            .and_then(OsStr::to_str)
            .is_some_and(|text| Format::from_str(text, true) == Ok(Format::Json));
        if json && error.use_stderr() {
            crate::report(&failure(&error), Format::Json, &mut Terminal::real())
        } else {
            // Nobody is left to be told when this fails, too.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    })
}

/// `--format json`, `--format=json`, `-f json`, `-fjson`, as far as it can be told from a line that
/// was not understood.
fn format_of(line: &[OsString]) -> Option<OsString> {
    let words: Vec<&str> = line.iter().filter_map(|word| word.to_str()).collect();
    words.iter().enumerate().find_map(|(i, word)| {
        let value = match *word {
            "--format" | "-f" => words.get(i + 1).copied(),
            other => other
                .strip_prefix("--format=")
                .or_else(|| other.strip_prefix("-f").filter(|rest| !rest.is_empty())),
        };
        value.map(OsString::from)
    })
}

fn failure(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    let code = match error.kind() {
        ErrorKind::InvalidSubcommand => "UNKNOWN_COMMAND",
        ErrorKind::UnknownArgument => "UNKNOWN_FLAG",
        _ => "INVALID_USAGE",
    };
    let meant = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg]
        .into_iter()
        .find_map(|kind| error.get(kind))
        .and_then(|value| match value {
            ContextValue::String(one) => Some(one.clone()),
            ContextValue::Strings(several) => several.last().cloned(),
            _ => None,
        });
    let hint = match meant {
        Some(name) => format!("did you mean {name}?"),
        None => "see --help".to_owned(),
    };
    Failure::Line {
        code,
        message,
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_format_is_found_in_a_line_that_is_not_understood() {
        for text in [
            "offshoot x --format json",
            "offshoot --format=json x",
            "offshoot -f json x",
            "offshoot -fjson",
        ] {
            assert_eq!(format_of(&line(text)), Some("json".into()), "{text}");
        }
        assert_eq!(format_of(&line("offshoot branch list")), None);
    }

    #[test]
    fn programs_are_told_what_was_meant() {
        let error = |text: &str| crate::Cli::try_parse_from(line(text)).unwrap_err();
        let object = failure(&error("offshoot brnach list")).object();
        assert_eq!(object["issues"][0]["code"], "UNKNOWN_COMMAND");
        assert_eq!(object["next_steps"][0], "did you mean branch?");
        let object = failure(&error("offshoot branch list --pgae 2")).object();
        assert_eq!(object["issues"][0]["code"], "UNKNOWN_FLAG");
        assert_eq!(object["next_steps"][0], "did you mean --page?");
        let object = failure(&error("offshoot org")).object();
        assert_eq!(object["issues"][0]["code"], "INVALID_USAGE");
    }
}
