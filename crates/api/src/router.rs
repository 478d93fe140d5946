//! All routes in one list, and what stands around them.

use crate::answer::Failure;
use crate::limit::Limits;
use crate::request::Authenticated;
use crate::state::ApiState;
use crate::{
    audit_log, automation, backup, backup_policy, branch, database, document, drill, engine,
    health, import, inbound, integration, iteration, keyspace, later, member, oauth, observe,
    off_site_backup, organization, password, pool, region, reveal, seed_rules, service_token,
    session, shadow, size, team, user, vtgate, webhook,
};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router, middleware};
use offshoot_core::{Kind, Refusal};
use std::any::Any;
use std::sync::Arc;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The whole API with its document. Serve it with connect info (`SocketAddr`), so that the audit
/// log knows addresses.
pub fn router(state: ApiState) -> (Router, OpenApi) {
    let (routes, openapi) = routes().split_for_parts();
    let document = document::complete(openapi);
    let text: Arc<str> = document.to_pretty_json().unwrap_or_default().into();
    let served = move || async move { ([(CONTENT_TYPE, "application/json")], text.to_string()) };
    let inner = routes
        .route("/openapi.json", get(served))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(Extension(Limits::default()))
        .layer(middleware::from_fn(observe::observe))
        .with_state(state);
    let outer = ServiceBuilder::new()
        .map_request(collapse_slashes)
        .service(inner);
    (Router::new().fallback_service(outer), document)
}

/// The document alone, as it is checked in.
pub fn openapi() -> OpenApi {
    document::complete(routes().into_openapi())
}

fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(organization::list::list))
        .routes(routes!(
            organization::show::show,
            organization::update::update
        ))
        .routes(routes!(user::show::show))
        .routes(routes!(member::list::list, member::create::create))
        .routes(routes!(member::set_password::set_password))
        .routes(routes!(session::list::list))
        .routes(routes!(session::delete::delete))
        .routes(routes!(oauth::authorize_device::authorize_device))
        .routes(routes!(oauth::token::token))
        .routes(routes!(oauth::revoke::revoke))
        .routes(routes!(oauth::device::show, oauth::device::log_in))
        .routes(routes!(oauth::device::decide))
        .routes(routes!(oauth::provider::send))
        .routes(routes!(oauth::provider::callback))
        .routes(routes!(
            member::show::show,
            member::update::update,
            member::delete::delete
        ))
        .routes(routes!(team::list::list, team::create::create))
        .routes(routes!(team::show::show))
        .routes(routes!(size::list::list))
        .routes(routes!(region::list_of_database::list))
        .routes(routes!(region::list_read_only::list))
        .routes(routes!(region::list::list))
        .routes(routes!(region::list_public::list))
        .routes(routes!(database::list::list, database::create::create))
        .routes(routes!(
            database::show::show,
            database::update::update,
            database::delete::delete
        ))
        .routes(routes!(branch::list::list, branch::create::create))
        .routes(routes!(
            branch::show::show,
            branch::update::update,
            branch::delete::delete
        ))
        .routes(routes!(branch::promote::promote))
        .routes(routes!(branch::demote::demote))
        .routes(routes!(branch::reset::reset))
        .routes(routes!(branch::sleep::sleep))
        .routes(routes!(branch::wake::wake))
        .routes(routes!(branch::schema::schema))
        .routes(routes!(branch::diff::diff))
        .routes(routes!(branch::logs::logs))
        .routes(routes!(branch::events::events))
        .routes(routes!(branch::lint::lint))
        .routes(routes!(branch::refresh_schema::refresh_schema))
        .routes(routes!(branch::processlist::processlist))
        .routes(routes!(branch::kill_process::kill_process))
        .routes(routes!(branch::connections::connections))
        .routes(routes!(branch::kill_connection::kill_connection))
        .routes(routes!(branch::infrastructure::infrastructure))
        .routes(routes!(
            branch::safe_migrations::enable,
            branch::safe_migrations::disable,
            branch::safe_migrations::set
        ))
        .routes(routes!(
            shadow::create::create,
            shadow::show::show,
            shadow::update::update,
            shadow::delete::delete
        ))
        .routes(routes!(size::list_of_branch::list))
        .routes(routes!(keyspace::list::list, keyspace::create::create))
        .routes(routes!(
            keyspace::show::show,
            keyspace::update::update,
            keyspace::delete::delete
        ))
        .routes(routes!(keyspace::rollout_status::rollout_status))
        .routes(routes!(
            keyspace::show_vschema::show_vschema,
            keyspace::update_vschema::update_vschema
        ))
        .routes(routes!(keyspace::set_regions::set_regions))
        .routes(routes!(
            keyspace::list_resizes::list_resizes,
            keyspace::resize::resize,
            keyspace::cancel_resize::cancel_resize
        ))
        .routes(routes!(keyspace::show_resize::show_resize))
        .routes(routes!(branch::set_cluster::set_cluster))
        .routes(routes!(vtgate::list, vtgate::set, vtgate::cancel))
        .routes(routes!(vtgate::show))
        .routes(routes!(import::list::list, import::create::create))
        .routes(routes!(import::show::show))
        .routes(routes!(import::renew::renew))
        .routes(routes!(import::complete::complete))
        .routes(routes!(import::revert::revert))
        .routes(routes!(backup::list::list, backup::create::create))
        .routes(routes!(
            backup::show::show,
            backup::update::update,
            backup::delete::delete
        ))
        .routes(routes!(drill::list_of_backup::list, drill::create::create))
        .routes(routes!(drill::list::list))
        .routes(routes!(drill::show::show))
        .routes(routes!(backup::export::export))
        .routes(routes!(off_site_backup::list::list))
        .routes(routes!(off_site_backup::import::import))
        .routes(routes!(off_site_backup::delete::delete))
        .routes(routes!(
            backup_policy::list::list,
            backup_policy::create::create
        ))
        .routes(routes!(
            backup_policy::show::show,
            backup_policy::update::update,
            backup_policy::delete::delete
        ))
        .routes(routes!(
            seed_rules::show::show,
            seed_rules::set::set,
            seed_rules::delete::delete
        ))
        .routes(routes!(seed_rules::list_versions::list))
        .routes(routes!(seed_rules::test::test))
        .routes(routes!(seed_rules::show_test::show))
        .routes(routes!(
            integration::list::list,
            integration::create::create
        ))
        .routes(routes!(
            integration::show::show,
            integration::update::update,
            integration::delete::delete
        ))
        .routes(routes!(integration::list_deliveries::list))
        .routes(routes!(integration::show_delivery::show))
        .routes(routes!(integration::replay_delivery::replay))
        .routes(routes!(inbound::receive, inbound::greet))
        .routes(routes!(iteration::list::list))
        .routes(routes!(iteration::show::show))
        .routes(routes!(iteration::resend::resend))
        .routes(routes!(automation::list::list, automation::create::create))
        .routes(routes!(automation::preview_new::preview))
        .routes(routes!(
            automation::show::show,
            automation::update::update,
            automation::delete::delete
        ))
        .routes(routes!(automation::preview::preview))
        .routes(routes!(automation::test::test))
        .routes(routes!(reveal::look, reveal::open))
        .routes(routes!(webhook::list::list, webhook::create::create))
        .routes(routes!(
            webhook::show::show,
            webhook::update::update,
            webhook::delete::delete
        ))
        .routes(routes!(webhook::test::test))
        .routes(routes!(webhook::list_deliveries::list))
        .routes(routes!(webhook::show_delivery::show))
        .routes(routes!(webhook::replay_delivery::replay))
        .routes(routes!(password::list_of_database::list))
        .routes(routes!(password::list::list, password::create::create))
        .routes(routes!(
            password::show::show,
            password::update::update,
            password::delete::delete
        ))
        .routes(routes!(password::renew::renew))
        .routes(routes!(
            service_token::list::list,
            service_token::create::create
        ))
        .routes(routes!(
            service_token::show::show,
            service_token::delete::delete
        ))
        .routes(routes!(
            service_token::list_access::list_access,
            service_token::add_access::add_access,
            service_token::delete_access::delete_access
        ))
        .routes(routes!(service_token::show_access::show_access))
        .routes(routes!(audit_log::list::list))
        .routes(routes!(engine::list::list))
        .routes(routes!(pool::show::show))
        .routes(routes!(pool::usage::usage))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// What other servers of this API have and this one has not is refused with the reason, to those
/// who may ask.
async fn unknown(uri: Uri, caller: Result<Authenticated, Failure>) -> Failure {
    match (later::reason(uri.path()), caller) {
        (None, _) => Refusal::not_found("this address")
            .hint("see /openapi.json for all addresses")
            .into(),
        (Some(_), Err(failure)) => failure,
        (Some(reason), Ok(_)) => Refusal::unprocessable(reason).into(),
    }
}

async fn wrong_method() -> Failure {
    let refusal = Refusal::new(Kind::Unprocessable, "this address has no such method")
        .hint("see /openapi.json for its methods");
    Failure::from(refusal).status(StatusCode::METHOD_NOT_ALLOWED)
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    Failure::from(Refusal::internal("a handler panicked")).into_response()
}

/// Clients join a base URL and a path with one slash too many.
fn collapse_slashes<B>(mut request: Request<B>) -> Request<B> {
    let uri = request.uri();
    if !uri.path().contains("//") {
        return request;
    }
    let mut path = String::with_capacity(uri.path().len());
    for c in uri.path().chars() {
        if !(c == '/' && path.ends_with('/')) {
            path.push(c);
        }
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    if let Ok(uri) = path.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}
