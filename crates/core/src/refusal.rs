//! The one shape in which Offshoot says no: a code, a kind, a public text, a hint, a private cause.

use std::error::Error;
use std::fmt;

/// What sort of no it is. The HTTP status, the CLI's exit code and the MySQL error packet follow
/// from it at their borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The thing does not exist, or the caller may not know that it does.
    NotFound,
    /// No credentials, or wrong ones.
    Unauthorized,
    /// Valid credentials without the access that is needed.
    Forbidden,
    /// A value is malformed; [`Refusal::field`] names it.
    Invalid,
    /// Well-formed, but not possible in the present state.
    Unprocessable,
    /// Another thing of that name, or a change under way, stands in the way.
    Conflict,
    /// A limit (memory, connections, rate) is reached; trying again later may work.
    Exhausted,
    /// A part that is needed does not answer; trying again later may work.
    Unavailable,
    /// A fault of ours. The public text never says more than that.
    Internal,
}

/// A refusal with everything that each reader needs. The cause goes to the log only.
pub struct Refusal {
    pub kind: Kind,
    /// Stable code with a page in `docs/errors.md`, such as `OFS-1001`. [`code`] lists them.
    pub code: &'static str,
    /// The field of the request that is at fault, where there is one.
    pub field: Option<&'static str>,
    /// The same where it is only known at run time: `rule.credentials.ci.deliver.vault.path`.
    pub path: Option<Box<FieldPath>>,
    /// One sentence for people: names the thing and the reason. Without secrets, without paths.
    pub public: String,
    /// The next step.
    pub hint: Option<String>,
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

/// The name of a field that is only known at run time. Boxed where it stands: a refusal is to stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath(pub String);

/// Every code there is. `docs/errors.md` has a section for each; a test compares the two.
pub mod code {
    pub const NOT_FOUND: &str = "OFS-1001";
    pub const UNAUTHORIZED: &str = "OFS-1002";
    pub const FORBIDDEN: &str = "OFS-1003";
    pub const INVALID: &str = "OFS-1004";
    pub const UNPROCESSABLE: &str = "OFS-1005";
    pub const CONFLICT: &str = "OFS-1006";
    pub const EXHAUSTED: &str = "OFS-1007";
    pub const UNAVAILABLE: &str = "OFS-1008";
    pub const INTERNAL: &str = "OFS-1009";
    /// The branch has descendants.
    pub const HAS_DESCENDANTS: &str = "OFS-1101";
    /// Deletion protection is on.
    pub const PROTECTED: &str = "OFS-1102";
    /// The branch or database is being deleted.
    pub const DELETING: &str = "OFS-1103";
    /// The branch could not be made.
    pub const BRANCH_FAILED: &str = "OFS-1104";
    /// A production branch cannot do this.
    pub const PRODUCTION: &str = "OFS-1105";
    /// The default branch of a database cannot be deleted or demoted.
    pub const DEFAULT_BRANCH: &str = "OFS-1106";
    /// An idempotency key came with another body before.
    pub const KEY_REUSED: &str = "OFS-1107";
    /// The request with that idempotency key is still under way.
    pub const IN_FLIGHT: &str = "OFS-1108";
    /// The thing was changed since the caller read it.
    pub const CHANGED: &str = "OFS-1109";
    /// An import of the branch is under way, or has ended.
    pub const IMPORT: &str = "OFS-1110";
    /// The database's branches start without data.
    pub const DATA_BRANCHING: &str = "OFS-1111";
    /// There is no backup that could be restored.
    pub const NO_BACKUP: &str = "OFS-1112";
    /// A backup is protected, or still needed.
    pub const BACKUP_KEPT: &str = "OFS-1113";
    /// A restore point that cannot be reached.
    pub const RESTORE_POINT: &str = "OFS-1116";
    /// Seed rules do not fit the tables, or failed on them.
    pub const SEED_RULES: &str = "OFS-1121";
    /// The database makes no branch with data without seed rules.
    pub const SEED_RULES_REQUIRED: &str = "OFS-1122";
    /// The branch cannot have a shadow.
    pub const SHADOW: &str = "OFS-1117";
    /// Statements may not change the branch's schema.
    pub const SAFE_MIGRATIONS: &str = "OFS-1123";
    /// No room within the memory budget.
    pub const MEMORY_BUDGET: &str = "OFS-1201";
    /// The pool or the disk is full.
    pub const DISK_FULL: &str = "OFS-1202";
    /// No engine is installed, or not the one asked for.
    pub const NO_ENGINE: &str = "OFS-1203";
    /// The engine did not start.
    pub const ENGINE_START: &str = "OFS-1204";
    /// The branch's disk quota is used up.
    pub const DISK_QUOTA: &str = "OFS-1205";
    /// The database has as many branches, or the branch as many passwords, as it may have.
    pub const TOO_MANY: &str = "OFS-1206";
    /// All branches together take as much disk as they may.
    pub const DISK_BUDGET: &str = "OFS-1207";
    /// An engine would have to stand still, or stood still, longer than it may.
    pub const PAUSE_LIMIT: &str = "OFS-1208";
    /// Too many connections, for the branch or in all.
    pub const CONNECTIONS: &str = "OFS-1301";
    /// Too many requests of a token, or with wrong tokens from an address.
    pub const RATE: &str = "OFS-1302";

    /// Plain HTTP from another machine.
    pub const PLAIN_HTTP: &str = "OFS-1303";
    /// No store for off-site copies is configured.
    pub const NO_STORE: &str = "OFS-1401";
    /// The store of off-site copies does not answer, or refuses.
    pub const STORE: &str = "OFS-1402";
    /// An off-site copy is damaged, or incomplete.
    pub const COPY_DAMAGED: &str = "OFS-1403";
    /// An off-site copy is sealed with another backup key.
    pub const BACKUP_KEY: &str = "OFS-1404";

    /// An event is not signed with the integration's secret.
    pub const SIGNATURE: &str = "OFS-1501";
    /// A rule's filter or template is wrong.
    pub const RULE: &str = "OFS-1502";
    /// A reveal link was opened already, or is too old.
    pub const REVEALED: &str = "OFS-1503";
    /// An address that Offshoot may not call.
    pub const OUTBOUND: &str = "OFS-1504";

    /// A login has expired, or was revoked.
    pub const SESSION: &str = "OFS-1601";
    /// The code of a login is wrong, was used, or is too old.
    pub const LOGIN_CODE: &str = "OFS-1602";
    /// A wrong e-mail address or password.
    pub const LOGIN: &str = "OFS-1603";
    /// The last administrator stays.
    pub const LAST_ADMIN: &str = "OFS-1604";
    /// The OIDC provider does not answer, or not as it has to.
    pub const PROVIDER: &str = "OFS-1605";
    /// Known to the OIDC provider, but not let in here.
    pub const NOT_LET_IN: &str = "OFS-1606";

    pub const ALL: &[&str] = &[
        NOT_FOUND,
        UNAUTHORIZED,
        FORBIDDEN,
        INVALID,
        UNPROCESSABLE,
        CONFLICT,
        EXHAUSTED,
        UNAVAILABLE,
        INTERNAL,
        HAS_DESCENDANTS,
        PROTECTED,
        DELETING,
        BRANCH_FAILED,
        PRODUCTION,
        DEFAULT_BRANCH,
        KEY_REUSED,
        IN_FLIGHT,
        CHANGED,
        IMPORT,
        DATA_BRANCHING,
        NO_BACKUP,
        BACKUP_KEPT,
        RESTORE_POINT,
        SHADOW,
        SEED_RULES,
        SEED_RULES_REQUIRED,
        SAFE_MIGRATIONS,
        MEMORY_BUDGET,
        DISK_FULL,
        NO_ENGINE,
        ENGINE_START,
        DISK_QUOTA,
        TOO_MANY,
        DISK_BUDGET,
        PAUSE_LIMIT,
        CONNECTIONS,
        RATE,
        PLAIN_HTTP,
        NO_STORE,
        STORE,
        COPY_DAMAGED,
        BACKUP_KEY,
        SIGNATURE,
        RULE,
        REVEALED,
        OUTBOUND,
        SESSION,
        LOGIN_CODE,
        LOGIN,
        LAST_ADMIN,
        PROVIDER,
        NOT_LET_IN,
    ];
}

impl Refusal {
    pub fn new(kind: Kind, public: impl Into<String>) -> Self {
        let code = match kind {
            Kind::NotFound => code::NOT_FOUND,
            Kind::Unauthorized => code::UNAUTHORIZED,
            Kind::Forbidden => code::FORBIDDEN,
            Kind::Invalid => code::INVALID,
            Kind::Unprocessable => code::UNPROCESSABLE,
            Kind::Conflict => code::CONFLICT,
            Kind::Exhausted => code::EXHAUSTED,
            Kind::Unavailable => code::UNAVAILABLE,
            Kind::Internal => code::INTERNAL,
        };
        Self {
            kind,
            code,
            field: None,
            path: None,
            public: public.into(),
            hint: None,
            cause: None,
        }
    }

    /// `what` as a person would say it: `branch "sprint-42"`.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("{what} does not exist"))
    }

    pub fn invalid(field: &'static str, public: impl Into<String>) -> Self {
        let mut refusal = Self::new(Kind::Invalid, public);
        refusal.field = Some(field);
        refusal
    }

    pub fn unprocessable(public: impl Into<String>) -> Self {
        Self::new(Kind::Unprocessable, public)
    }

    pub fn conflict(public: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, public)
    }

    pub fn unavailable(public: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, public)
    }

    /// A fault of ours: the cause is for the log, the public learns nothing of it.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "an internal error occurred").cause(cause)
    }

    /// A malformed field whose name is only known at run time; `field`: the same without what is.
    pub fn invalid_at(path: String, field: &'static str, public: impl Into<String>) -> Self {
        Self {
            path: Some(Box::new(FieldPath(path))),
            ..Self::invalid(field, public)
        }
    }

    /// The field that is at fault, as exactly as it is known.
    pub fn place(&self) -> Option<&str> {
        let path = self.path.as_ref().map(|path| path.0.as_str());
        path.or(self.field)
    }

    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {self}", self.code, self.kind)?;
        if let Some(cause) = &self.cause {
            write!(f, " ({cause:?})")?;
        }
        Ok(())
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|c| c as &(dyn Error + 'static))
    }
}
