//! Iterations, with what was made of them.

use crate::state::ApiState;
use offshoot_api_types::{
    Iteration, IterationBranch, IterationCredential, IterationTold, RevealedCredential,
};
use offshoot_control::handover::Revealed;
use offshoot_control::iteration::{Announcement, BindingView, HandoverView, IterationView, Note};
use secrecy::ExposeSecret;

pub(crate) fn iteration(state: &ApiState, view: IterationView) -> Iteration {
    iteration_at(&state.public_url, view)
}

/// `public_url`: what addresses begin with.
pub(crate) fn iteration_at(public_url: &str, view: IterationView) -> Iteration {
    let known = view.known.record.iteration;
    let branches = view.bindings.into_iter().map(|b| branch(public_url, b));
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
        note: view.note.map(note),
        created_at: view.known.created_at,
        updated_at: view.known.updated_at,
    }
}

fn branch(public_url: &str, view: BindingView) -> IterationBranch {
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
            .map(|h| iteration_credential(public_url, h))
            .collect(),
        told: view.announcements.into_iter().map(announcement).collect(),
    }
}

fn note(note: Note) -> IterationTold {
    IterationTold {
        place: "note".to_owned(),
        told_at: note.written_at,
        attempts: note.attempts.into(),
        failure: note.failure,
        retry_at: note.check_at.filter(|_| note.attempts > 0),
    }
}

fn announcement(told: Announcement) -> IterationTold {
    IterationTold {
        place: told.chat,
        told_at: told.told_at,
        attempts: told.attempts.into(),
        failure: told.failure,
        retry_at: told.retry_at,
    }
}

pub(crate) fn iteration_credential(public_url: &str, view: HandoverView) -> IterationCredential {
    let handover = view.handover;
    let link = view.link.map(|token| {
        let token = token.expose_secret();
        format!("{public_url}/v1/reveal/{}/{token}", handover.id)
    });
    IterationCredential {
        id: handover.id.to_string(),
        name: handover.credential,
        password_id: handover.password_id.to_string(),
        generation: handover.generation.into(),
        deliver: handover.deliver.kind().to_owned(),
        destination: handover.deliver.destination(),
        state: handover.state.to_string(),
        link,
        attempts: handover.attempts.into(),
        failure: handover.failure,
        retry_at: handover.retry_at,
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
