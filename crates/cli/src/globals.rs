//! Flags that every command takes. Precedence: flag, environment, config file, default.

use clap::{Args, ValueEnum};
use std::fmt;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables and sentences
    #[default]
    Human,
    /// What the API answered
    Json,
    /// Tables, for spreadsheets
    Csv,
}

#[derive(Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// How to print results [default: human]
    #[arg(
        short = 'f',
        long,
        global = true,
        value_enum,
        env = "OFFSHOOT_FORMAT",
        hide_env_values = true
    )]
    pub format: Option<Format>,
    /// Organization [default: default]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "OFFSHOOT_ORG",
        hide_env_values = true
    )]
    pub org: Option<String>,
    /// Server to talk to [default: http://127.0.0.1:8306]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "OFFSHOOT_API_URL",
        hide_env_values = true
    )]
    pub api_url: Option<String>,
    /// Id of the service token
    #[arg(
        long,
        global = true,
        value_name = "ID",
        env = "OFFSHOOT_SERVICE_TOKEN_ID",
        hide_env_values = true
    )]
    pub service_token_id: Option<String>,
    /// The service token; the environment or a file keeps it out of process lists
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        env = "OFFSHOOT_SERVICE_TOKEN",
        hide_env_values = true
    )]
    pub service_token: Option<String>,
    /// File with `id:token`
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "OFFSHOOT_SERVICE_TOKEN_FILE",
        hide_env_values = true
    )]
    pub service_token_file: Option<PathBuf>,
    /// CA certificates to trust, in PEM form [default: those of the system, and of a server here]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "OFFSHOOT_CA_FILE",
        hide_env_values = true
    )]
    pub ca_file: Option<PathBuf>,
    /// Print without colors; NO_COLOR in the environment does the same
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Print what is asked of the server, and how it answers; secrets are left out
    #[arg(
        long,
        global = true,
        env = "OFFSHOOT_DEBUG",
        hide_env_values = true,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub debug: bool,
    /// Config file [default: ~/.config/offshoot/config.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "OFFSHOOT_CLIENT_CONFIG",
        hide_env_values = true
    )]
    pub client_config: Option<PathBuf>,
}

impl Globals {
    pub fn format(&self) -> Format {
        self.format.unwrap_or_default()
    }
}

impl fmt::Debug for Globals {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Globals")
            .field("format", &self.format)
            .field("org", &self.org)
            .field("api_url", &self.api_url)
            .field("service_token_id", &self.service_token_id)
            .finish_non_exhaustive()
    }
}
