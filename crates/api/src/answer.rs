//! Writing answers: domain values become wire shapes, refusals become statuses and bodies.

mod audit_log;
mod automation;
mod backup;
mod backup_policy;
mod branch;
mod database;
mod failure;
mod import;
mod inspect;
mod integration;
mod iteration;
mod json;
mod keyspace;
mod list;
mod member;
mod off_site;
mod organization;
mod password;
mod pool;
mod schema;
mod seed_rules;
mod service_token;
mod shadow;
mod size;
mod webhook;

pub(crate) use audit_log::audit_log;
pub(crate) use automation::{automation, automation_effects, automation_test};
pub(crate) use backup::backup;
pub(crate) use backup_policy::backup_policy;
pub(crate) use branch::{branch, branch_at};
pub(crate) use database::{database, database_at};
pub(crate) use failure::Failure;
pub(crate) use import::import;
pub(crate) use inspect::{connections, finding, infrastructure, killed, processes};
pub(crate) use integration::{delivery, integration};
pub(crate) use iteration::{iteration, iteration_at, iteration_credential, revealed};
pub(crate) use json::{Json, conditional, entity_tags};
pub(crate) use keyspace::{keyspace, rollout_status, vschema};
pub(crate) use list::{counted, uncounted};
pub(crate) use member::{member, member_password, reference, session, user};
pub(crate) use off_site::{off_site_backups, progress};
pub(crate) use organization::organization;
pub(crate) use password::password;
pub(crate) use pool::{pool, usage};
pub(crate) use schema::texts;
pub(crate) use seed_rules::{seed_rules, seed_rules_test, seed_rules_version};
pub(crate) use service_token::{access_list, grants, service_token};
pub(crate) use shadow::shadow;
pub(crate) use size::{VTGATE, keyspace_resize, sizes};
pub use webhook::ApiShapes;
pub(crate) use webhook::{webhook, webhook_delivery};

/// What a handler answers with when nothing went wrong.
pub(crate) type Answer<T> = Result<Json<T>, Failure>;
