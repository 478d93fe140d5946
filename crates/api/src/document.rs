//! The OpenAPI document: what the handlers say, and what is the same for all of them.

use offshoot_api_types::ErrorBody;
use utoipa::PartialSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder,
};

const TOKEN: &str = "service_token";

/// Routes that need no token.
const OPEN: [&str; 4] = ["/v1/regions", "/healthz", "/readyz", "/metrics"];

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
        for operation in operations(item) {
            add_path_parameters(operation, path);
            if !OPEN.contains(&path.as_str()) {
                let requirement = SecurityRequirement::new(TOKEN, Vec::<String>::new());
                operation.security = Some(vec![requirement]);
            }
            add_refusals(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        item.get.as_mut(),
        item.put.as_mut(),
        item.post.as_mut(),
        item.delete.as_mut(),
        item.patch.as_mut(),
    ]
    .into_iter()
    .flatten()
}

fn add_path_parameters(operation: &mut Operation, path: &str) {
    let mut all: Vec<RefOr<Parameter>> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| parameter(name).into())
        .collect();
    all.append(&mut operation.parameters.take().unwrap_or_default());
    operation.parameters = (!all.is_empty()).then_some(all);
}

fn parameter(name: &str) -> Parameter {
    let description = match name {
        "token" | "password" => "Id",
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

/// Every status of 400 or more has the same body.
fn add_refusals(operation: &mut Operation) {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .build();
    let response = ResponseBuilder::new()
        .description(
            "Refused: 401 token, 403 access, 404 not there, 409 and 422 not possible, 503 later",
        )
        .content("application/json", content)
        .build();
    operation
        .responses
        .responses
        .insert("default".into(), response.into());
}
