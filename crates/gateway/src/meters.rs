//! What the gateway counts. The recorder must be installed before the gateway is made.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

pub(crate) struct Meters {
    pub(crate) open: Gauge,
    pub(crate) accepted: Counter,
    /// Bytes from clients to engines.
    pub(crate) up: Counter,
    /// Bytes from engines to clients.
    pub(crate) down: Counter,
    pub(crate) commands: Counter,
    /// Seconds that clients waited for a branch's engine.
    pub(crate) wake: Histogram,
    pub(crate) parked: Counter,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self {
            open: gauge!("offshoot_gateway_connections"),
            accepted: counter!("offshoot_gateway_connections_total"),
            up: counter!("offshoot_gateway_bytes_total", "direction" => "up"),
            down: counter!("offshoot_gateway_bytes_total", "direction" => "down"),
            commands: counter!("offshoot_gateway_commands_total"),
            wake: histogram!("offshoot_gateway_open_seconds"),
            parked: counter!("offshoot_gateway_parked_total"),
        }
    }

    pub(crate) fn auth_failure(&self, reason: &'static str) {
        counter!("offshoot_gateway_auth_failures_total", "reason" => reason).increment(1);
    }
}
