//! Sizes: how much memory, processor and how many connections a branch's engine may have. The names are
//! PlanetScale's, so that its clients know them; what is behind them is this server's.

use crate::id::ResizeId;
use crate::instance::Profile;
use crate::refusal::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Name of what a development branch has without a size of its own: what the server gives those.
pub const DEVELOPMENT: &str = "PS_DEV";
/// Name of what a production branch has without a size of its own: what the machine gives it.
pub const MACHINE: &str = "PS_MACHINE";

const GIB: u64 = 1 << 30;
/// Part of its memory, in eighths, that an engine of a size takes for its buffer pool. The rest is for the engine
/// itself, some 430 MiB with everything that production has on, and for its connections.
const POOL_EIGHTHS: u64 = 3;

/// A size that a branch was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    Ps10,
    Ps20,
    Ps40,
    Ps80,
    Ps160,
    Ps320,
}

impl Size {
    /// The smallest first.
    pub const ALL: [Size; 6] = [
        Size::Ps10,
        Size::Ps20,
        Size::Ps40,
        Size::Ps80,
        Size::Ps160,
        Size::Ps320,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Size::Ps10 => "PS_10",
            Size::Ps20 => "PS_20",
            Size::Ps40 => "PS_40",
            Size::Ps80 => "PS_80",
            Size::Ps160 => "PS_160",
            Size::Ps320 => "PS_320",
        }
    }

    /// Bytes that its engine may have in all.
    pub fn memory(self) -> u64 {
        GIB * match self {
            Size::Ps10 => 1,
            Size::Ps20 => 2,
            Size::Ps40 => 4,
            Size::Ps80 => 8,
            Size::Ps160 => 16,
            Size::Ps320 => 32,
        }
    }

    /// Thousandths of a core.
    pub fn cpu(self) -> u32 {
        1_000
            * match self {
                Size::Ps10 | Size::Ps20 => 1,
                Size::Ps40 => 2,
                Size::Ps80 => 4,
                Size::Ps160 => 8,
                Size::Ps320 => 16,
            }
    }

    /// Clients that may be connected at once, unless the branch has a limit of its own.
    pub fn connections(self) -> u32 {
        match self {
            Size::Ps10 => 250,
            Size::Ps20 => 500,
            Size::Ps40 | Size::Ps80 | Size::Ps160 | Size::Ps320 => 1_000,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No size is called so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no size of that name")]
pub struct InvalidSize;

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let all = Size::ALL.into_iter();
        all.into_iter()
            .find(|size| size.as_str() == text)
            .ok_or(InvalidSize)
    }
}

/// What a branch of that size is called to have.
pub fn shown(size: Option<Size>, production: bool) -> &'static str {
    match size {
        Some(size) => size.as_str(),
        None if production => MACHINE,
        None => DEVELOPMENT,
    }
}

/// The size that was asked for, in any way that clients write it: `PS-10` is `PS_10`. `None` = what its kind of branch has
/// of itself. Refused: a name that no size has, and the default of the other kind.
pub fn parse(text: &str, production: bool) -> Result<Option<Size>, Refusal> {
    let name = text.trim().to_ascii_uppercase().replace('-', "_");
    if let Ok(size) = name.parse() {
        return Ok(Some(size));
    }
    let own = shown(None, production);
    if name == own {
        return Ok(None);
    }
    let all = Size::ALL.map(Size::as_str).join(", ");
    let hint = format!("use {own}, which it has of itself, or one of {all}");
    Err(match (name.as_str(), production) {
        (DEVELOPMENT, _) => Refusal::unprocessable(
            "the size PS_DEV is for development branches, and this is production",
        ),
        (MACHINE, _) => Refusal::unprocessable(
            "the size PS_MACHINE is for production branches, and this one is for development",
        ),
        _ => {
            let shown: String = text.chars().take(40).collect();
            Refusal::unprocessable(format!("there is no size {shown:?}"))
        }
    }
    .hint(hint))
}

/// What the server lets engines have, beside their sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Of all engines together, in bytes.
    pub budget: u64,
    /// Of one development engine, in bytes.
    pub memory: Option<u64>,
    /// Of one development engine, in thousandths of a core.
    pub cpu: Option<u32>,
}

impl Bounds {
    /// Whether a branch can have the size here.
    pub fn check(&self, size: Size, production: bool) -> Result<(), Refusal> {
        const MIB: u64 = 1 << 20;
        let too_large = |limit: u64, key: &str| {
            Refusal::unprocessable(format!(
                "the size {size} takes {} MiB of memory, and this server gives {} MiB ({key})",
                size.memory() / MIB,
                limit / MIB,
            ))
            .hint(format!("choose a smaller size, or raise {key}"))
        };
        if size.memory() > self.budget {
            return Err(too_large(self.budget, "instances.memory_budget"));
        }
        match self.memory.filter(|_| !production) {
            Some(limit) if size.memory() > limit => Err(too_large(limit, "instances.memory_limit")),
            _ => Ok(()),
        }
    }
}

/// What an engine is started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes; `None` = no limit.
    pub memory: Option<u64>,
    /// Thousandths of a core; `None` = no limit.
    pub cpu: Option<u32>,
    /// Bytes of the buffer pool; `None` = what the profile has.
    pub pool: Option<u64>,
}

/// What a branch's engine gets. The server's limits for development engines hold for sizes that were given before they were
/// lowered, too.
pub fn allow(size: Option<Size>, profile: Profile, bounds: &Bounds) -> Allowance {
    let development = profile == Profile::Development;
    let least = |own: Option<u64>, limit: Option<u64>| match (own, limit) {
        (Some(own), Some(limit)) => Some(own.min(limit)),
        (own, limit) => own.or(limit),
    };
    let size = size.filter(|_| profile != Profile::Shadow);
    let memory = least(
        size.map(Size::memory),
        bounds.memory.filter(|_| development),
    );
    let cpu = least(
        size.map(|s| s.cpu().into()),
        bounds.cpu.filter(|_| development).map(u64::from),
    );
    Allowance {
        memory,
        cpu: cpu.and_then(|n| u32::try_from(n).ok()),
        pool: memory
            .filter(|_| size.is_some())
            .map(|bytes| bytes / 8 * POOL_EIGHTHS),
    }
}

/// The last change of a branch's size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    pub id: ResizeId,
    /// Names, as they were shown then.
    pub from: String,
    pub to: String,
    /// Display name of who asked for it.
    pub actor: String,
    pub at: Timestamp,
    /// `None`: the branch's engine is yet to be started with it.
    pub completed_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Kind;

    const MIB: u64 = 1 << 20;

    #[test]
    fn sizes_are_known_however_clients_write_them() {
        for text in ["PS_10", "PS-10", "ps-10", " PS_10 "] {
            assert_eq!(parse(text, false).unwrap(), Some(Size::Ps10), "{text}");
        }
        assert_eq!(parse("PS-DEV", false).unwrap(), None);
        assert_eq!(parse("PS_MACHINE", true).unwrap(), None);
        for (text, production) in [
            ("PS_DEV", true),
            ("PS_MACHINE", false),
            ("PS_15", false),
            ("M_160", true),
            ("", false),
            ("PS_10; DROP", false),
        ] {
            let refused = parse(text, production).unwrap_err();
            assert_eq!(refused.kind, Kind::Unprocessable, "{text}");
            assert!(refused.hint.unwrap().contains("PS_320"), "{text}");
        }
        for size in Size::ALL {
            assert_eq!(size.as_str().parse(), Ok(size));
            assert_eq!(shown(Some(size), true), size.as_str());
        }
        assert_eq!(
            (shown(None, true), shown(None, false)),
            (MACHINE, DEVELOPMENT)
        );
    }

    #[test]
    fn a_larger_size_never_gives_less() {
        for pair in Size::ALL.windows(2) {
            assert!(pair[0].memory() < pair[1].memory());
            assert!(pair[0].cpu() <= pair[1].cpu());
            assert!(pair[0].connections() <= pair[1].connections());
        }
        assert!(
            Size::ALL
                .iter()
                .all(|s| s.connections() <= crate::branch::MAX_CONNECTIONS)
        );
    }

    #[test]
    fn what_the_server_does_not_have_is_not_given() {
        let bounds = Bounds {
            budget: 5 * GIB,
            memory: Some(2 * GIB),
            cpu: None,
        };
        for (size, production, fits) in [
            (Size::Ps20, false, true),
            (Size::Ps40, false, false),
            (Size::Ps40, true, true),
            (Size::Ps80, true, false),
        ] {
            let checked = bounds.check(size, production);
            assert_eq!(checked.is_ok(), fits, "{size} {production}");
        }
    }

    #[test]
    fn an_engine_gets_its_size_within_the_limits() {
        let limits = Bounds {
            budget: 64 * GIB,
            memory: Some(512 * MIB),
            cpu: Some(500),
        };
        let free = Bounds {
            budget: 64 * GIB,
            ..Bounds::default()
        };
        let mib = |n: u64| Some(n * MIB);
        for (size, profile, bounds, memory, cpu, pool) in [
            // Without a size as before there were any.
            (None, Profile::Development, &free, None, None, None),
            (
                None,
                Profile::Development,
                &limits,
                mib(512),
                Some(500),
                None,
            ),
            (None, Profile::Production, &limits, None, None, None),
            (
                Some(Size::Ps10),
                Profile::Development,
                &free,
                mib(1024),
                Some(1000),
                mib(384),
            ),
            (
                Some(Size::Ps40),
                Profile::Production,
                &limits,
                mib(4096),
                Some(2000),
                mib(1536),
            ),
            // The limits were lowered after it was given.
            (
                Some(Size::Ps40),
                Profile::Development,
                &limits,
                mib(512),
                Some(500),
                mib(192),
            ),
            (Some(Size::Ps40), Profile::Shadow, &limits, None, None, None),
        ] {
            let expected = Allowance { memory, cpu, pool };
            assert_eq!(
                allow(size, profile, bounds),
                expected,
                "{size:?} {profile:?}"
            );
        }
    }
}
