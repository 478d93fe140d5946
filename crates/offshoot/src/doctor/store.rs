//! The metadata, and the clock against them.

use super::{AS_ROOT, Finding, hidden};
use crate::data_dir::DataDir;
use jiff::{SignedDuration, Timestamp};
use offshoot_store::inspect::inspect;
use offshoot_store::upgrade::Standing;

const STORE: &str = "metadata";
const SHADOW: &str = "shadow";
const CLOCK: &str = "clock";
/// A clock so far behind the newest entry is wrong; less is what a time service corrects.
const BEHIND: SignedDuration = SignedDuration::from_secs(60);

pub(super) async fn store(dir: &DataDir, now: Timestamp) -> Vec<Finding> {
    let path = dir.database();
    match std::fs::File::open(&path) {
        Err(e) if hidden(&e) => {
            return vec![Finding::warn(
                STORE,
                format!("{}: {e}", path.display()),
                AS_ROOT,
            )];
        }
        _ => {}
    }
    let seen = match inspect(&path).await {
        Ok(seen) => seen,
        Err(error) => {
            let next = "with the server stopped, put back a copy: `offshoot admin restore` into an empty data directory, or one from `backups/`";
            return vec![Finding::fail(STORE, error.to_string(), next)];
        }
    };
    let found = match seen.standing {
        Standing::Absent => "not there yet; the first start makes them".to_owned(),
        Standing::Current => format!("{}, whole", path.display()),
        Standing::Older(version) => {
            format!(
                "whole, of schema {version}; the next start brings them up to date and keeps a copy"
            )
        }
    };
    let mut all = vec![Finding::ok(STORE, found)];
    for (branch, reason) in seen.broken_shadows {
        all.push(Finding::warn(
            SHADOW,
            format!("the shadow of branch {branch} is broken, so the branch itself is copied: {reason}"),
            format!("it is made again by itself; `offshoot branch shadow show DATABASE {branch}` says when"),
        ));
    }
    if let Some(newest) = seen.newest {
        let behind = newest.duration_since(now);
        all.push(match behind > BEHIND {
            true => Finding::fail(
                CLOCK,
                format!("it says {now}, but the audit log goes until {newest}"),
                "set the clock: expiries and the order of events depend on it",
            ),
            false => Finding::ok(CLOCK, "not behind the newest entry of the audit log"),
        });
    }
    all
}
