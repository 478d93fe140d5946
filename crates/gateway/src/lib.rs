//! The gateway: accept, authenticate, route, wake, pump.
//!
//! One endpoint that all MySQL clients connect to. It proves the secret of a credential itself,
//! finds the branch by the username, and speaks to the branch's engine as the stable account of the
//! credential's role. From then on bytes flow: what the client sends is framed, so that the few
//! commands which concern the gateway are seen; what the engine sends is passed raw.
//!
//! It knows [`Routes`] (username to branch to engine) and nothing of what is behind: no store, no
//! workflows, no engine files. Design: `docs/design/0003-gateway.md`.
//!
//! The HTTP data API ([`DataApi`]) is one more client of these sessions, within the process: what
//! holds for MySQL clients holds for it by the same code. Design: `docs/design/0015-data-api.md`.
//!
//! [`Routes`]: offshoot_core::port::Routes

mod client;
mod compress;
mod data;
mod engine;
mod listen;
mod login;
mod meters;
mod options;
mod registry;
mod session;
mod threads;
mod throttle;

pub use data::{Caller, DataApi, DataBody, SERVICE};
pub use listen::Gateway;
pub use options::{GatewayOptions, Listener, RequireTls};
pub use registry::SessionRegistry;
