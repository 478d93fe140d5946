//! Which engines may run within the memory budget.

use crate::engine::EngineKind;
use crate::id::InstanceId;
use crate::instance::Profile;
use jiff::Timestamp;

/// What an engine is counted with before it has been measured, in bytes. Source: resident memory of
/// MySQL 9.7 and MariaDB 10.11 with the settings of the profile, rounded up; a shadow's comes without its
/// buffer pool.
pub fn memory_cost(kind: EngineKind, profile: Profile) -> u64 {
    const MIB: u64 = 1 << 20;
    match (kind, profile) {
        (EngineKind::Mysql, Profile::Development) => 220 * MIB,
        (EngineKind::Mysql, Profile::Production) => 560 * MIB,
        (EngineKind::Mysql, Profile::Shadow) => 200 * MIB,
        (EngineKind::Mariadb, Profile::Development) => 64 * MIB,
        (EngineKind::Mariadb, Profile::Production) => 240 * MIB,
        (EngineKind::Mariadb, Profile::Shadow) => 40 * MIB,
    }
}

/// An engine that holds memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub instance: InstanceId,
    /// Bytes.
    pub cost: u64,
    pub standing: Standing,
}

/// Whether an engine may be stopped for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody uses it yet.
    Warm,
    /// A development branch without a command since then.
    IdleSince(Timestamp),
    /// In use, production, or on its way.
    Fixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Admit,
    /// Stop this one, then ask again.
    Evict(InstanceId),
    /// Nothing can be done now.
    Wait,
    /// Not even alone.
    Never,
}

/// In this order: there is room; a warm engine makes room; wait (`patient`); the branch that is idle
/// longest makes room; wait.
pub fn plan_admission(budget: u64, tenants: &[Tenant], need: u64, patient: bool) -> Admission {
    if need > budget {
        return Admission::Never;
    }
    let used: u64 = tenants.iter().map(|t| t.cost).sum();
    if used.saturating_add(need) <= budget {
        return Admission::Admit;
    }
    if let Some(warm) = tenants.iter().find(|t| t.standing == Standing::Warm) {
        return Admission::Evict(warm.instance);
    }
    if patient {
        return Admission::Wait;
    }
    tenants
        .iter()
        .filter_map(|t| match t.standing {
            Standing::IdleSince(at) => Some((at, t.instance)),
            _ => None,
        })
        .min()
        .map_or(Admission::Wait, |(_, id)| Admission::Evict(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> InstanceId {
        text.parse().unwrap()
    }

    #[test]
    fn room_is_found_in_the_promised_order() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let tenant = |name, standing| Tenant {
            instance: id(name),
            cost: 40,
            standing,
        };
        let warm = tenant("aaaaaaaaaaaa", Standing::Warm);
        let old = tenant("bbbbbbbbbbbb", Standing::IdleSince(at(10)));
        let young = tenant("cccccccccccc", Standing::IdleSince(at(20)));
        let fixed = tenant("dddddddddddd", Standing::Fixed);
        for (tenants, need, patient, expected) in [
            (vec![], 100, true, Admission::Admit),
            (vec![], 101, true, Admission::Never),
            (vec![fixed], 60, true, Admission::Admit),
            (vec![fixed, warm], 60, true, Admission::Evict(warm.instance)),
            (vec![fixed, old], 60, true, Admission::Wait),
            (vec![young, old], 60, false, Admission::Evict(old.instance)),
            (vec![fixed, fixed], 60, false, Admission::Wait),
        ] {
            assert_eq!(
                plan_admission(100, &tenants, need, patient),
                expected,
                "{tenants:?} {need} {patient}"
            );
        }
    }
}
