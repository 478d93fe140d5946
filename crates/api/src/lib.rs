//! axum routes of the HTTP API.
