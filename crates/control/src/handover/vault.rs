//! Secrets in a key/value engine, version 2, of HashiCorp Vault or OpenBao.
//!
//! `POST /v1/{mount}/data/{path}`. A repetition writes another version with the same values and the same
//! `delivery`. Check-and-set would need the right to read what is there, so it is used only where the mount
//! demands it: then a version that has this `delivery` already is left as it is.

use super::receiver::{Answer, Api, Undelivered, escaped};
use offshoot_core::id::HandoverId;
use serde_json::{Map, Value, json};

/// Where in the store.
pub(super) struct Place<'a> {
    pub(super) mount: &'a str,
    pub(super) path: &'a str,
}

pub(super) async fn deliver(
    api: &Api<'_>,
    place: &Place<'_>,
    id: HandoverId,
    mut values: Map<String, Value>,
) -> Result<(), Undelivered> {
    values.insert("delivery".to_owned(), id.as_str().into());
    let path = place.address();
    let answer = api
        .ask("POST", &path, Some(&json!({ "data": values })))
        .await?;
    if !(answer.status == 400 && answer.has("check-and-set parameter required")) {
        return place.written(&answer, &api.renew);
    }
    let there = api.ask("GET", &path, None).await?;
    let said = there.body.pointer("/data/data/delivery");
    if there.good() && said.and_then(Value::as_str) == Some(id.as_str()) {
        return Ok(());
    }
    // One that was deleted is told with its version, and a status of 404.
    let version = there.body.pointer("/data/metadata/version");
    let version = match there.status {
        200 | 404 => version.and_then(Value::as_u64).unwrap_or(0),
        _ => return place.written(&there, &api.renew),
    };
    let body = json!({"options": {"cas": version}, "data": values});
    let answer = api.ask("POST", &path, Some(&body)).await?;
    place.written(&answer, &api.renew)
}

impl Place<'_> {
    fn address(&self) -> String {
        let parts = |text: &str| {
            let parts: Vec<_> = text.split('/').map(escaped).collect();
            parts.join("/")
        };
        format!("/v1/{}/data/{}", parts(self.mount), parts(self.path))
    }

    fn written(&self, answer: &Answer, renew: &str) -> Result<(), Undelivered> {
        let (mount, path, said) = (self.mount, self.path, answer.said());
        let reason = match answer.status {
            // Version 1 of the engine takes it for a secret whose path begins with data/.
            200..=299 => match answer.body.pointer("/data/version") {
                Some(_) => return Ok(()),
                None => format!(
                    "mount {mount} is no key/value engine of version 2: the secret went to {mount}/data/{path} there; delete it, and make it one: vault kv enable-versioning {mount}"
                ),
            },
            403 => format!(
                "the token may not write {mount}/data/{path}{said}: it has expired, or its policy lacks create and update there (read, too, where the mount demands check-and-set); give another: {renew}"
            ),
            404 => format!(
                "there is no key/value engine at mount {mount}{said}: enable it, or correct mount and namespace"
            ),
            400 if answer.has("did not match the current version") => format!(
                "somebody else wrote {mount}/{path} at the same time{said}; it is tried again"
            ),
            _ => format!("{mount}/data/{path} cannot be written{said}"),
        };
        Err(Undelivered::new(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_and_path_are_parts_of_the_address() {
        let place = Place {
            mount: "team/kv",
            path: "shop/sprint 1",
        };
        assert_eq!(place.address(), "/v1/team/kv/data/shop/sprint%201");
    }
}
