//! Sizes of branches. There are two names, and no sizes behind them: an engine takes what the
//! machine gives it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A size, as clients list them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterSku {
    pub name: String,
    pub display_name: String,
    pub cpu: String,
    pub ram: i64,
    pub storage: Option<i64>,
    pub metal: bool,
    pub enabled: bool,
    pub provider: Option<String>,
    pub provider_instance_type: Option<String>,
    pub default_vtgate: String,
    pub default_vtgate_rate: Option<i64>,
    pub rate: Option<i64>,
    pub replica_rate: Option<i64>,
    pub sort_order: i64,
    pub architecture: Option<String>,
    pub development: bool,
    pub production: bool,
}

impl ClusterSku {
    /// Of development branches.
    pub const DEVELOPMENT: &str = "PS_DEV";
    /// Of production branches.
    pub const PRODUCTION: &str = "PS_10";

    /// How a size is written here, of how clients write it: `PS-10` is `PS_10`.
    pub fn name_of(text: &str) -> String {
        text.trim().to_ascii_uppercase().replace('-', "_")
    }

    /// Both sizes. They cost nothing.
    pub fn all() -> Vec<Self> {
        let size = |name: &str, display: &str, production: bool, order: i64| Self {
            name: name.into(),
            display_name: display.into(),
            cpu: String::new(),
            ram: 0,
            storage: None,
            metal: false,
            enabled: true,
            provider: None,
            provider_instance_type: None,
            default_vtgate: "VTG_DEV".into(),
            default_vtgate_rate: Some(0),
            rate: Some(0),
            replica_rate: Some(0),
            sort_order: order,
            architecture: None,
            development: !production,
            production,
        };
        vec![
            size(Self::DEVELOPMENT, "Development", false, 1),
            size(Self::PRODUCTION, "Production", true, 2),
        ]
    }
}
