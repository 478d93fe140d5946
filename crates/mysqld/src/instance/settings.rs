//! The settings an engine starts with. The table for people is in `docs/guide/instances.md`; a test
//! compares the two.

use offshoot_core::engine::{EngineKind, EngineRef, Version};
use offshoot_core::instance::Profile;

/// Smallest and largest buffer pool of a production branch, in bytes.
const PRODUCTION_POOL: (u64, u64) = (128 << 20, 16 << 30);
/// A production branch without a memory limit takes this part of the machine's memory for its pool.
const PRODUCTION_SHARE: u64 = 8;
/// Redo log of a production branch, in bytes: enough for a busy shop between two checkpoints, and made
/// in a moment. The files are written in full when the branch is made, so every byte takes room.
/// `MARIADB_PRODUCTION` says the same.
const PRODUCTION_REDO: u64 = 128 << 20;
/// Redo log of a shadow, in bytes: it applies as fast as its parent commits, and what is in it need not be
/// written before the engine is stopped. `MARIADB_SHADOW` says the same.
const SHADOW_REDO: u64 = 64 << 20;
/// Buffer pool of a shadow that nobody said more of, in bytes.
const SHADOW_POOL: u64 = 128 << 20;
/// Of its own memory limit it takes this part.
const LIMIT_SHARE: u64 = 2;
/// Below a memory limit of 512 MiB the pool of a development branch gets smaller.
const DEVELOPMENT_POOL: (u64, u64) = (8 << 20, 32 << 20);
/// Pool that a development engine recovers the copy of a running engine with, if that is less than half of its
/// memory limit: each time that what is to be redone does not fit, every page is read and written anew.
const RECOVERY_POOL: u64 = 256 << 20;

/// What the settings depend on.
#[derive(Clone, Copy, Debug)]
pub struct Sizing {
    pub engine: EngineRef,
    pub profile: Profile,
    pub event_scheduler: bool,
    /// The volume is a copy of a running engine's, which is recovered first.
    pub recovers: bool,
    /// A development engine has its binlog on, because it is needed to recover the volume.
    pub logged: bool,
    /// Memory of the machine in bytes.
    pub machine: u64,
    /// Memory limit of the instance in bytes.
    pub limit: Option<u64>,
    /// Bytes of the buffer pool; `None` = what the profile has.
    pub pool: Option<u64>,
    /// Unique among the servers of one machine; MySQL wants one per server with a binlog.
    pub server_id: u32,
}

/// The arguments, without those that name paths. A setting that only some versions know is
/// prefixed `loose-`: the others ignore it with a warning.
pub fn arguments(sizing: &Sizing) -> Vec<String> {
    let mut all: Vec<&str> = Vec::with_capacity(64);
    all.extend(BOTH);
    let scheduler = if sizing.event_scheduler { "ON" } else { "OFF" };
    let mut sized = vec![
        format!("innodb-buffer-pool-size={}", pool(sizing)),
        format!("event-scheduler={scheduler}"),
        format!("server-id={}", sizing.server_id),
    ];
    match (sizing.engine.kind, sizing.profile) {
        (EngineKind::Mysql, Profile::Development) => {
            all.extend(MYSQL);
            all.extend(DEVELOPMENT);
            all.extend(MYSQL_DEVELOPMENT);
            all.extend(if sizing.logged {
                MYSQL_LOGGED
            } else {
                MYSQL_UNLOGGED
            });
        }
        (EngineKind::Mysql, Profile::Production) => {
            all.extend(MYSQL);
            all.extend(PRODUCTION);
            all.extend(MYSQL_PRODUCTION);
        }
        (EngineKind::Mysql, Profile::Shadow) => {
            all.extend(MYSQL);
            all.extend(DEVELOPMENT);
            all.extend(SHADOW);
            all.extend(if sizing.logged {
                MYSQL_LOGGED
            } else {
                MYSQL_UNLOGGED
            });
        }
        (EngineKind::Mariadb, Profile::Shadow) => {
            all.extend(MARIADB);
            all.extend(DEVELOPMENT);
            all.extend(SHADOW);
            all.extend(MARIADB_SHADOW);
            all.extend(if sizing.logged {
                MARIADB_LOGGED
            } else {
                MARIADB_UNLOGGED
            });
        }
        (EngineKind::Mariadb, Profile::Development) => {
            all.extend(MARIADB);
            all.extend(DEVELOPMENT);
            all.extend(MARIADB_DEVELOPMENT);
            all.extend(if sizing.recovers {
                MARIADB_RECOVERING
            } else {
                MARIADB_RECOVERED
            });
            all.extend(if sizing.logged {
                MARIADB_LOGGED
            } else {
                MARIADB_UNLOGGED
            });
        }
        (EngineKind::Mariadb, Profile::Production) => {
            all.extend(MARIADB);
            all.extend(PRODUCTION);
            all.extend(MARIADB_PRODUCTION);
        }
    }
    if sizing.engine.kind == EngineKind::Mysql {
        let capacity: u64 = match sizing.profile {
            Profile::Development => 8 << 20,
            Profile::Production => PRODUCTION_REDO,
            Profile::Shadow => SHADOW_REDO,
        };
        if sizing.engine.version >= REDO_CAPACITY_SINCE {
            sized.push(format!("innodb-redo-log-capacity={capacity}"));
        } else {
            sized.push(format!("innodb-log-file-size={}", capacity / 2));
        }
    }
    all.into_iter()
        .map(|setting| format!("--{setting}"))
        .chain(sized.into_iter().map(|setting| format!("--{setting}")))
        .collect()
}

const REDO_CAPACITY_SINCE: Version = Version {
    major: 8,
    minor: 0,
    patch: 30,
};

/// The buffer pool in bytes.
pub(super) fn pool(sizing: &Sizing) -> u64 {
    const MIB: u64 = 1 << 20;
    let bytes = match (sizing.profile, sizing.limit) {
        (Profile::Shadow, _) => sizing.pool.unwrap_or(SHADOW_POOL).max(DEVELOPMENT_POOL.0),
        // Of a branch with a size.
        _ if sizing.pool.is_some() => sizing.pool.unwrap_or_default().max(DEVELOPMENT_POOL.0),
        (Profile::Development, limit) if sizing.recovers => limit
            .map_or(RECOVERY_POOL, |l| l / 2)
            .clamp(DEVELOPMENT_POOL.0, RECOVERY_POOL),
        (Profile::Development, limit) => limit
            .map_or(DEVELOPMENT_POOL.1, |l| l / 16)
            .clamp(DEVELOPMENT_POOL.0, DEVELOPMENT_POOL.1),
        (Profile::Production, Some(limit)) => {
            (limit / LIMIT_SHARE).clamp(PRODUCTION_POOL.0, PRODUCTION_POOL.1)
        }
        (Profile::Production, None) => {
            (sizing.machine / PRODUCTION_SHARE).clamp(PRODUCTION_POOL.0, PRODUCTION_POOL.1)
        }
    };
    bytes / MIB * MIB
}

/// Every engine, every profile.
const BOTH: &[&str] = &[
    "skip-networking",
    "skip-name-resolve",
    "local-infile=ON",
    "character-set-server=utf8mb4",
    "max-allowed-packet=1G",
    "log-bin-trust-function-creators=1",
    "innodb-file-per-table=ON",
    "innodb-buffer-pool-dump-at-shutdown=OFF",
    "innodb-buffer-pool-load-at-startup=OFF",
    // Of a replay: the names must not depend on the machine's.
    "relay-log=relay-bin",
    // Above what the gateway ever lets in (`MAX_CONNECTIONS`), so that it is the gateway that says no.
    "max-connections=1020",
];
const DEVELOPMENT: &[&str] = &[
    "performance-schema=OFF",
    // The steps in which the pool gets smaller after a recovery.
    "innodb-buffer-pool-chunk-size=8M",
    "innodb-flush-log-at-trx-commit=2",
    "innodb-flush-method=fsync",
    "innodb-log-buffer-size=2M",
    "table-open-cache=200",
    "table-definition-cache=400",
];
/// Beyond those of a development engine. What is written early need not be written when it is stopped.
const SHADOW: &[&str] = &["innodb-max-dirty-pages-pct=10"];
const MARIADB_SHADOW: &[&str] = &[
    "innodb-log-file-size=64M",
    "key-buffer-size=1M",
    "aria-pagecache-buffer-size=8M",
];
const PRODUCTION: &[&str] = &[
    "innodb-flush-log-at-trx-commit=1",
    "innodb-flush-method=O_DIRECT",
    "sync-binlog=1",
    "log-bin=binlog",
    "binlog-format=ROW",
    // A copy of the engine as it runs reads the last file, twice, before it serves.
    "max-binlog-size=16M",
];
const MYSQL: &[&str] = &[
    "mysqlx=OFF",
    "partial-revokes=ON",
    // What `SET PERSIST` left in a volume elsewhere is not ours.
    "persisted-globals-load=OFF",
    "secure-file-priv=NULL",
    "tls-version=",
    "loose-auto-generate-certs=OFF",
    "loose-caching-sha2-password-auto-generate-rsa-keys=OFF",
    "loose-sha256-password-auto-generate-rsa-keys=OFF",
    "innodb-numa-interleave=OFF",
    "innodb-use-native-aio=OFF",
    "log-error-verbosity=2",
    "loose-skip-replica-start=ON",
];
const MYSQL_DEVELOPMENT: &[&str] = &["innodb-page-cleaners=1"];
const MYSQL_UNLOGGED: &[&str] = &[
    "skip-log-bin",
    // On by default in some versions; then a dump sets what only the system account may set.
    "gtid-mode=OFF",
    "enforce-gtid-consistency=OFF",
];
/// Until the binlog that a copy of a running engine brought along has been closed.
const MYSQL_LOGGED: &[&str] = &[
    "log-bin=binlog",
    "gtid-mode=ON",
    "enforce-gtid-consistency=ON",
    "sync-binlog=0",
];
const MYSQL_PRODUCTION: &[&str] = &[
    "gtid-mode=ON",
    "enforce-gtid-consistency=ON",
    "binlog-expire-logs-seconds=604800",
];
const MARIADB: &[&str] = &[
    "symbolic-links=0",
    "skip-ssl",
    "innodb-use-native-aio=OFF",
    "skip-slave-start",
    // Roles have their rights on whole schemas; the table of accounts is read-only.
    "automatic-sp-privileges=OFF",
    "feedback=OFF",
    "stack-trace=OFF",
];
const MARIADB_UNLOGGED: &[&str] = &["skip-log-bin"];
const MARIADB_LOGGED: &[&str] = &["log-bin=binlog", "binlog-format=ROW", "sync-binlog=0"];
const MARIADB_DEVELOPMENT: &[&str] = &[
    "key-buffer-size=1M",
    "aria-pagecache-buffer-size=8M",
    "innodb-purge-threads=1",
];
const MARIADB_RECOVERED: &[&str] = &["innodb-log-file-size=8M"];
/// A redo log of another size is made at the start, and everything that was redone is written before: so the
/// copy of a running engine keeps the size of `MARIADB_PRODUCTION` until it has been stopped cleanly.
const MARIADB_RECOVERING: &[&str] = &["innodb-log-file-size=128M"];
const MARIADB_PRODUCTION: &[&str] = &[
    "innodb-log-file-size=128M",
    // An engine that has nothing to do writes its dirty pages, as MySQL does: there is less to redo in a copy.
    "innodb-max-dirty-pages-pct-lwm=10",
    "innodb-io-capacity=2000",
    "gtid-strict-mode=ON",
    "expire-logs-days=7",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn sizing(engine: &str, profile: Profile) -> Sizing {
        Sizing {
            engine: engine.parse().unwrap(),
            profile,
            event_scheduler: false,
            recovers: false,
            logged: false,
            machine: 24 << 30,
            limit: None,
            pool: None,
            server_id: 7,
        }
    }

    #[test]
    fn pools_follow_memory() {
        let mut s = sizing("mysql-9.7.4", Profile::Development);
        assert_eq!(pool(&s), 32 << 20);
        s.limit = Some(256 << 20);
        assert_eq!(pool(&s), 16 << 20);
        s.recovers = true;
        assert_eq!(pool(&s), 128 << 20);
        s.limit = None;
        assert_eq!(pool(&s), 256 << 20);
        s.recovers = false;
        s.limit = Some(256 << 20);
        s.profile = Profile::Production;
        assert_eq!(pool(&s), 128 << 20);
        s.limit = None;
        assert_eq!(pool(&s), 3 << 30);
        s.profile = Profile::Shadow;
        assert_eq!(pool(&s), 128 << 20);
        s.pool = Some(512 << 20);
        assert_eq!(pool(&s), 512 << 20);
        s.limit = Some(1 << 30);
        for profile in [Profile::Development, Profile::Production] {
            s.profile = profile;
            assert_eq!(pool(&s), 512 << 20);
        }
    }

    #[test]
    fn what_a_copy_has_to_redo_is_not_written_for_a_smaller_log() {
        let size = |recovers, profile| {
            let mut sizing = sizing("mariadb-10.11.19", profile);
            sizing.recovers = recovers;
            let mut all = arguments(&sizing).into_iter();
            all.find(|a| a.starts_with("--innodb-log-file-size="))
        };
        let production = size(false, Profile::Production);
        assert_eq!(size(true, Profile::Development), production);
        assert_ne!(size(false, Profile::Development), production);
    }

    #[test]
    fn no_setting_is_given_twice() {
        for engine in ["mysql-8.0.11", "mysql-9.7.4", "mariadb-10.11.19"] {
            for profile in [Profile::Development, Profile::Production, Profile::Shadow] {
                let mut names: Vec<String> = arguments(&sizing(engine, profile))
                    .iter()
                    .map(|a| a.split('=').next().unwrap_or(a).replace("loose-", ""))
                    .collect();
                let count = names.len();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), count, "{engine} {profile:?}");
            }
        }
    }

    #[test]
    fn every_setting_is_documented() {
        let guide = include_str!("../../../../docs/guide/instances.md");
        for list in [
            BOTH,
            DEVELOPMENT,
            SHADOW,
            MARIADB_SHADOW,
            PRODUCTION,
            MYSQL,
            MYSQL_DEVELOPMENT,
            MYSQL_UNLOGGED,
            MYSQL_LOGGED,
            MYSQL_PRODUCTION,
            MARIADB,
            MARIADB_DEVELOPMENT,
            MARIADB_RECOVERED,
            MARIADB_RECOVERING,
            MARIADB_UNLOGGED,
            MARIADB_LOGGED,
            MARIADB_PRODUCTION,
        ] {
            for setting in list {
                let name = setting.split('=').next().unwrap_or(setting);
                let name = name.trim_start_matches("loose-").replace('-', "_");
                assert!(guide.contains(&format!("`{name}")), "{name}");
            }
        }
    }
}
