//! The HTTP data API on the port of the API: one origin for both.

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::any;
use offshoot_api::Unprotected;
use offshoot_gateway::{Caller, DataApi, SERVICE};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The routes of the data API, and `rest` for everything else.
pub(crate) fn beside(rest: Router, data: DataApi) -> Router {
    let serve = move |request: Request| {
        let data = data.clone();
        async move { answer(&data, request).await }
    };
    Router::new()
        .route(&format!("/{SERVICE}/{{method}}"), any(serve))
        .fallback_service(rest)
}

async fn answer(data: &DataApi, request: Request) -> Response {
    let extensions = request.extensions();
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let caller = Caller {
        // The port adds it to every request.
        address: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip()),
        unprotected: extensions.get::<Unprotected>().is_some(),
    };
    data.serve(request, caller).await.map(Body::new)
}
