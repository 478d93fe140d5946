//! Why a step could not be done.

use offshoot_core::Refusal;
use offshoot_core::port::PortError;
use offshoot_core::refusal::code;
use offshoot_store::StoreError;
use std::error::Error;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Fail {
    #[error("{0}")]
    Port(#[from] PortError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Fail {
    /// Another one goes on with the work, or this process is at its end: nothing to report.
    pub(crate) fn superseded(&self) -> bool {
        matches!(self, Fail::Store(StoreError::Fenced | StoreError::Killed))
    }

    /// What is behind a port's refusal, for the log.
    pub(crate) fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        match self {
            Fail::Port(e) => e.refusal.cause.as_deref(),
            Fail::Store(_) => None,
        }
    }

    /// The refusal's code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Fail::Port(e) => e.refusal.code,
            Fail::Store(_) => code::INTERNAL,
        }
    }

    pub(crate) fn transient(&self) -> bool {
        match self {
            Fail::Port(e) => e.retry,
            Fail::Store(_) => true,
        }
    }
}

impl From<Fail> for Refusal {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Port(e) => e.refusal,
            Fail::Store(e) => e.into(),
        }
    }
}
