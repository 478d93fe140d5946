//! What people are told, in sentences. Pure: facts in, a message out.

use super::About;
use crate::planning::Facts;
use crate::settings::Settings;
use jiff::Timestamp;
use offshoot_core::automation::{Deliver, Ending, Rule};
use offshoot_core::branch::Branch;
use offshoot_core::handover::{Handover, HandoverState};
use offshoot_core::iteration::{Iteration, IterationKind};
use offshoot_core::name::BranchName;
use offshoot_core::telling::{News, Standing, Told};
use offshoot_planning::message::{Message, Piece, line};
use secrecy::{ExposeSecret, SecretString};

/// All that is told of one branch.
pub(super) struct Story {
    pub(super) stands: Standing,
    /// `Sprint "Sprint 42"`
    iteration: String,
    ends_at: Option<Timestamp>,
    database: String,
    schema: String,
    /// Its name, or the last one that it had.
    pub(super) branch: String,
    /// Why it is not as it should be.
    reason: Option<String>,
    host: String,
    port: u16,
    credentials: Vec<Credential>,
    /// How often one of its links took the place of an earlier one.
    pub(super) renewed: u32,
    on_end: Ending,
    /// The iteration is not over, but gone.
    deleted: bool,
}

struct Credential {
    name: String,
    role: String,
    how: How,
}

enum How {
    /// A link that opens once; `None` = it is not told.
    Link(Option<String>, Option<Timestamp>),
    Opened,
    OnItsWay(&'static str),
    Arrived(&'static str),
    Missed,
}

impl Story {
    pub(super) fn of_binding(
        about: &About,
        stands: Standing,
        branch: Option<Branch>,
        handovers: &[Handover],
        links: &[Option<SecretString>],
        settings: &Settings,
    ) -> Self {
        let rule = &about.automation.rule;
        let last = about.binding.branch_name.clone().unwrap_or_default();
        let kind = branch
            .as_ref()
            .map_or(about.database.engine.kind, |b| b.engine.kind);
        let credentials = handovers.iter().zip(links).map(|(handover, link)| {
            let role = rule.credentials.get(&handover.credential);
            Credential {
                name: handover.credential.clone(),
                role: role.map_or_else(String::new, |r| r.role.to_string()),
                how: how(handover, link.as_ref(), &settings.public_url),
            }
        });
        let by_link = handovers
            .iter()
            .filter(|h| matches!(h.deliver, Deliver::Link(_)));
        let renewed = by_link.map(|h| h.generation.saturating_sub(1)).sum();
        Self {
            stands,
            iteration: iteration(&about.known.record.iteration),
            ends_at: about.known.record.iteration.ends_at,
            database: about.database.name.to_string(),
            schema: about.database.schema_name.clone(),
            branch: branch.map_or(last, |b| b.name.to_string()),
            reason: about.binding.reason.clone(),
            host: settings.gateway.host.clone(),
            port: settings.gateway.port(kind),
            credentials: credentials.collect(),
            renewed,
            on_end: rule.on.ended,
            deleted: about
                .binding
                .ending
                .is_some_and(|e| e.why == offshoot_core::automation::Over::Deleted),
        }
    }

    /// `last`: what the same people were told before.
    pub(super) fn message(&self, last: Option<&Told>) -> Message {
        let mut lines = vec![self.headline(last)];
        match self.stands.news {
            News::Ready => {
                let port = self.port.to_string();
                lines.push(line(
                    "Connect to host {}, port {}, schema {}.",
                    &[&self.host, &port, &self.schema],
                ));
                lines.extend(self.credentials.iter().map(Credential::line));
                lines.push(self.later());
            }
            News::Soon => {
                let command = format!("offshoot branch protect {} {}", self.database, self.branch);
                lines.push(line("To keep it: {}", &[&command]));
            }
            News::Over | News::Held | News::Gone | News::Failed => {}
        }
        Message { lines }
    }

    fn headline(&self, last: Option<&Told>) -> Vec<Piece> {
        let mut pieces = vec![Piece::Text(format!("{}: ", self.iteration))];
        let names = [self.branch.as_str(), self.database.as_str()];
        let before = last.map(|l| (l.news, l.branch.as_str()));
        let goes = self.stands.goes_at.map(date).unwrap_or_default();
        let reason = self.reason.as_deref().unwrap_or("the reason is not known");
        pieces.extend(match (self.stands.news, before) {
            (News::Ready, Some((News::Ready, old))) if old == self.branch => line(
                "a new credential takes the place of one of branch {} of database {}; until its end the old one works, too.",
                &names,
            ),
            (News::Ready, Some((News::Ready, old))) => line(
                "branch {} of database {} has another name; until now it was {}.",
                &[names[0], names[1], old],
            ),
            (News::Ready, Some((News::Over | News::Soon | News::Held, _))) => {
                line("it goes on, and so does branch {} of database {}.", &names)
            }
            (News::Ready, _) => line("branch {} of database {} is ready.", &names),
            (News::Over, _) if self.stands.goes_at.is_some() => {
                let mut pieces = self.over();
                pieces.extend(line(
                    " Branch {} of database {} is deleted at {}.",
                    &[names[0], names[1], &goes],
                ));
                pieces
            }
            (News::Over, _) => {
                let mut pieces = self.over();
                pieces.extend(match self.on_end {
                    Ending::Sleep => line(
                        " Branch {} of database {} sleeps, and wakes when somebody connects.",
                        &names,
                    ),
                    _ => line(" Branch {} of database {} stays.", &names),
                });
                pieces
            }
            (News::Soon, _) => line(
                "branch {} of database {} is deleted at {}.",
                &[names[0], names[1], &goes],
            ),
            (News::Held, _) => {
                let mut pieces = line("branch {} of database {} is still there: ", &names);
                pieces.push(Piece::Text(sentence(reason)));
                pieces
            }
            (News::Gone, _) => line("branch {} of database {} is gone.", &names),
            (News::Failed, _) => {
                let mut pieces = line("a branch of database {} could not be made: ", &[names[1]]);
                pieces.push(Piece::Text(sentence(reason)));
                pieces.push(Piece::Text(" It is tried again.".to_owned()));
                pieces
            }
        });
        pieces
    }

    fn over(&self) -> Vec<Piece> {
        let text = match self.deleted {
            true => "it was deleted.",
            false => "it is over.",
        };
        vec![Piece::Text(text.to_owned())]
    }

    /// When it goes.
    fn later(&self) -> Vec<Piece> {
        let end = match self.ends_at {
            Some(at) => format!("When it is over ({}), the branch ", date(at)),
            None => "When it is over, the branch ".to_owned(),
        };
        let what = match self.on_end {
            Ending::Keep => "stays.".to_owned(),
            Ending::Sleep => "goes to sleep, and wakes when somebody connects.".to_owned(),
            Ending::Delete { after, backup } => {
                let first = match backup {
                    true => "is backed up and deleted",
                    false => "is deleted",
                };
                match after.duration().is_zero() {
                    true => format!("{first}."),
                    false => format!("{first} {after} later."),
                }
            }
        };
        vec![Piece::Text(format!("{end}{what}"))]
    }
}

impl Credential {
    fn line(&self) -> Vec<Piece> {
        let mut pieces = line("Credential {}", &[&self.name]);
        if !self.role.is_empty() {
            pieces.push(Piece::Text(format!(" ({})", self.role)));
        }
        let text = |text: String| Piece::Text(text);
        match &self.how {
            How::Link(Some(link), expires_at) => {
                let until = expires_at.map(|at| format!(", until {}", date(at)));
                pieces.push(text(format!(" opens once{}: ", until.unwrap_or_default())));
                pieces.push(Piece::Link(link.clone()));
            }
            How::Link(None, _) => {
                pieces.push(text(" waits to be opened, once: ".to_owned()));
                pieces.push(Piece::Code("offshoot iteration show".to_owned()));
            }
            How::Opened => pieces.push(text(" was opened.".to_owned())),
            How::OnItsWay(kind) => pieces.push(text(format!(" is on its way, by {kind}."))),
            How::Arrived(kind) => pieces.push(text(format!(" was delivered, by {kind}."))),
            How::Missed => pieces.push(text(
                " was not fetched in its time, and is sealed for good.".to_owned(),
            )),
        }
        pieces
    }
}

fn how(handover: &Handover, link: Option<&SecretString>, public_url: &str) -> How {
    let links = matches!(handover.deliver, Deliver::Link(_));
    match (handover.state, links) {
        (HandoverState::Pending, true) => {
            let url = link.map(|token| {
                format!(
                    "{public_url}/v1/reveal/{}/{}",
                    handover.id,
                    token.expose_secret()
                )
            });
            How::Link(url, handover.expires_at)
        }
        (HandoverState::Pending, false) => How::OnItsWay(handover.deliver.kind()),
        (HandoverState::Delivered, true) => How::Opened,
        (HandoverState::Delivered, false) => How::Arrived(handover.deliver.kind()),
        (HandoverState::Expired, _) => How::Missed,
    }
}

/// What would be told of a branch that is not made yet, and whom; `None` = nobody.
pub(crate) fn foreseen(facts: &Facts, name: &BranchName, settings: &Settings) -> Option<String> {
    let rule = &facts.automation.rule;
    let mut whom: Vec<&str> = Vec::new();
    if rule.tell.note {
        whom.push("the iteration's note");
    }
    whom.extend(rule.tell.chats.iter().map(|chat| chat.as_str()));
    if whom.is_empty() {
        return None;
    }
    let story = Story {
        stands: Standing {
            news: News::Ready,
            goes_at: None,
            look_at: None,
        },
        iteration: iteration(&facts.iteration.record.iteration),
        ends_at: facts.iteration.record.iteration.ends_at,
        database: facts.database.name.to_string(),
        schema: facts.database.schema_name.clone(),
        branch: name.to_string(),
        reason: None,
        host: settings.gateway.host.clone(),
        port: settings.gateway.port(facts.database.engine.kind),
        credentials: to_be_made(rule, &settings.public_url),
        renewed: 0,
        on_end: rule.on.ended,
        deleted: false,
    };
    Some(format!(
        "{}:\n{}",
        whom.join(", "),
        story.message(None).plain()
    ))
}

fn to_be_made(rule: &Rule, public_url: &str) -> Vec<Credential> {
    let credentials = rule.credentials.iter().map(|(name, c)| Credential {
        name: name.clone(),
        role: c.role.to_string(),
        how: match &c.deliver {
            Deliver::Link(_) => {
                let link = rule.tell.links.then(|| format!("{public_url}/v1/reveal/…"));
                How::Link(link, None)
            }
            other => How::OnItsWay(other.kind()),
        },
    });
    credentials.collect()
}

fn iteration(iteration: &Iteration) -> String {
    let kind = match iteration.kind {
        IterationKind::Sprint => "Sprint",
        IterationKind::PullRequest => "Pull request",
    };
    format!("{kind} \"{}\"", iteration.name)
}

/// `2026-12-14 09:00 UTC`
fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn sentence(reason: &str) -> String {
    match reason.ends_with('.') {
        true => reason.to_owned(),
        false => format!("{reason}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn story(news: News, goes_at: Option<Timestamp>) -> Story {
        Story {
            stands: Standing {
                news,
                goes_at,
                look_at: None,
            },
            iteration: "Sprint \"Sprint 42\"".to_owned(),
            ends_at: Some(at(1_797_238_800)),
            database: "shop".to_owned(),
            schema: "shop".to_owned(),
            branch: "sprint-42".to_owned(),
            reason: Some("the pool is full".to_owned()),
            host: "db.example.com".to_owned(),
            port: 7306,
            credentials: vec![
                Credential {
                    name: "app".to_owned(),
                    role: "readwriter".to_owned(),
                    how: How::Link(Some("https://x/v1/reveal/a/b".to_owned()), Some(at(0))),
                },
                Credential {
                    name: "ci".to_owned(),
                    role: "reader".to_owned(),
                    how: How::Arrived("file"),
                },
            ],
            renewed: 0,
            on_end: "delete after 7d".parse().unwrap(),
            deleted: false,
        }
    }

    #[test]
    fn a_branch_that_is_ready_is_told_with_the_way_to_it() {
        let told = story(News::Ready, None).message(None).plain();
        assert_eq!(
            told,
            "Sprint \"Sprint 42\": branch sprint-42 of database shop is ready.\n\
             Connect to host db.example.com, port 7306, schema shop.\n\
             Credential app (readwriter) opens once, until 1970-01-01 00:00 UTC: https://x/v1/reveal/a/b\n\
             Credential ci (reader) was delivered, by file.\n\
             When it is over (2026-12-14 09:00 UTC), the branch is deleted 7d later."
        );
    }

    #[test]
    fn later_news_say_what_is_new() {
        let goes = Some(at(1_797_843_600));
        let told = |text: &str| text.parse::<Told>().ok();
        for (news, goes_at, last, expected) in [
            (
                News::Ready,
                None,
                "ready sprint-41",
                "until now it was sprint-41.",
            ),
            (
                News::Ready,
                None,
                "ready sprint-42",
                "a new credential takes the place of one of branch sprint-42",
            ),
            (
                News::Ready,
                None,
                "over sprint-42",
                "it goes on, and so does branch sprint-42",
            ),
            (
                News::Over,
                goes,
                "ready sprint-42",
                "it is over. Branch sprint-42 of database shop is deleted at 2026-12-21 09:00 UTC.",
            ),
            (
                News::Over,
                None,
                "ready sprint-42",
                "it is over. Branch sprint-42 of database shop stays.",
            ),
            (
                News::Soon,
                goes,
                "over sprint-42",
                "To keep it: offshoot branch protect shop sprint-42",
            ),
            (
                News::Held,
                None,
                "over sprint-42",
                "is still there: the pool is full.",
            ),
            (
                News::Gone,
                None,
                "soon sprint-42",
                "branch sprint-42 of database shop is gone.",
            ),
            (
                News::Failed,
                None,
                "",
                "could not be made: the pool is full. It is tried again.",
            ),
        ] {
            let text = story(news, goes_at).message(told(last).as_ref()).plain();
            assert!(text.contains(expected), "{news:?} after {last:?}: {text}");
            assert_eq!(text.contains("reveal"), news == News::Ready, "{text}");
        }
    }
}
