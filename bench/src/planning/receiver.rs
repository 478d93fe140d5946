//! A receiver of credentials, as a program of the team would be one.

use super::within;
use anyhow::{Context, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

pub(super) struct Receiver {
    address: SocketAddr,
    received: UnboundedReceiver<Value>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (sender, received) = unbounded_channel();
        let routes = axum::Router::new()
            .route("/credentials", post(keep))
            .with_state(sender);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                eprintln!("the receiver of credentials ended: {error}");
            }
        });
        Ok(Self {
            address,
            received,
            serving,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/credentials", self.address)
    }

    /// The next one that arrives, as a `mysql://` URL.
    pub(super) async fn credential(&mut self) -> Result<String> {
        let next = self.received.recv();
        let event = within("a credential", async { next.await.context("no receiver") }).await?;
        let url = event["data"]["url"].as_str();
        Ok(url.context("a credential without a URL")?.to_owned())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn keep(
    State(sender): State<UnboundedSender<Value>>,
    Json(event): Json<Value>,
) -> StatusCode {
    match sender.send(event) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::GONE,
    }
}
