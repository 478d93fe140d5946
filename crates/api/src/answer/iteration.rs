//! Iterations, with what was made of them.

use crate::state::ApiState;
use offshoot_api_types::{Iteration, IterationBranch, IterationCredential, RevealedCredential};
use offshoot_control::handover::Revealed;
use offshoot_control::iteration::{BindingView, HandoverView, IterationView};
use secrecy::ExposeSecret;

pub(crate) fn iteration(state: &ApiState, view: IterationView) -> Iteration {
    let known = view.known.record.iteration;
    let branches = view.bindings.into_iter().map(|b| branch(state, b));
    Iteration {
        id: view.known.id.to_string(),
        integration: view.integration,
        source_id: known.source_id,
        kind: known.kind.to_string(),
        name: known.name,
        number: known.number,
        state: view.known.record.state.to_string(),
        starts_at: known.starts_at,
        ends_at: known.ends_at,
        url: known.url,
        scope: known
            .scope
            .map(|s| format!("{} {}", s.kind, s.name.unwrap_or(s.id))),
        branches: branches.collect(),
        created_at: view.known.created_at,
        updated_at: view.known.updated_at,
    }
}

fn branch(state: &ApiState, view: BindingView) -> IterationBranch {
    let (detail, handovers) = (view.detail, view.handovers);
    IterationBranch {
        automation: detail.automation,
        database: detail.database,
        branch: detail.branch,
        state: detail.binding.state.to_string(),
        reason: detail.binding.reason,
        next_at: detail.binding.check_at,
        credentials: handovers
            .into_iter()
            .map(|h| credential(state, h))
            .collect(),
    }
}

fn credential(state: &ApiState, view: HandoverView) -> IterationCredential {
    let handover = view.handover;
    let link = view.link.map(|token| {
        let (url, token) = (&state.public_url, token.expose_secret());
        format!("{url}/v1/reveal/{}/{token}", handover.id)
    });
    IterationCredential {
        id: handover.id.to_string(),
        name: handover.credential,
        password_id: handover.password_id.to_string(),
        deliver: handover.deliver.kind().to_owned(),
        state: handover.state.to_string(),
        link,
        attempts: handover.attempts.into(),
        failure: handover.failure,
        expires_at: handover.expires_at,
        delivered_at: handover.delivered_at,
    }
}

pub(crate) fn revealed(revealed: &Revealed) -> RevealedCredential {
    RevealedCredential {
        database: revealed.database.clone(),
        branch: revealed.branch.clone(),
        name: revealed.password.name.clone(),
        role: revealed.password.role.to_string(),
        username: revealed.password.username.clone(),
        plain_text: revealed.secret.expose_secret().to_owned(),
        host: revealed.host.clone(),
        port: revealed.port.into(),
        schema: revealed.schema.clone(),
        url: revealed.url().expose_secret().to_owned(),
        dotenv: revealed.dotenv("DATABASE").expose_secret().to_owned(),
        my_cnf: revealed.my_cnf().expose_secret().to_owned(),
        expires_at: revealed.password.expires_at,
    }
}
