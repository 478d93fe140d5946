//! `[planning]` and `[outbound]`: what comes from planning tools, and whom the server may call.

use crate::data_dir::DataDir;
use anyhow::{Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Integrations with planning tools.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Planning {
    /// How long events that came in are kept, such as `"30d"`.
    pub(crate) deliveries_kept: String,
    /// Where automations write files with credentials; default: `credentials` in the data directory.
    pub(crate) credentials_dir: Option<PathBuf>,
}

impl Default for Planning {
    fn default() -> Self {
        Self {
            deliveries_kept: "30d".to_owned(),
            credentials_dir: None,
        }
    }
}

/// Requests to servers that users name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Outbound {
    /// Networks of this machine or site that may be called all the same.
    pub(crate) allow: Vec<String>,
}

impl Planning {
    pub(crate) fn deliveries_kept(&self) -> Result<Duration> {
        let span = offshoot_core::span::Span::parse(&self.deliveries_kept);
        let kept = span.map_err(|e| anyhow!(e))?.duration();
        if kept < Duration::from_secs(3_600) {
            bail!("at least 1h: tools send the same event again for so long");
        }
        Ok(kept)
    }

    pub(crate) fn credentials(&self, dir: &DataDir) -> PathBuf {
        match &self.credentials_dir {
            Some(path) => path.clone(),
            None => dir.root().join("credentials"),
        }
    }
}

impl Outbound {
    pub(crate) fn allow(&self) -> Result<Vec<ipnet::IpNet>> {
        let net = |text: &String| {
            let one = text.parse().map(|address: std::net::IpAddr| address.into());
            text.parse()
                .or(one)
                .map_err(|_| anyhow!("{text:?} is neither an address nor a network"))
        };
        self.allow.iter().map(net).collect()
    }
}
