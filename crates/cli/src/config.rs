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

/// Sets `org` in the file that was named, or the usual one, and keeps all else that stands there;
/// returns where that is.
pub(crate) fn save_org(named: Option<PathBuf>, org: &str) -> Result<PathBuf, Failure> {
    let path = named.or_else(usual).ok_or_else(|| {
        Failure::usage(
            "there is no home directory",
            "name a file with --save-config",
        )
    })?;
    let failed = |source| Failure::File {
        path: path.clone(),
        source,
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let line = format!("org = {}", toml::Value::from(org));
    let is_org = |line: &&str| {
        line.split('=')
            .next()
            .is_some_and(|key| key.trim() == "org")
    };
    let others = text.lines().filter(|line| !is_org(line));
    let lines: Vec<&str> = std::iter::once(line.as_str()).chain(others).collect();
    let written = lines.join("\n") + "\n";
    // A file that could not be read again is not written.
    toml::from_str::<Config>(&written).map_err(|error| Failure::Config {
        message: error.message().to_owned(),
        path: path.clone(),
    })?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::write(&path, written).map_err(failed)?;
    Ok(path)
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
    fn an_organization_is_chosen_and_the_rest_of_the_file_stays() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("new/config.toml");
        save_org(Some(file.clone()), "acme").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "org = \"acme\"\n");
        fs::write(&file, "# mine\nformat = \"json\"\norg = \"acme\"\n").unwrap();
        save_org(Some(file.clone()), "a\"b").unwrap();
        let config = load(Some(&file)).unwrap();
        assert_eq!(config.org.as_deref(), Some("a\"b"));
        assert_eq!(config.format.as_deref(), Some("json"));
        assert!(fs::read_to_string(&file).unwrap().contains("# mine"));
    }

    #[test]
    fn keys_are_those_of_the_flags_and_no_others() {
        let text = "org = \"acme\"\napi-url = \"https://db.example.com\"\n";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.org.as_deref(), Some("acme"));
        assert!(toml::from_str::<Config>("organisation = \"x\"").is_err());
    }
}
