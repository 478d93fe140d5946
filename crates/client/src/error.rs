//! What can go wrong with a call.

use reqwest::StatusCode;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{url:?} is not a URL of the form http://host:port")]
    Url { url: String },
    #[error("the service token has characters that cannot be sent")]
    Token,
    #[error("the CA file holds no certificates in PEM form")]
    Certificates,
    #[error("the certificate of {url} is not trusted")]
    Untrusted {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("nothing answers at {url}")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("{url} did not answer in time")]
    Timeout { url: String },
    #[error("the connection to {url} broke")]
    Broken {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    /// The server said no, and why.
    #[error("{}", .0.message)]
    Refused(Box<Refused>),
    /// Something answers there, but it does not speak this API.
    #[error("{url} answered {status} with something that is not an answer of Offshoot")]
    Malformed { url: String, status: StatusCode },
}

/// An answer with a status of 400 or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: StatusCode,
    pub code: String,
    pub message: String,
    /// `OFS-…`, where the server is an Offshoot.
    pub error_code: Option<String>,
    pub hint: Option<String>,
    pub field: Option<String>,
    pub request_id: Option<String>,
    /// Of the URL that was called.
    pub path: String,
}

impl Error {
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Error::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// Says more about the next step, before what the server said.
    pub fn hinted(mut self, text: &str) -> Self {
        if let Error::Refused(refused) = &mut self {
            refused.hint = Some(match refused.hint.take() {
                Some(hint) => format!("{text} {hint}"),
                None => text.to_owned(),
            });
        }
        self
    }

    pub fn not_found(&self) -> bool {
        self.refused()
            .is_some_and(|r| r.status == StatusCode::NOT_FOUND)
    }

    /// Machine-readable: the server's own code, or what kept the call from it.
    pub fn code(&self) -> &str {
        match self {
            Error::Refused(refused) => &refused.code,
            Error::Url { .. } | Error::Token | Error::Certificates => "CLIENT_INIT_FAILED",
            Error::Untrusted { .. }
            | Error::Unreachable { .. }
            | Error::Timeout { .. }
            | Error::Broken { .. } => "NETWORK_ERROR",
            Error::Malformed { .. } => "COMMAND_FAILED",
        }
    }

    /// The next step.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Refused(refused) => refused.hint.clone(),
            Error::Url { .. } => Some("pass --api-url http://127.0.0.1:8306".into()),
            Error::Token => Some("use the id and token as they were printed".into()),
            Error::Certificates | Error::Untrusted { .. } => {
                Some("pass tls/ca.pem of the server's data directory with --ca-file".into())
            }
            Error::Unreachable { .. } => {
                Some("is `offshoot serve` running there? Another address: --api-url".into())
            }
            Error::Timeout { .. } => {
                Some("the server may be busy; look at the result before trying again".into())
            }
            Error::Broken { .. } => Some("look at the result before trying again".into()),
            Error::Malformed { .. } => Some("check --api-url".into()),
        }
    }
}
