//! Engines that branches can run on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Engine {
    /// Kind and version: `mysql-9.7.4`.
    pub name: String,
    /// `mysql` or `mariadb`.
    pub kind: String,
    pub version: String,
    /// How it was found: `config`, `path` or `managed`.
    pub source: String,
    /// New databases are made with it.
    pub default: bool,
    /// Branches that run on it, of all organizations.
    pub branches_count: u64,
}

impl Engine {
    pub fn new(installed: &offshoot_core::engine::InstalledEngine, branches_count: u64) -> Self {
        use offshoot_core::engine::EngineSource;
        Self {
            name: installed.engine.to_string(),
            kind: installed.engine.kind.as_str().into(),
            version: installed.engine.version.to_string(),
            source: match installed.source {
                EngineSource::Config => "config",
                EngineSource::Path => "path",
                EngineSource::Managed => "managed",
            }
            .into(),
            default: installed.default,
            branches_count,
        }
    }
}
