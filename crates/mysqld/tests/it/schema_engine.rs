//! Running engines for the tests of schemas, as the supervisor starts them.

use crate::instance_stand::{Stand, session_of};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::{Endpoint, Profile};
use offshoot_core::password::Role;
use offshoot_core::port::Instances;
use offshoot_mysqld::admin::Session;
use offshoot_mysqld::engine::EngineFiles;
use offshoot_testkit::engines;
use std::path::PathBuf;

/// Where the engines of one test run, if the kind can be had. They end when it is dropped.
pub(crate) fn stand(kind: EngineKind) -> Option<Stand> {
    let mut all = engines::each().into_iter();
    all.find(|files| files.engine.kind == kind).map(Stand::new)
}

/// A living engine.
pub(crate) struct Engine {
    pub(crate) endpoint: Endpoint,
    pub(crate) files: EngineFiles,
    pub(crate) data: PathBuf,
}

impl Engine {
    pub(crate) async fn start(stand: &Stand, profile: Profile) -> Self {
        let spec = stand.spec(profile);
        let endpoint = stand.supervisor.start(&spec).await.unwrap();
        Self {
            data: stand.supervisor.data_dir(spec.id).unwrap(),
            files: stand.files.clone(),
            endpoint,
        }
    }

    pub(crate) async fn system(&self) -> Session {
        Session::open(&self.endpoint).await.unwrap()
    }

    pub(crate) async fn admin(&self) -> Session {
        session_of(&self.endpoint, Role::Admin).await
    }
}
