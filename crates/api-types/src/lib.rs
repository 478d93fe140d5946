//! Wire shapes of the HTTP API: what goes over the line, field by field as PlanetScale names it,
//! with our own fields added beside them.
//!
//! Shapes of requests are lenient (unknown fields ignored, blank strings are absent values), those
//! of answers exact: integers as integers, times as RFC 3339 in UTC, `null` for what is missing.
//! The same types serve the server and the client. No domain logic, no I/O.

pub mod actor;
pub mod audit_log;
pub mod automation;
pub mod backup;
pub mod backup_policy;
pub mod branch;
pub mod connection;
pub mod database;
pub mod drill;
pub mod engine;
pub mod error;
pub mod event;
pub mod import;
pub mod inspect;
pub mod integration;
pub mod iteration;
pub mod keyspace;
pub mod lenient;
pub mod login;
pub mod member;
pub mod off_site;
pub mod organization;
pub mod page;
pub mod password;
pub mod pool;
pub mod region;
pub mod schema;
pub mod seed_rules;
pub mod service_token;
pub mod shadow;
pub mod size;
pub mod user;
pub mod webhook;

/// Spans of time as people write them.
pub use offshoot_core::span;

pub use actor::{Actor, Reference};
pub use audit_log::AuditLog;
pub use automation::{
    Automation, AutomationEffect, AutomationEffects, AutomationRule, AutomationTest,
    CreateAutomation, DELIVERIES, TestAutomation, UpdateAutomation,
};
pub use backup::{Backup, BackupState, CreateBackup, Examined, UpdateBackup};
pub use backup_policy::{BackupPolicy, BackupPolicyFields, PolicyTarget, PolicyUnit};
pub use branch::{
    Branch, BranchLogs, BranchState, Copied, CreateBranch, CreateBranchPassword, DiskQuotaState,
    KeyspaceClusterSize, Origin, PointInTime, Position, ResetBranch, SafeMigrations, Seed,
    UpdateBranch,
};
pub use connection::{Address, Connection};
pub use database::{CreateDatabase, Database, DatabaseState, UpdateDatabase};
pub use drill::{CreateDrill, Drill, DrillState, LastDrill};
pub use engine::Engine;
pub use error::ErrorBody;
pub use event::{BranchEvent, WorkflowEvent};
pub use import::{CreateImport, Import, ImportState};
pub use inspect::{
    ConnectionInstance, ConnectionRow, Connections, Data, Infrastructure, KillProcess, Killed,
    LintError, Pod, Process, ProcessList, Topology,
};
pub use integration::{
    Accepted, CreateIntegration, Delivery, DeliveryIteration, DeliveryState, Integration,
    IntegrationSecret, UpdateIntegration,
};
pub use iteration::{
    Iteration, IterationBranch, IterationCredential, IterationTold, RevealedCredential,
};
pub use keyspace::{
    CreateKeyspace, Keyspace, KeyspaceRegion, KeyspaceRegions, ReplicationDurability,
    RolloutStatus, ShardRollout, UpdateKeyspace, VreplicationFlags, Vschema,
};
pub use login::{AccessToken, BeginLogin, DeviceCode, FetchToken, OAuthError, RevokeToken};
pub use member::{
    CreateMember, LoginWay, Member, MemberPassword, MemberRole, SetMemberPassword, Team,
    UpdateMember, UserSession,
};
pub use off_site::{CopyState, ImportBackup, OffSite, OffSiteBackup, OffSiteBackups, Progress};
pub use organization::{Organization, UpdateOrganization};
pub use page::{Cursored, DataList, Page};
pub use password::{CreatePassword, Password, PasswordBranch, UpdatePassword};
pub use pool::{BranchUsage, Pool};
pub use region::{PublicRegion, ReadOnlyRegion, Region};
pub use schema::SchemaText;
pub use seed_rules::{
    CreateSeedRulesTest, SeedRules, SeedRulesDocument, SeedRulesTest, SeedRulesTestState,
    SeedRulesVersion, UpdateSeedRules,
};
pub use service_token::{
    AccessGrant, ChangeAccess, CreateServiceToken, GrantResource, GrantedAccess, ResourceGrants,
    ServiceToken, TokenAccess,
};
pub use shadow::{CreateShadow, Shadow, ShadowState, UpdateShadow};
pub use size::{
    ChangeCluster, ChangeKeyspaceSize, ChangeVtgate, ClusterSku, KeyspaceResize, ResizeState,
    VtgateResize,
};
pub use user::User;
pub use webhook::{CreateWebhook, UpdateWebhook, Webhook, WebhookDelivery};
