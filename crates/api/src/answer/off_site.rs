//! Off-site copies.

use offshoot_api_types::page::ListType;
use offshoot_api_types::{OffSite, OffSiteBackup, OffSiteBackups, Progress};
use offshoot_control::off_site::{CopyView, StoreView};
use offshoot_control::under_way::Done;
use offshoot_core::off_site::BackupCopy;

pub(crate) fn off_site(copy: BackupCopy) -> OffSite {
    OffSite {
        state: copy.state.into(),
        store: copy.place.store,
        key: copy.place.key,
        exported_at: copy.exported_at,
        bytes: signed(copy.bytes),
        stored: signed(copy.stored),
        failure: copy.failure,
        retry_at: copy.retry_at,
    }
}

pub(crate) fn progress(done: Done) -> Progress {
    Progress {
        done: signed(done.done),
        total: signed(done.total),
    }
}

pub(crate) fn off_site_backups(view: StoreView) -> OffSiteBackups {
    OffSiteBackups {
        kind: ListType::List,
        store: view.place.store,
        key: view.place.key,
        data: view.copies.into_iter().map(off_site_backup).collect(),
        unreadable: view.unreadable,
        other_keys: view.other_keys,
    }
}

fn off_site_backup(view: CopyView) -> OffSiteBackup {
    let (copy, here) = (view.copy, view.here);
    let label = copy.label;
    OffSiteBackup {
        id: copy.id.to_string(),
        name: label.name,
        organization: label.organization,
        database: label.database,
        branch: label.branch,
        production: label.production,
        engine: label.engine.to_string(),
        bytes: signed(copy.bytes),
        size: signed(copy.data),
        created_at: label.created_at,
        verified_at: label.verified_at,
        examined: label.examined.into(),
        position: label.position.map(Into::into),
        here,
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
