//! Engines: the MySQL-compatible server programs that branches run on.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    Mysql,
    Mariadb,
}

impl EngineKind {
    pub const ALL: [EngineKind; 2] = [EngineKind::Mysql, EngineKind::Mariadb];

    pub fn as_str(self) -> &'static str {
        match self {
            EngineKind::Mysql => "mysql",
            EngineKind::Mariadb => "mariadb",
        }
    }

    /// The oldest version that Offshoot drives.
    pub fn oldest(self) -> Version {
        match self {
            EngineKind::Mysql => Version {
                major: 8,
                minor: 0,
                patch: 0,
            },
            EngineKind::Mariadb => Version {
                major: 10,
                minor: 11,
                patch: 0,
            },
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EngineKind::Mysql => "MySQL",
            EngineKind::Mariadb => "MariaDB",
        })
    }
}

impl FromStr for EngineKind {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, InvalidEngine> {
        EngineKind::ALL
            .into_iter()
            .find(|k| k.as_str() == text)
            .ok_or(InvalidEngine)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, InvalidEngine> {
        let mut parts = text
            .splitn(3, '.')
            .map(|p| p.parse::<u16>().map_err(|_| InvalidEngine));
        let mut next = || parts.next().ok_or(InvalidEngine)?;
        Ok(Self {
            major: next()?,
            minor: next()?,
            patch: next()?,
        })
    }
}

/// An engine and its version: what a volume was made with and has to be opened with.
/// Written `mysql-9.7.4` in the store, the API and directory names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EngineRef {
    pub kind: EngineKind,
    pub version: Version,
}

impl fmt::Display for EngineRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind.as_str(), self.version)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an engine is written mysql-9.7.4 or mariadb-10.11.19")]
pub struct InvalidEngine;

impl FromStr for EngineRef {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, InvalidEngine> {
        let (kind, version) = text.split_once('-').ok_or(InvalidEngine)?;
        Ok(Self {
            kind: kind.parse()?,
            version: version.parse()?,
        })
    }
}

impl Serialize for EngineRef {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EngineRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// An engine that is there and can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledEngine {
    pub engine: EngineRef,
    /// How it was found: `config`, `path` or `managed` (installed by Offshoot).
    pub source: EngineSource,
    /// New databases are made with it.
    pub default: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineSource {
    Config,
    Path,
    Managed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_written_as_it_is_read() {
        for text in ["mysql-9.7.4", "mariadb-10.11.19"] {
            assert_eq!(text.parse::<EngineRef>().unwrap().to_string(), text);
        }
        for bad in [
            "mysql",
            "mysql-9",
            "mysql-9.7",
            "oracle-9.7.4",
            "mysql-9.7.x",
        ] {
            assert!(bad.parse::<EngineRef>().is_err(), "{bad}");
        }
    }
}
