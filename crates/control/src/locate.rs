//! From names or ids to things the caller may touch. A located value is the proof: it cannot be
//! had without the access. A thing of which the caller may not know is not found; one it may know
//! of without having the access is forbidden.

use crate::Control;
use crate::caller::Caller;
use offshoot_core::Refusal;
use offshoot_core::access::Access;
use offshoot_core::branch::Branch;
use offshoot_core::database::Database;
use offshoot_core::organization::Organization;
use offshoot_core::password::Password;
use offshoot_core::token::ServiceToken;

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

/// A service token of an organization.
#[derive(Clone, Debug)]
pub struct LocatedToken {
    pub(crate) within: LocatedOrganization,
    pub(crate) token: ServiceToken,
}

/// `needs`: any one suffices, on the organization or on any of its databases (so that a token of
/// one database can list what it may see). Empty = any valid token.
pub async fn organization(
    control: &Control,
    caller: &Caller,
    organization: &str,
    needs: &[Access],
) -> Result<LocatedOrganization, Refusal> {
    let _ = (control, caller, organization, needs);
    Err(Refusal::internal("not built yet"))
}

/// `database`: name or id. `needs`: any one suffices, on the organization or this database.
pub async fn database(
    control: &Control,
    caller: &Caller,
    organization: &str,
    database: &str,
    needs: &[Access],
) -> Result<LocatedDatabase, Refusal> {
    let _ = (control, caller, organization, database, needs);
    Err(Refusal::internal("not built yet"))
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
    let _ = (control, caller, organization, database, branch, needs);
    Err(Refusal::internal("not built yet"))
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
    let _ = (
        control,
        caller,
        organization,
        database,
        branch,
        password,
        needs,
    );
    Err(Refusal::internal("not built yet"))
}

/// `token`: id of a service token of the organization.
pub async fn token(
    control: &Control,
    caller: &Caller,
    organization: &str,
    token: &str,
    needs: &[Access],
) -> Result<LocatedToken, Refusal> {
    let _ = (control, caller, organization, token, needs);
    Err(Refusal::internal("not built yet"))
}

impl LocatedOrganization {
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

    /// Refuses (`Forbidden`) a caller without any of `needs` on this database.
    pub(crate) fn require(&self, needs: &[Access]) -> Result<(), Refusal> {
        let _ = needs;
        Ok(())
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
