//! The client's config file: any of the global flags.

use crate::failure::Failure;
use serde::Deserialize;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) org: Option<String>,
    pub(crate) api_url: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) service_token_id: Option<String>,
    pub(crate) service_token: Option<String>,
    pub(crate) service_token_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("org", &self.org)
            .field("api_url", &self.api_url)
            .finish_non_exhaustive()
    }
}

/// Reads the file that was named, or the usual one, which need not be there.
pub(crate) fn load(named: Option<&Path>) -> Result<Config, Failure> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => match usual() {
            Some(path) => path,
            None => return Ok(Config::default()),
        },
    };
    match fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|error| Failure::Config {
            message: error.message().to_owned(),
            path,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => {
            Ok(Config::default())
        }
        Err(source) => Err(Failure::File { path, source }),
    }
}

fn usual() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".config")))?;
    Some(base.join("offshoot").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_flags_and_no_others() {
        let text = "org = \"acme\"\napi-url = \"https://db.example.com\"\n";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.org.as_deref(), Some("acme"));
        assert!(toml::from_str::<Config>("organisation = \"x\"").is_err());
    }
}
