//! Decisions: facts in, plan or refusal out. Pure, so that each is tested as a table.

mod admission;
mod backup;
mod converge;
mod create;
mod delete;
mod drill;
mod entry;
mod expiry;
mod import;
mod off_site;
mod quota;
mod rest;
mod restore_point;
mod retry;
mod rotate;
mod run;
mod safe_migrations;
mod shadow;

pub use admission::{Admission, Standing, Tenant, memory_cost, plan_admission};
pub use backup::{plan_backup, plan_delete_backup};
pub use converge::{
    ConvergeFacts, Convergence, Phase, SeenBranch, Step, deletion_of, phase, plan_convergence,
};
pub use create::{CreateFacts, CreatePlan, SeedFacts, Source, plan_create, plan_reset};
pub use delete::{DeleteFacts, plan_delete};
pub use drill::{compare, plan_drill, verdict};
pub use entry::{Entry, plan_entry};
pub use expiry::{ExpiryFacts, plan_expiry};
pub use import::{Revert, none_open, plan_complete, plan_import, plan_renew, plan_revert};
pub use off_site::{ExportPlan, plan_copy_retry, plan_engine, plan_export};
pub use quota::{QuotaFacts, plan_measure, plan_quota};
pub use rest::{RestFacts, plan_rest};
pub use restore_point::{
    RestoreFacts, RestorePlan, Trim, base_of, plan_restore_point, plan_trim, window,
};
pub use retry::{Retry, plan_retry};
pub use run::{RunFacts, RunPlan, plan_run};
pub use safe_migrations::plan_safe_migrations;
pub use shadow::{
    ShadowBase, plan_shadow, plan_shadow_base, plan_shadow_feed, shadow_due, shadow_retry,
};
