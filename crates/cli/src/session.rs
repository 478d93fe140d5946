//! One invocation: the client, the organization, and where output goes.

use crate::config::{self, Config};
use crate::failure::Failure;
use crate::globals::{Format, Globals};
use crate::local::Local;
use crate::output::Output;
use crate::project::{self, Project};
use crate::terminal::Terminal;
use crate::tunnel::Trust;
use clap::ValueEnum;
use offshoot_client::{Client, Token};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DEFAULT_URL: &str = "http://127.0.0.1:8306";
const DEFAULT_ORG: &str = "default";
/// In a server's data directory: `id:token` of its first start.
const ROOT_TOKEN: &str = "root-token";

pub(crate) struct Session<'a> {
    pub(crate) client: Client,
    pub(crate) org: String,
    pub(crate) trust: Trust,
    pub(crate) project: Project,
    /// Config file that was named.
    pub(crate) config: Option<PathBuf>,
    pub(crate) output: Output<'a>,
}

impl Session<'_> {
    /// The organization, where it is not the one that counts without a word.
    pub(crate) fn other_org(&self) -> Option<String> {
        (self.org != DEFAULT_ORG).then(|| self.org.clone())
    }
}

pub(crate) fn open<'a>(
    globals: Globals,
    local: &Local,
    terminal: &'a mut Terminal,
) -> Result<Session<'a>, Failure> {
    let config = config::load(globals.client_config.as_deref())?;
    let format = format(&globals, &config)?;
    // Who names a config file wants nothing else to count.
    let named = globals.client_config.clone();
    let project = match &named {
        Some(_) => Project::default(),
        None => project::load(&terminal.directory)?,
    };
    for key in &project.ignored {
        let text = "only org, database and branch may stand there";
        writeln!(
            terminal.err,
            "Ignored in {}: {key:?}; {text}.",
            project::FILE
        )?;
    }
    let url = globals
        .api_url
        .clone()
        .or(config.api_url.clone())
        .or(local.api_url.clone())
        .unwrap_or_else(|| DEFAULT_URL.to_owned());
    let token = match explicit_token(&globals, &config)? {
        Some(token) => token,
        None => root_token(local, &url)?.ok_or(Failure::NoToken)?,
    };
    let trust = Trust::new(
        globals.ca_file.or(config.ca_file),
        local.data_dir.as_deref(),
    );
    let client = Client::trusting(&url, Some(&token), trust.extra()?.as_deref())?;
    Ok(Session {
        client: if globals.debug {
            client.traced(Arc::new(|line| {
                // Nobody is left to be told when this fails.
                let _ = writeln!(std::io::stderr(), "{line}");
            }))
        } else {
            client
        },
        trust,
        org: globals
            .org
            .or(project.org.clone())
            .or(config.org)
            .unwrap_or_else(|| DEFAULT_ORG.to_owned()),
        project,
        config: named,
        output: Output::new(format, terminal),
    })
}

fn format(globals: &Globals, config: &Config) -> Result<Format, Failure> {
    match (globals.format, config.format.as_deref()) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(Format::Human),
        (None, Some(text)) => Format::from_str(text, true).map_err(|_| {
            Failure::usage(
                format!("{text:?} is not a format"),
                "use human, json or csv in the config file",
            )
        }),
    }
}

fn explicit_token(globals: &Globals, config: &Config) -> Result<Option<Token>, Failure> {
    let pairs = [
        (&globals.service_token_id, &globals.service_token),
        (&config.service_token_id, &config.service_token),
    ];
    let files = [&globals.service_token_file, &config.service_token_file];
    for ((id, token), file) in pairs.into_iter().zip(files) {
        match (present(id), present(token)) {
            (Some(id), Some(token)) => return Ok(Some(checked(id, token)?)),
            (None, None) => {}
            _ => {
                return Err(Failure::usage(
                    "a service token has an id and a token, and one of them is missing",
                    "set both --service-token-id and --service-token",
                ));
            }
        }
        if let Some(file) = file {
            return read_token(file).map(Some);
        }
    }
    Ok(None)
}

fn present(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|t| !t.is_empty())
}

fn checked(id: &str, token: &str) -> Result<Token, Failure> {
    if id.starts_with("pscale_tkn_") {
        return Err(Failure::usage(
            "the id and the token of the service token are swapped",
            "the one that begins with pscale_tkn_ is the token",
        ));
    }
    Ok(Token::new(id, token))
}

fn read_token(path: &Path) -> Result<Token, Failure> {
    let text = fs::read_to_string(path).map_err(|source| Failure::File {
        path: path.to_owned(),
        source,
    })?;
    Token::parse(&text).ok_or_else(|| {
        Failure::usage(
            format!("{} holds no service token", path.display()),
            "it has to be one line of the form id:token",
        )
    })
}

/// The root token of the server on this machine, for that machine only.
fn root_token(local: &Local, url: &str) -> Result<Option<Token>, Failure> {
    if !offshoot_client::is_loopback(url) {
        return Ok(None);
    }
    match &local.data_dir {
        None => Ok(None),
        Some(dir) => {
            let path = dir.join(ROOT_TOKEN);
            match fs::exists(&path) {
                Ok(true) => read_token(&path).map(Some),
                _ => Ok(None),
            }
        }
    }
}
