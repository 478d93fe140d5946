//! Telling the team: what of a binding is news to people, and what of it they were told already.

use crate::automation::{Binding, BindingState, Rule};
use crate::plan::deletion_of;
use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// So long before a branch is deleted it is said once more.
pub const SOON: Duration = Duration::from_secs(24 * 3_600);

/// What there is to say of an iteration's branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It is there, with its credentials.
    Ready,
    /// The iteration is over; the branch stays, for ever or for a while.
    Over,
    /// It is deleted within [`SOON`].
    Soon,
    /// It was to be deleted, and was not.
    Held,
    /// It is gone.
    Gone,
    /// It could not be made.
    Failed,
}

impl News {
    const ALL: [News; 6] = [
        News::Ready,
        News::Over,
        News::Soon,
        News::Held,
        News::Gone,
        News::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            News::Ready => "ready",
            News::Over => "over",
            News::Soon => "soon",
            News::Held => "held",
            News::Gone => "gone",
            News::Failed => "failed",
        }
    }

    /// Worth a first word: nobody asks what became of a branch of which they never heard.
    fn begins(self) -> bool {
        matches!(self, News::Ready | News::Failed | News::Held)
    }
}

/// How things stand, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub news: News,
    /// When the branch is deleted, where that is known.
    pub goes_at: Option<Timestamp>,
    /// It becomes news again then, by time alone.
    pub look_at: Option<Timestamp>,
}

/// `None`: nothing was made yet.
pub fn standing(rule: &Rule, binding: &Binding, now: Timestamp) -> Option<Standing> {
    let plain = |news| Standing {
        news,
        goes_at: None,
        look_at: None,
    };
    match binding.state {
        BindingState::Waiting | BindingState::Making => None,
        BindingState::Made => Some(plain(News::Ready)),
        BindingState::Held => Some(plain(News::Held)),
        BindingState::Deleted | BindingState::Gone => Some(plain(News::Gone)),
        BindingState::Failed => Some(plain(News::Failed)),
        BindingState::Ended => {
            let ended = binding.ending?;
            let Some((goes_at, _)) = deletion_of(rule, ended) else {
                return Some(plain(News::Over));
            };
            let soon = goes_at.checked_sub(SOON).unwrap_or(Timestamp::MIN);
            // A rule that deletes within that time says so at the end, and once.
            let whole = soon > ended.at;
            Some(Standing {
                news: match whole && now >= soon {
                    true => News::Soon,
                    false => News::Over,
                },
                goes_at: Some(goes_at),
                look_at: Some(soon).filter(|at| whole && *at > now),
            })
        }
    }
}

/// What somebody was told last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub news: News,
    /// The branch's name then.
    pub branch: String,
    /// How often one of its links had taken the place of an earlier one by then.
    pub renewed: u32,
}

impl Told {
    /// Whether `self` is to be told after `last`.
    pub fn follows(&self, last: Option<&Told>) -> bool {
        match last {
            None => self.news.begins(),
            Some(last) if last.news != self.news => true,
            // A name is no news of a branch that is gone, and a link only of one that is used.
            Some(last) => match self.news {
                News::Gone => false,
                News::Ready => self.branch != last.branch || self.renewed > last.renewed,
                _ => self.branch != last.branch,
            },
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.news.as_str(), self.branch)?;
        match self.renewed {
            0 => Ok(()),
            n => write!(f, " {n}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is nothing that was told")]
pub struct InvalidTold;

impl FromStr for Told {
    type Err = InvalidTold;

    fn from_str(text: &str) -> Result<Self, InvalidTold> {
        let (news, rest) = text.split_once(' ').ok_or(InvalidTold)?;
        let (branch, renewed) = rest.split_once(' ').unwrap_or((rest, "0"));
        let mut all = News::ALL.into_iter();
        Ok(Self {
            news: all.find(|n| n.as_str() == news).ok_or(InvalidTold)?,
            branch: branch.to_owned(),
            renewed: renewed.parse().map_err(|_| InvalidTold)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::automation::{Ended, Over};

    const HOUR: i64 = 3_600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn rule(ended: &str) -> Rule {
        let text = format!(r#"{{"integration": "x", "on": {{"ended": "{ended}"}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn binding(state: BindingState) -> Binding {
        Binding {
            id: "aaaaaaaaaaaa".parse().unwrap(),
            automation_id: "bbbbbbbbbbbb".parse().unwrap(),
            iteration_id: "cccccccccccc".parse().unwrap(),
            branch_id: "dddddddddddd".parse().unwrap(),
            branch_name: Some("sprint-1".to_owned()),
            state,
            reason: None,
            followed_name: None,
            ending: (state == BindingState::Ended).then_some(Ended {
                why: Over::Ended,
                at: at(0),
                done: true,
                backed_up: None,
            }),
            attempts: 0,
            check_at: None,
            asked: 0,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    #[test]
    fn a_branch_that_goes_is_told_of_once_more_the_day_before() {
        // Rule, hours since the end; news, hours until it goes, hours until it is looked at.
        let table = [
            ("sleep", 0, News::Over, None, None),
            ("keep", 99, News::Over, None, None),
            ("delete after 7d", 0, News::Over, Some(168), Some(144)),
            ("delete after 7d", 143, News::Over, Some(25), Some(1)),
            ("delete after 7d", 144, News::Soon, Some(24), None),
            ("delete after 7d", 160, News::Soon, Some(8), None),
            ("delete after 5h", 1, News::Over, Some(4), None),
            ("delete", 0, News::Over, Some(0), None),
        ];
        for (ended, hours, news, goes, look) in table {
            let now = at(hours * HOUR);
            let found = standing(&rule(ended), &binding(BindingState::Ended), now).unwrap();
            let then = |hours: Option<i64>| hours.map(|h| at(now.as_second() + h * HOUR));
            let case = format!("{ended} {hours}: {found:?}");
            assert_eq!(found.news, news, "{case}");
            assert_eq!(
                (found.goes_at, found.look_at),
                (then(goes), then(look)),
                "{case}"
            );
        }
    }

    #[test]
    fn states_are_news_or_none() {
        for (state, news) in [
            (BindingState::Waiting, None),
            (BindingState::Making, None),
            (BindingState::Made, Some(News::Ready)),
            (BindingState::Held, Some(News::Held)),
            (BindingState::Deleted, Some(News::Gone)),
            (BindingState::Gone, Some(News::Gone)),
            (BindingState::Failed, Some(News::Failed)),
        ] {
            let found = standing(&rule("sleep"), &binding(state), at(0));
            assert_eq!(found.map(|s| s.news), news, "{state}");
        }
    }

    #[test]
    fn nothing_is_told_twice() {
        let told = |text: &str| text.parse::<Told>().ok();
        let table = [
            ("", "ready a", true),
            ("", "failed a", true),
            ("", "over a", false),
            ("", "gone a", false),
            ("ready a", "ready a", false),
            ("ready a", "ready b", true),
            ("ready a", "ready a 1", true),
            ("ready a 1", "ready a 1", false),
            ("over a", "over a 1", false),
            ("ready a", "over a", true),
            ("over a", "ready a", true),
            ("over a", "soon a", true),
            ("soon a", "gone a", true),
            ("gone a", "gone ", false),
            ("gone a", "ready a", true),
            ("failed a", "failed a", false),
        ];
        for (last, news, expected) in table {
            let found = told(news).unwrap().follows(told(last).as_ref());
            assert_eq!(found, expected, "{news} after {last}");
        }
        for told in ["ready sprint-1", "ready sprint-1 2", "gone "] {
            assert_eq!(told.parse::<Told>().unwrap().to_string(), told);
        }
        assert_eq!("nothing at all".parse::<Told>(), Err(InvalidTold));
    }
}
