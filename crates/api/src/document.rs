//! The OpenAPI document: what the handlers say, and what is the same for all of them.

use axum::http::Method;
use offshoot_api_types::ErrorBody;
use utoipa::PartialSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder,
    Responses,
};

const TOKEN: &str = "service_token";
/// Media type of what browsers are shown.
const PAGE: &str = "text/html";

/// Routes that need no token.
const OPEN: [&str; 13] = [
    "/v1/regions",
    "/v1/inbound/{integration}",
    "/v1/reveal/{handover}/{token}",
    "/oauth/authorize_device",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/device",
    "/oauth/device/decision",
    "/oauth/oidc",
    "/oauth/oidc/callback",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// Adds the title, the token, the parameters in paths and the answers of refusals.
pub(crate) fn complete(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Offshoot")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "MySQL branches for every sprint, pull request and developer. Shaped like \
             PlanetScale's API; fields, routes and headers of our own are additions.",
        ))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    components
        .schemas
        .insert("ErrorBody".into(), ErrorBody::schema());
    let header = ApiKeyValue::with_description("Authorization", "`<token id>:<token>`");
    let scheme = SecurityScheme::ApiKey(ApiKey::Header(header));
    components
        .security_schemes
        .insert(TOKEN.into(), scheme.into());
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            add_path_parameters(operation, path);
            add_conditions(operation, &method);
            if !OPEN.contains(&path.as_str()) {
                let requirement = SecurityRequirement::new(TOKEN, Vec::<String>::new());
                operation.security = Some(vec![requirement]);
            }
            add_refusals(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, item.get.as_mut()),
        (Method::PUT, item.put.as_mut()),
        (Method::POST, item.post.as_mut()),
        (Method::DELETE, item.delete.as_mut()),
        (Method::PATCH, item.patch.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}

/// The headers that have one meaning everywhere, where they have it.
fn add_conditions(operation: &mut Operation, method: &Method) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let json = |responses: &Responses| {
        let ok = responses.responses.get("200");
        ok.is_some_and(|r| matches!(r, RefOr::T(r) if r.content.contains_key("application/json")))
    };
    if *method == Method::GET && json(&operation.responses) {
        add_header(operation, "If-None-Match", "`ETag` of what the caller has");
        let response = ResponseBuilder::new()
            .description("The caller has it already")
            .build();
        let responses = &mut operation.responses.responses;
        responses.insert("304".into(), response.into());
    } else if id.starts_with("update_") || id.starts_with("delete_") {
        let description = "`ETag` that was read: refused with 412 when it was changed since";
        add_header(operation, "If-Match", description);
    } else if id.starts_with("create_") {
        let description = "Names this request: sent again within 24 hours it makes nothing new and \
                           answers with what it made, secrets drawn afresh";
        add_header(operation, "Idempotency-Key", description);
    }
}

fn add_header(operation: &mut Operation, name: &str, description: &str) {
    let header = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build();
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(header.into());
}

fn add_path_parameters(operation: &mut Operation, path: &str) {
    let mut all: Vec<RefOr<Parameter>> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| segment(name).into())
        .collect();
    all.append(&mut operation.parameters.take().unwrap_or_default());
    operation.parameters = (!all.is_empty()).then_some(all);
}

fn segment(name: &str) -> Parameter {
    let description = match name {
        "member" => "Id of the member or of the user, or e-mail address",
        "token" | "password" | "session" | "resize" | "delivery" | "iteration" | "handover"
        | "webhook" => "Id",
        "kind" => "`connection`, `query` or `transaction`",
        "id" => "Number",
        _ => "Name or id",
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build()
}

/// Every status of 400 or more has the same body; what answers with a page may say it on a page.
fn add_refusals(operation: &mut Operation) {
    let page = operation.responses.responses.values().find_map(|answer| {
        let RefOr::T(answer) = answer else {
            return None;
        };
        answer.content.get(PAGE).cloned()
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .build();
    let mut response = ResponseBuilder::new()
        .description(
            "Refused: 401 token, 403 access, 404 not there, 409 and 422 not possible, 503 later",
        )
        .content("application/json", content)
        .build();
    if let Some(page) = page {
        response.content.insert(PAGE.into(), page);
    }
    operation
        .responses
        .responses
        .insert("default".into(), response.into());
}
