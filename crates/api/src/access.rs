//! Which accesses open which group of operations: any one of a list suffices. Source: the access
//! names that PlanetScale documents per operation. What depends on the thing itself (production or
//! not, the role asked for) is checked by `control` besides.

use offshoot_core::access::Access::{self, *};

pub(crate) const READ_ORGANIZATION: &[Access] = &[ReadOrganization];
pub(crate) const WRITE_ORGANIZATION: &[Access] = &[WriteOrganization];
pub(crate) const READ_AUDIT_LOGS: &[Access] = &[ReadAuditLogs];
pub(crate) const READ_TOKENS: &[Access] = &[ReadServiceTokens];
pub(crate) const WRITE_TOKENS: &[Access] = &[WriteServiceTokens];
pub(crate) const DELETE_TOKENS: &[Access] = &[DeleteServiceTokens];

/// Any database- or branch-level access.
pub(crate) const READ_DATABASE: &[Access] = &[
    ReadDatabases,
    ReadDatabase,
    WriteDatabase,
    DeleteDatabase,
    ReadBranch,
    CreateBranch,
    DeleteBranch,
    DeleteProductionBranch,
    PromoteBranches,
    DemoteBranches,
    ConnectBranch,
    ConnectProductionBranch,
    ConnectProductionReadOnlyBranch,
    DeleteBranchPassword,
    DeleteProductionBranchPassword,
];
/// The list of databases: as a single one, and whoever may make them.
pub(crate) const LIST_DATABASES: &[Access] = &[
    ReadDatabases,
    CreateDatabases,
    ReadDatabase,
    WriteDatabase,
    DeleteDatabase,
    ReadBranch,
    CreateBranch,
    DeleteBranch,
    DeleteProductionBranch,
    PromoteBranches,
    DemoteBranches,
    ConnectBranch,
    ConnectProductionBranch,
    ConnectProductionReadOnlyBranch,
    DeleteBranchPassword,
    DeleteProductionBranchPassword,
];
pub(crate) const CREATE_DATABASE: &[Access] = &[CreateDatabases];
/// What happens to a database is told to whoever may read it.
pub(crate) const READ_WEBHOOK: &[Access] = &[ReadDatabases, ReadDatabase, WriteDatabase];
pub(crate) const WRITE_DATABASE: &[Access] = &[WriteDatabase];
pub(crate) const DELETE_DATABASE: &[Access] = &[DeleteDatabase];

pub(crate) const READ_BRANCH: &[Access] = &[
    ReadBranch,
    DeleteBranch,
    CreateBranch,
    ConnectProductionBranch,
    ConnectBranch,
];
pub(crate) const CREATE_BRANCH: &[Access] =
    &[CreateBranch, RestoreBackup, RestoreProductionBranchBackup];
/// Labels, expiry and the like belong to whoever may make branches, too.
pub(crate) const UPDATE_BRANCH: &[Access] = &[WriteDatabase, CreateBranch];
/// Whoever has a credential of a production branch is not let around what protects it.
pub(crate) const WRITE_SAFE_MIGRATIONS: &[Access] = &[WriteDatabase, PromoteBranches];
/// A schema is made by whoever makes branches; in production by those who could have a password of role admin as well.
pub(crate) const CREATE_KEYSPACE: &[Access] = &[CreateBranch];
pub(crate) const DELETE_BRANCH: &[Access] = &[DeleteBranch, DeleteProductionBranch];
pub(crate) const RESET_BRANCH: &[Access] = &[DeleteBranch];
pub(crate) const PROMOTE_BRANCH: &[Access] = &[PromoteBranches, ConnectProductionBranch];
pub(crate) const DEMOTE_BRANCH: &[Access] = &[DemoteBranches, ConnectProductionBranch];
/// How production is copied is said by whoever makes branches production branches.
pub(crate) const WRITE_SHADOW: &[Access] = &[PromoteBranches, ConnectProductionBranch];
/// Whoever can connect wakes a branch anyway.
pub(crate) const WAKE_BRANCH: &[Access] = &[
    WriteDatabase,
    CreateBranch,
    ConnectBranch,
    ConnectProductionBranch,
    ConnectProductionReadOnlyBranch,
];

/// Sessions of a branch and their end, imports: whoever could have a password.
pub(crate) const CONNECT: &[Access] = &[ConnectBranch, ConnectProductionBranch];

pub(crate) const READ_PASSWORD: &[Access] = &[
    ReadBranch,
    DeleteBranch,
    CreateBranch,
    ConnectProductionBranch,
    ConnectBranch,
    ConnectProductionReadOnlyBranch,
];
pub(crate) const WRITE_PASSWORD: &[Access] = &[
    ConnectBranch,
    ConnectProductionBranch,
    ConnectProductionReadOnlyBranch,
];
pub(crate) const DELETE_PASSWORD: &[Access] =
    &[DeleteBranchPassword, DeleteProductionBranchPassword];

/// Rules name tables and columns, as a schema does.
pub(crate) const READ_SEED_RULES: &[Access] = &[
    ReadDatabases,
    ReadDatabase,
    WriteDatabase,
    ReadBranch,
    CreateBranch,
    RestoreBackup,
    RestoreProductionBranchBackup,
];
pub(crate) const WRITE_SEED_RULES: &[Access] = &[WriteDatabase];
pub(crate) const TEST_SEED_RULES: &[Access] =
    &[WriteDatabase, RestoreBackup, RestoreProductionBranchBackup];

pub(crate) const READ_BACKUP: &[Access] = &[ReadBackups, WriteBackups];
pub(crate) const WRITE_BACKUP: &[Access] = &[WriteBackups];
pub(crate) const DELETE_BACKUP: &[Access] = &[DeleteBackups, DeleteProductionBranchBackups];
