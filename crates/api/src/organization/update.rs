//! Changes an organization: there is nothing that could be changed yet.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Organization, UpdateOrganization};
use offshoot_control::{locate, organization};
use offshoot_core::Refusal;

/// Changes an organization. It has no billing and no directory, so what would change them is refused.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}", tag = "Organizations", operation_id = "change_organization",
    request_body = UpdateOrganization,
    responses((status = 200, description = "The organization", body = Organization))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    Body(body): Body<UpdateOrganization>,
) -> Answer<Organization> {
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::organization(&state.control, &caller, &name, needs).await?;
    refuse(&body)?;
    let view = organization::show(&state.control, &at).await?;
    Ok(Json(answer::organization(view)))
}

fn refuse(body: &UpdateOrganization) -> Result<(), Refusal> {
    let (field, what) = match body {
        UpdateOrganization {
            billing_email: Some(_),
            ..
        } => ("billing_email", "there is no billing here"),
        UpdateOrganization {
            idp_managed_roles: Some(true),
            ..
        } => ("idp_managed_roles", "there is no identity provider here"),
        UpdateOrganization {
            invoice_budget_amount: Some(amount),
            ..
        } if *amount != 0 => ("invoice_budget_amount", "there is no billing here"),
        _ => return Ok(()),
    };
    Err(Refusal::invalid(field, what).hint(format!("leave {field} out")))
}
