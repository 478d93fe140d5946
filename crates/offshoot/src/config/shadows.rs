//! `[shadows]`: how replicas of production branches are kept.

use super::{duration, size};
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Shadows {
    /// Of a shadow's engine, such as `128M`.
    pub(crate) buffer_pool: String,
    /// How far one may be behind for a copy to be taken of it, such as `10m`.
    pub(crate) lag_limit: String,
}

impl Default for Shadows {
    fn default() -> Self {
        Self {
            buffer_pool: "128M".to_owned(),
            lag_limit: "10m".to_owned(),
        }
    }
}

impl Shadows {
    /// Bytes.
    pub(crate) fn buffer_pool(&self) -> Result<u64> {
        let bytes = size(&self.buffer_pool)?;
        if bytes < 8 << 20 {
            bail!("at least 8M");
        }
        Ok(bytes)
    }

    pub(crate) fn lag_limit(&self) -> Result<Duration> {
        let limit = duration(&self.lag_limit)?;
        if limit < Duration::from_secs(10) {
            bail!("at least 10s");
        }
        Ok(limit)
    }
}
