//! From names or ids to things the caller may touch. A located value is the proof: it cannot be
//! had without the access. A thing of which the caller may not know is not found; one it may know
//! of without having the access is forbidden.

use crate::Control;
use crate::caller::Caller;
use offshoot_core::access::Access;
use offshoot_core::automation::Automation;
use offshoot_core::backup::Backup;
use offshoot_core::backup_policy::BackupPolicy;
use offshoot_core::branch::Branch;
use offshoot_core::database::Database;
use offshoot_core::drill::Drill;
use offshoot_core::id::DatabaseId;
use offshoot_core::import::Import;
use offshoot_core::integration::Integration;
use offshoot_core::organization::Organization;
use offshoot_core::password::Password;
use offshoot_core::token::ServiceToken;
use offshoot_core::webhook::Webhook;
use offshoot_core::{Kind, Refusal};
use offshoot_store::branch::BranchDetail;
use std::sync::Arc;

/// An organization the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedOrganization {
    pub(crate) caller: Caller,
    pub(crate) organization: Organization,
}

/// A database the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedDatabase {
    pub(crate) within: LocatedOrganization,
    pub(crate) database: Database,
}

/// A branch the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedBranch {
    pub(crate) within: LocatedDatabase,
    pub(crate) branch: Branch,
}

/// A password the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedPassword {
    pub(crate) within: LocatedBranch,
    pub(crate) password: Password,
}

/// A backup of a database the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedBackup {
    pub(crate) within: LocatedDatabase,
    pub(crate) backup: Backup,
}

/// A restore drill of a database the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedDrill {
    pub(crate) drill: Drill,
}

/// A backup policy of a database the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedPolicy {
    pub(crate) within: LocatedDatabase,
    pub(crate) policy: BackupPolicy,
}

/// An import of a branch the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedImport {
    pub(crate) within: LocatedBranch,
    pub(crate) import: Import,
}

/// A service token of an organization.
#[derive(Clone, Debug)]
pub struct LocatedToken {
    pub(crate) within: LocatedOrganization,
    pub(crate) token: ServiceToken,
}

/// An integration of an organization.
#[derive(Clone, Debug)]
pub struct LocatedIntegration {
    pub(crate) within: LocatedOrganization,
    pub(crate) integration: Integration,
}

/// An automation of a database the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedAutomation {
    pub(crate) within: LocatedDatabase,
    pub(crate) automation: Automation,
}

/// A webhook of a database the caller has one of the asked accesses on.
#[derive(Clone, Debug)]
pub struct LocatedWebhook {
    pub(crate) within: LocatedDatabase,
    pub(crate) webhook: Webhook,
}

/// `needs`: any one suffices, on the organization or on any of its databases (so that a token of
/// one database can list what it may see). Empty = any valid token.
pub async fn organization(
    control: &Control,
    caller: &Caller,
    organization: &str,
    needs: &[Access],
) -> Result<LocatedOrganization, Refusal> {
    let found = control
        .organization_named(organization)
        .await?
        .filter(|o| o.id == caller.token().organization_id)
        .ok_or_else(|| Refusal::not_found(format!("organization {}", quoted(organization))))?;
    let anywhere = |need: &Access| {
        caller.may(*need, None) || caller.grants().iter().any(|g| g.access == *need)
    };
    if !needs.is_empty() && !needs.iter().any(anywhere) {
        return Err(forbidden(
            caller,
            "organization",
            found.name.as_str(),
            needs,
        ));
    }
    Ok(LocatedOrganization {
        caller: caller.clone(),
        organization: found,
    })
}

/// `database`: name or id. `needs`: any one suffices, on the organization or this database.
pub async fn database(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    needs: &[Access],
) -> Result<LocatedDatabase, Refusal> {
    let within = self::organization(control, caller, organization, &[]).await?;
    let found = control
        .database_named(&within.organization, database)
        .await?
        .filter(|d| caller.knows(d.id))
        .ok_or_else(|| {
            Refusal::not_found(format!("database {}", quoted(database)))
                .hint("list them: offshoot database list")
        })?;
    let located = LocatedDatabase {
        within,
        database: found,
    };
    located.require(needs)?;
    Ok(located)
}

/// `branch`: name or id.
pub async fn branch(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    branch: &str,
    needs: &[Access],
) -> Result<LocatedBranch, Refusal> {
    let within = self::database(control, caller, organization, database, needs).await?;
    let found = control
        .branch_named(within.database.id, branch)
        .await?
        .map(|detail| detail.branch.clone())
        .ok_or_else(|| {
            Refusal::not_found(format!(
                "branch {} of database \"{}\"",
                quoted(branch),
                within.database.name
            ))
            .hint(format!(
                "list them: offshoot branch list {}",
                within.database.name
            ))
        })?;
    Ok(LocatedBranch {
        within,
        branch: found,
    })
}

impl Control {
    async fn organization_named(&self, name: &str) -> Result<Option<Organization>, Refusal> {
        let (recent, version) = (&self.0.recent.organizations, self.version());
        let key = name.to_owned();
        if let Some(found) = recent.get(version, &key) {
            return Ok(Some(found));
        }
        let found = self.0.store.read().await?.organization(name).await?;
        if let Some(found) = &found {
            recent.put(version, key, found.clone());
        }
        Ok(found)
    }

    async fn database_named(
        &self,
        within: &Organization,
        name: &str,
    ) -> Result<Option<Database>, Refusal> {
        let (recent, version) = (&self.0.recent.databases, self.version());
        let key = (within.name.to_string(), name.to_owned());
        if let Some(found) = recent.get(version, &key) {
            return Ok(Some(found));
        }
        let found = self.0.store.read().await?.database(within.id, name).await?;
        if let Some(found) = &found {
            recent.put(version, key, found.clone());
        }
        Ok(found)
    }

    /// A visible branch by name or id, with what lists show.
    pub(crate) async fn branch_named(
        &self,
        database: DatabaseId,
        name: &str,
    ) -> Result<Option<Arc<BranchDetail>>, Refusal> {
        let (recent, version) = (&self.0.recent.branches, self.version());
        let key = (database, name.to_owned());
        if let Some(found) = recent.get(version, &key) {
            return Ok(Some(found));
        }
        let mut session = self.0.store.read().await?;
        let Some(found) = session.branch_named_detail(database, name).await? else {
            return Ok(None);
        };
        let found = Arc::new(found);
        recent.put(version, key, found.clone());
        Ok(Some(found))
    }
}

/// `backup`: id.
pub async fn backup(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    branch: &str,
    backup: &str,
    needs: &[Access],
) -> Result<LocatedBackup, Refusal> {
    let within = self::database(control, caller, organization, database, needs).await?;
    let missing = || Refusal::not_found(format!("backup {}", quoted(backup)));
    let id = backup.parse().map_err(|_| missing())?;
    let row = control.0.store.read().await?.backup(id).await?;
    let found = row.filter(|b| b.database_id == within.database.id);
    let found = found.ok_or_else(missing)?;
    // It may have outlived its branch, and is still named by it.
    if found.branch_id.as_str() != branch && found.branch_name != branch {
        let branch = self::branch(control, caller, organization, database, branch, needs).await?;
        if branch.branch.id != found.branch_id {
            return Err(missing());
        }
    }
    Ok(LocatedBackup {
        within,
        backup: found,
    })
}

/// `drill`: id.
pub async fn drill(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    drill: &str,
    needs: &[Access],
) -> Result<LocatedDrill, Refusal> {
    let within = self::database(control, caller, organization, database, needs).await?;
    let missing = || {
        Refusal::not_found(format!(
            "drill {} of database \"{}\"",
            quoted(drill),
            within.database.name
        ))
        .hint(format!(
            "list them: offshoot backup drills {}",
            within.database.name
        ))
    };
    let id = drill.parse().map_err(|_| missing())?;
    let row = control.0.store.read().await?.drill(id).await?;
    let found = row.filter(|d| d.database_id == within.database.id);
    Ok(LocatedDrill {
        drill: found.ok_or_else(missing)?,
    })
}

/// `policy`: id.
pub async fn backup_policy(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    policy: &str,
    needs: &[Access],
) -> Result<LocatedPolicy, Refusal> {
    let within = self::database(control, caller, organization, database, needs).await?;
    let missing = || {
        Refusal::not_found(format!(
            "backup policy {} of database \"{}\"",
            quoted(policy),
            within.database.name
        ))
        .hint(format!(
            "list them: offshoot backup policy list {}",
            within.database.name
        ))
    };
    let id = policy.parse().map_err(|_| missing())?;
    let row = control.0.store.read().await?.backup_policy(id).await?;
    let found = row.filter(|p| p.database_id == within.database.id);
    Ok(LocatedPolicy {
        policy: found.ok_or_else(missing)?,
        within,
    })
}

/// `integration`: name or id. `needs`: on the whole organization.
pub async fn integration(
    control: &Control,
    caller: &Caller,
    organization: &str,
    integration: &str,
    needs: &[Access],
) -> Result<LocatedIntegration, Refusal> {
    let within = self::organization(control, caller, organization, &[]).await?;
    within.require(needs)?;
    let mut session = control.0.store.read().await?;
    let found = session
        .integration_named(within.organization.id, integration)
        .await?;
    let integration = found.ok_or_else(|| {
        Refusal::not_found(format!("integration {}", quoted(integration)))
            .hint("list them: offshoot integration list")
    })?;
    Ok(LocatedIntegration {
        within,
        integration,
    })
}

/// `automation`: name or id.
pub async fn automation(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    automation: &str,
    needs: &[Access],
) -> Result<LocatedAutomation, Refusal> {
    let within = self::database(control, caller, organization, database, needs).await?;
    let mut session = control.0.store.read().await?;
    let found = session
        .automation_named(within.database.id, automation)
        .await?;
    let automation = found.ok_or_else(|| {
        Refusal::not_found(format!(
            "automation {} of database \"{}\"",
            quoted(automation),
            within.database.name
        ))
        .hint(format!(
            "list them: offshoot automation list {}",
            within.database.name
        ))
    })?;
    Ok(LocatedAutomation { within, automation })
}

/// `webhook`: id.
pub async fn webhook(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    webhook: &str,
    needs: &[Access],
) -> Result<LocatedWebhook, Refusal> {
    let within = self::database(control, caller, organization, database, needs).await?;
    let missing = || {
        Refusal::not_found(format!(
            "webhook {} of database \"{}\"",
            quoted(webhook),
            within.database.name
        ))
        .hint(format!(
            "list them: offshoot webhook list {}",
            within.database.name
        ))
    };
    let id = webhook.parse().map_err(|_| missing())?;
    let found = control.0.store.read().await?.webhook(id).await?;
    let found = found.filter(|w| w.database_id == within.database.id);
    let webhook = found.ok_or_else(missing)?;
    Ok(LocatedWebhook { within, webhook })
}

/// `import`: id.
pub async fn import(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    branch: &str,
    import: &str,
    needs: &[Access],
) -> Result<LocatedImport, Refusal> {
    let within = self::branch(control, caller, organization, database, branch, needs).await?;
    let missing = || Refusal::not_found(format!("import {}", quoted(import)));
    let id = import.parse().map_err(|_| missing())?;
    let row = control.0.store.read().await?.import(id).await?;
    let found = row.filter(|i| i.branch_id == within.branch.id);
    Ok(LocatedImport {
        within,
        import: found.ok_or_else(missing)?,
    })
}

/// `password`: id.
pub async fn password(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    branch: &str,
    password: &str,
    needs: &[Access],
) -> Result<LocatedPassword, Refusal> {
    let within = self::branch(control, caller, organization, database, branch, needs).await?;
    let found = control
        .0
        .store
        .read()
        .await?
        .password(within.branch.id, password)
        .await?
        .ok_or_else(|| Refusal::not_found(format!("password {}", quoted(password))))?;
    Ok(LocatedPassword {
        within,
        password: found.password,
    })
}

/// `token`: id of a service token of the organization.
pub async fn token(
    control: &Control,
    caller: &Caller,
    organization: &str,
    token: &str,
    needs: &[Access],
) -> Result<LocatedToken, Refusal> {
    let within = self::organization(control, caller, organization, &[]).await?;
    within.require(needs)?;
    let found = control
        .0
        .store
        .read()
        .await?
        .token(token)
        .await?
        .filter(|t| t.organization_id == within.organization.id && !t.root && t.session.is_none())
        .ok_or_else(|| Refusal::not_found(format!("service token {}", quoted(token))))?;
    Ok(LocatedToken {
        within,
        token: found,
    })
}

/// What a caller typed, as it may be repeated to it.
pub(crate) fn quoted(text: &str) -> String {
    /// Longer names are cut in messages.
    const SHOWN: usize = 80;
    format!("{:?}", text.chars().take(SHOWN).collect::<String>())
}

fn forbidden(caller: &Caller, what: &str, name: &str, needs: &[Access]) -> Refusal {
    let names: Vec<&str> = needs.iter().map(|a| a.as_str()).collect();
    let names = names.join(" or ");
    let (who, hint) = match caller.user() {
        None => ("the service token".to_owned(), format!("grant it {names}")),
        Some(user) => (
            format!("{} with this login", user.email),
            format!("it takes {names}: ask an administrator, or use a service token that has it"),
        ),
    };
    Refusal::new(
        Kind::Forbidden,
        format!("{who} may not do this on {what} \"{name}\""),
    )
    .hint(hint)
}

impl LocatedOrganization {
    /// Refuses (`Forbidden`) a caller without any of `needs` on the whole organization.
    pub(crate) fn require(&self, needs: &[Access]) -> Result<(), Refusal> {
        if needs.is_empty() || needs.iter().any(|need| self.caller.may(*need, None)) {
            return Ok(());
        }
        Err(forbidden(
            &self.caller,
            "organization",
            self.organization.name.as_str(),
            needs,
        ))
    }

    pub fn organization(&self) -> &Organization {
        &self.organization
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl LocatedDatabase {
    pub fn organization(&self) -> &Organization {
        &self.within.organization
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    pub fn caller(&self) -> &Caller {
        &self.within.caller
    }

    /// Refuses (`Forbidden`) a caller without any of `needs` on this database. Empty = knowing it is enough.
    pub(crate) fn require(&self, needs: &[Access]) -> Result<(), Refusal> {
        let id = Some(self.database.id);
        if needs.is_empty() || needs.iter().any(|need| self.within.caller.may(*need, id)) {
            return Ok(());
        }
        Err(forbidden(
            &self.within.caller,
            "database",
            self.database.name.as_str(),
            needs,
        ))
    }

    pub(crate) fn may(&self, access: Access) -> bool {
        self.within.caller.may(access, Some(self.database.id))
    }
}

impl LocatedBranch {
    pub fn organization(&self) -> &Organization {
        self.within.organization()
    }

    pub fn database(&self) -> &Database {
        &self.within.database
    }

    /// As it was when it was located.
    pub fn branch(&self) -> &Branch {
        &self.branch
    }

    pub fn caller(&self) -> &Caller {
        self.within.caller()
    }
}

impl LocatedBackup {
    pub fn database(&self) -> &Database {
        &self.within.database
    }

    /// As it was when it was located.
    pub fn backup(&self) -> &Backup {
        &self.backup
    }

    pub fn caller(&self) -> &Caller {
        self.within.caller()
    }
}

impl LocatedIntegration {
    /// As it was when it was located.
    pub fn integration(&self) -> &Integration {
        &self.integration
    }

    pub fn caller(&self) -> &Caller {
        &self.within.caller
    }
}

impl LocatedAutomation {
    pub fn database(&self) -> &Database {
        &self.within.database
    }

    /// As it was when it was located.
    pub fn automation(&self) -> &Automation {
        &self.automation
    }

    pub fn caller(&self) -> &Caller {
        self.within.caller()
    }
}

impl LocatedPassword {
    pub fn organization(&self) -> &Organization {
        self.within.organization()
    }

    pub fn database(&self) -> &Database {
        self.within.database()
    }

    pub fn branch(&self) -> &Branch {
        &self.within.branch
    }

    pub fn password(&self) -> &Password {
        &self.password
    }

    pub fn caller(&self) -> &Caller {
        self.within.caller()
    }
}

impl LocatedToken {
    pub fn organization(&self) -> &Organization {
        &self.within.organization
    }

    pub fn token(&self) -> &ServiceToken {
        &self.token
    }

    pub fn caller(&self) -> &Caller {
        &self.within.caller
    }
}
