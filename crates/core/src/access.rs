//! Access names that service tokens are granted. Source: PlanetScale's service-token accesses.

use std::fmt;
use std::str::FromStr;

macro_rules! accesses {
    ($($variant:ident = $text:literal, $description:literal;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Access { $($variant),+ }

        impl Access {
            pub const ALL: &'static [Access] = &[$(Access::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Access::$variant => $text),+ }
            }

            pub fn description(self) -> &'static str {
                match self { $(Access::$variant => $description),+ }
            }
        }
    };
}

accesses! {
    ReadOrganization = "read_organization", "Read the organization";
    WriteOrganization = "write_organization", "Change the organization";
    CreateDatabases = "create_databases", "Create databases";
    ReadDatabases = "read_databases", "Read all databases of the organization";
    ReadAuditLogs = "read_audit_logs", "Read the audit log";
    ReadServiceTokens = "read_service_tokens", "Read service tokens";
    WriteServiceTokens = "write_service_tokens", "Create service tokens and grant accesses";
    DeleteServiceTokens = "delete_service_tokens", "Delete service tokens";
    ReadDatabase = "read_database", "Read the database";
    WriteDatabase = "write_database", "Change the database";
    DeleteDatabase = "delete_database", "Delete the database";
    ReadBranch = "read_branch", "Read branches";
    CreateBranch = "create_branch", "Create branches";
    DeleteBranch = "delete_branch", "Delete development branches";
    DeleteProductionBranch = "delete_production_branch", "Delete production branches";
    PromoteBranches = "promote_branches", "Promote branches to production";
    DemoteBranches = "demote_branches", "Demote production branches";
    ConnectBranch = "connect_branch", "Create passwords of development branches";
    ConnectProductionBranch = "connect_production_branch", "Create passwords of production branches";
    ConnectProductionReadOnlyBranch = "connect_production_read_only_branch", "Create reader passwords of production branches";
    DeleteBranchPassword = "delete_branch_password", "Delete passwords of development branches";
    DeleteProductionBranchPassword = "delete_production_branch_password", "Delete passwords of production branches";
    ReadBackups = "read_backups", "Read backups and their policies";
    WriteBackups = "write_backups", "Create and change backups and their policies";
    DeleteBackups = "delete_backups", "Delete backups of development branches";
    DeleteProductionBranchBackups = "delete_production_branch_backups", "Delete backups of production branches";
    RestoreBackup = "restore_backup", "Create branches from backups of development branches";
    RestoreProductionBranchBackup = "restore_production_branch_backup", "Create branches from backups of production branches";
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no access of that name")]
pub struct InvalidAccess;

impl FromStr for Access {
    type Err = InvalidAccess;

    fn from_str(text: &str) -> Result<Self, InvalidAccess> {
        Access::ALL
            .iter()
            .copied()
            .find(|a| a.as_str() == text)
            .ok_or(InvalidAccess)
    }
}
