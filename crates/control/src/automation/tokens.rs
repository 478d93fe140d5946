//! Tokens of receivers: given with a rule, kept for the address that the rule names then.

use crate::Control;
use offshoot_core::automation::{Automation, Rule};
use offshoot_core::refusal::Refusal;
use offshoot_store::receiver_token::ReceiverToken;
use offshoot_store::{Session, Tx};
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, BTreeSet};

/// Longest token, in bytes.
const LONGEST: usize = 4_096;

/// Credentials of a new rule that have a token. Refused where one is for nothing, or is none.
pub(super) fn of_new(
    rule: &Rule,
    given: &BTreeMap<String, SecretString>,
) -> Result<BTreeSet<String>, Refusal> {
    for (credential, token) in given {
        check(rule, credential, token)?;
    }
    Ok(given.keys().cloned().collect())
}

/// Credentials that have a token for the address of their receiver, once the change is made.
pub(super) async fn after_change(
    session: &mut Session,
    before: &Automation,
    rule: &Rule,
    given: &BTreeMap<String, Option<SecretString>>,
) -> Result<BTreeSet<String>, Refusal> {
    let kept = session.receiver_tokens(before.id).await?.into_iter();
    let kept = kept.filter(|t| origin(rule, &t.credential) == Some(&*t.origin));
    let mut all: BTreeSet<String> = kept.map(|t| t.credential).collect();
    for (credential, token) in given {
        match token {
            Some(token) => {
                check(rule, credential, token)?;
                all.insert(credential.clone());
            }
            None => {
                all.remove(credential);
            }
        }
    }
    Ok(all)
}

/// Keeps what was given, and forgets what is of no use any more.
pub(super) async fn keep(
    control: &Control,
    tx: &mut Tx,
    automation: &Automation,
    given: &BTreeMap<String, Option<SecretString>>,
) -> Result<(), Refusal> {
    for (credential, token) in given {
        let origin = origin(&automation.rule, credential);
        match (token, origin) {
            (Some(token), Some(origin)) => {
                let of = ReceiverToken {
                    credential: credential.clone(),
                    origin: origin.to_owned(),
                };
                tx.set_receiver_token(automation.id, &of, token, control.now())
                    .await?;
            }
            _ => {
                tx.delete_receiver_token(automation.id, credential).await?;
            }
        }
    }
    for kept in tx.receiver_tokens(automation.id).await? {
        if origin(&automation.rule, &kept.credential) != Some(&*kept.origin) {
            tx.delete_receiver_token(automation.id, &kept.credential)
                .await?;
        }
    }
    Ok(())
}

/// The address that a credential's token goes to.
fn origin<'a>(rule: &'a Rule, credential: &str) -> Option<&'a str> {
    rule.credentials.get(credential)?.deliver.token_goes_to()
}

fn check(rule: &Rule, credential: &str, token: &SecretString) -> Result<(), Refusal> {
    let text = token.expose_secret();
    let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if !fits {
        let told = format!(
            "the token of credential {credential} has 1 to {LONGEST} characters without spaces and line breaks"
        );
        return Err(Refusal::invalid("tokens", told));
    }
    match origin(rule, credential) {
        Some(_) => Ok(()),
        None => Err(Refusal::invalid(
            "tokens",
            format!("credential {credential} is not delivered with a token"),
        )
        .hint("tokens are for github_actions, gitlab_ci and vault; see offshoot automation show")),
    }
}
