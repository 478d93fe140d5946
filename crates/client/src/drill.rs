//! Restore drills of backups.

use crate::backup::BackupsOf;
use crate::branch::Wait;
use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{CreateDrill, Drill, Page};

/// Which drills a list holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct WhichDrills<'a> {
    /// Id of the backup.
    pub backup: Option<&'a str>,
    /// `pending`, `running`, `success`, `failed` or `error`.
    pub state: Option<&'a str>,
}

impl Client {
    /// Drills of a database, newest first.
    pub async fn list_drills(
        &self,
        org: &str,
        database: &str,
        which: WhichDrills<'_>,
        page: PageOf,
    ) -> Result<Page<Drill>, Error> {
        let mut query = page.pairs();
        query.extend(which.backup.map(|b| ("backup", b.to_owned())));
        query.extend(which.state.map(|s| ("state", s.to_owned())));
        self.get(&drills(org, database, &[]), &query).await
    }

    pub async fn show_drill(&self, org: &str, database: &str, id: &str) -> Result<Drill, Error> {
        self.get(&drills(org, database, &[id]), &[]).await
    }

    /// With `wait` the answer comes when the drill is over, or when the time is.
    pub async fn create_drill(
        &self,
        of: BackupsOf<'_>,
        backup: &str,
        wait: Option<Wait>,
    ) -> Result<Drill, Error> {
        let url = self.url(&of.path(&[backup, "drills"]));
        self.create(url, &CreateDrill::default(), wait).await
    }
}

fn drills<'a>(org: &'a str, database: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["organizations", org, "databases", database, "drills"];
    all.extend(rest);
    all
}
