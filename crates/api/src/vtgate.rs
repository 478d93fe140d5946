//! Vitess's gateway of a branch, which clients ask for and which is not there.

use crate::access;
use crate::answer::{self, Answer, Failure, Json};
use crate::request::{Authenticated, Body, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{ChangeVtgate, Page, VtgateResize};
use offshoot_control::locate;
use offshoot_control::page::Listed;
use offshoot_core::Refusal;

/// Changes of Vitess's gateway: there is none, so there are none.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/resizes", tag = "Branches", operation_id = "list_vtgate_resizes",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "None", body = Page<VtgateResize>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    parameters: Parameters,
) -> Answer<Page<VtgateResize>> {
    let control = &state.control;
    let needs = access::READ_BRANCH;
    locate::branch(control, &caller, &org, &database, &name, needs).await?;
    let none = Listed::of_all(Vec::new(), parameters.page()?);
    let page = answer::uncounted(&state, &parameters, none, |resize: VtgateResize| resize);
    Ok(Json(page))
}

/// A change of Vitess's gateway: not found, as there is none.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/resizes/{resize}", tag = "Branches", operation_id = "get_vtgate_resize",
    responses((status = 404, description = "There is none", body = offshoot_api_types::ErrorBody))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name, id)): Segments<(String, String, String, String)>,
) -> Answer<VtgateResize> {
    let control = &state.control;
    let needs = access::READ_BRANCH;
    locate::branch(control, &caller, &org, &database, &name, needs).await?;
    let shown: String = id.chars().take(80).collect();
    Err(Refusal::not_found(format!("resize {shown:?} of a VTGate")).into())
}

/// Says what Vitess's gateway is to be. What is answered for every branch is taken, with nothing to do; anything else is refused.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/resizes", tag = "Branches", operation_id = "resize_vtgate",
    request_body = ChangeVtgate,
    responses((status = 204, description = "It is so already"))
)]
pub(crate) async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    Body(body): Body<ChangeVtgate>,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    locate::branch(control, &caller, &org, &database, &name, needs).await?;
    match so_already(&body) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::unprocessable(
            "there is no VTGate here: clients reach a branch through Offshoot's gateway, which all branches share",
        )
        .hint("change the size of the branch itself: offshoot branch update --size")
        .into()),
    }
}

/// Takes a change of Vitess's gateway back: there is never one under way.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/resizes", tag = "Branches", operation_id = "cancel_vtgate_resize",
    responses((status = 204, description = "None is under way"))
)]
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    locate::branch(control, &caller, &org, &database, &name, needs).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn so_already(body: &ChangeVtgate) -> bool {
    let size = body.vtgate_size.as_deref();
    let small = |n: Option<i64>| n.is_none_or(|n| n <= 1);
    size.is_none_or(|s| s.to_ascii_uppercase().replace('-', "_") == answer::VTGATE)
        && small(body.vtgate_count)
        && small(body.vtgate_max_count)
        && body.vtgate_autoscaling != Some(true)
        && body.vtgate_target_cpu_utilization.is_none_or(|n| n == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_is_taken() {
        let body = |text: &str| serde_json::from_str::<ChangeVtgate>(text).unwrap();
        for same in [
            "{}",
            r#"{"vtgate_size":"VTG_DEV","vtgate_count":1,"vtgate_autoscaling":false,"vtgate_max_count":null}"#,
            r#"{"vtgate_size":"","vtgate_count":0}"#,
        ] {
            assert!(so_already(&body(same)), "{same}");
        }
        for other in [
            r#"{"vtgate_size":"VTG_80"}"#,
            r#"{"vtgate_count":3}"#,
            r#"{"vtgate_autoscaling":true}"#,
            r#"{"vtgate_target_cpu_utilization":70}"#,
        ] {
            assert!(!so_already(&body(other)), "{other}");
        }
    }
}
