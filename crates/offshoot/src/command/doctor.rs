//! `offshoot doctor`.

use super::Context;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::doctor::{Case, Finding, Verdict, answers, examine};
use anyhow::Result;
use clap::Args;
use offshoot_cli::Format;
use offshoot_core::port::Clock;
use std::fmt::Write;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Do not start engines to see whether they work
    #[arg(long)]
    quick: bool,
    /// Only ask whether the server is ready, for health checks
    #[arg(long, conflicts_with = "quick")]
    ready: bool,
}

pub(crate) async fn run(context: Context, command: Doctor) -> Result<ExitCode> {
    let config = Config::load(context.config_file.as_deref(), context.dir.root());
    let config = config.map(|config| Context {
        config,
        ..context.clone()
    });
    let environment = super::ListenOptions::from_environment()?;
    let config = config.map(|context| context.listening(&environment));
    let findings = if command.ready {
        let config = config.unwrap_or_default();
        vec![answers(&config).await]
    } else {
        let case = Case {
            dir: &context.dir,
            config,
            now: SystemClock.now(),
            quick: command.quick,
        };
        examine(case).await
    };
    let failed = findings.iter().any(|f| f.verdict == Verdict::Fail);
    super::print(&text(&findings, context.globals.format())?)?;
    Ok(ExitCode::from(u8::from(failed)))
}

fn text(findings: &[Finding], format: Format) -> Result<String> {
    let mut text = String::new();
    match format {
        Format::Json => text = serde_json::to_string_pretty(findings)? + "\n",
        Format::Csv => {
            text.push_str("check,verdict,found,next\n");
            for f in findings {
                let cells = [
                    f.check,
                    f.verdict.as_str(),
                    &f.found,
                    f.next.as_deref().unwrap_or(""),
                ];
                let quoted = cells.map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
                writeln!(text, "{}", quoted.join(","))?;
            }
        }
        Format::Human => {
            for f in findings {
                writeln!(
                    text,
                    "{:<4}  {:<12}  {}",
                    f.verdict.as_str(),
                    f.check,
                    f.found
                )?;
                if let Some(next) = &f.next {
                    writeln!(text, "                    → {next}")?;
                }
            }
            let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
            let (fails, warns) = (count(Verdict::Fail), count(Verdict::Warn));
            writeln!(
                text,
                "\n{} checks, {warns} warnings, {fails} failures",
                findings.len()
            )?;
        }
    }
    Ok(text)
}
