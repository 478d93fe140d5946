//! The body of every answer with a status of 400 or more.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What PlanetScale's clients tell errors apart by: `not_found`, `unauthorized`, `bad_request`,
    /// `invalid_params`, `unprocessable`; others have no meaning to them.
    pub code: String,
    /// One sentence: the thing and the reason.
    pub message: String,

    // Additions of Offshoot.
    /// Stable code with a section in `docs/errors.md`, such as `OFS-1001`.
    #[serde(default)]
    pub error_code: Option<String>,
    /// The next step.
    #[serde(default)]
    pub hint: Option<String>,
    /// The field of the request that is at fault.
    #[serde(default)]
    pub field: Option<String>,
    /// What to look for in the server's log.
    #[serde(default)]
    pub request_id: Option<String>,
}
