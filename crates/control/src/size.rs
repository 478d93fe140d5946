//! Sizes that branches can have here.

use crate::Control;
use offshoot_core::size::{self, Bounds, Size};

/// A size, as lists show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeView {
    pub name: &'static str,
    /// Bytes; `None` = no limit.
    pub memory: Option<u64>,
    /// Thousandths of a core; `None` = no limit.
    pub cpu: Option<u32>,
    /// `None` = the server's default.
    pub connections: Option<u32>,
    /// For which kinds of branches it is.
    pub development: bool,
    pub production: bool,
    /// The server has room for it.
    pub enabled: bool,
}

/// The two that branches have of themselves, then the others, the smallest first. `production`: those of one kind of branch.
pub fn list(control: &Control, production: Option<bool>) -> Vec<SizeView> {
    let bounds = control.bounds();
    let defaults = [
        SizeView {
            name: size::DEVELOPMENT,
            memory: bounds.memory,
            cpu: bounds.cpu,
            connections: None,
            development: true,
            production: false,
            enabled: true,
        },
        SizeView {
            name: size::MACHINE,
            memory: None,
            cpu: None,
            connections: None,
            development: false,
            production: true,
            enabled: true,
        },
    ];
    let sized = Size::ALL.map(|size| SizeView {
        name: size.as_str(),
        memory: Some(size.memory()),
        cpu: Some(size.cpu()),
        connections: Some(size.connections()),
        development: true,
        production: true,
        // Without a kind in mind: somebody can have it.
        enabled: bounds.check(size, production.unwrap_or(true)).is_ok(),
    });
    let all = defaults.into_iter().chain(sized);
    all.filter(|size| match production {
        None => true,
        Some(true) => size.production,
        Some(false) => size.development,
    })
    .collect()
}

impl Control {
    pub(crate) fn bounds(&self) -> Bounds {
        let settings = &self.0.settings;
        Bounds {
            budget: settings.memory_budget,
            memory: settings.memory_limit,
            cpu: settings.cpu_limit,
        }
    }
}
