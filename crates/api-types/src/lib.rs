//! Wire shapes of the HTTP API.
