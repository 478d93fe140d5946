//! What a session holds that a new session with the engine would lack.
//!
//! Seen from the commands alone, and on the safe side: what is not understood counts as state.
//! Settings and the current schema are remembered, so that they can be said again. Transactions are
//! not followed here: the engine says whether one is open.

use crate::options::{MAX_SETTINGS, MAX_SETTINGS_BYTES};
use offshoot_wire::command;
use offshoot_wire::reply;
use offshoot_wire::statement::{Effect, effect};

#[derive(Debug, Default)]
pub(crate) struct Holds {
    pub(crate) schema: Option<Vec<u8>>,
    /// `SET` statements, in their order.
    pub(crate) settings: Vec<Vec<u8>>,
    /// `COM_SET_OPTION`.
    pub(crate) set_option: Option<u16>,
    prepared: u32,
    /// What it holds until it is reset.
    held: Option<&'static str>,
    /// Becomes true when the engine says OK.
    pending: Option<Pending>,
}

#[derive(Debug)]
enum Pending {
    Setting(Vec<u8>),
    Schema(Option<Vec<u8>>),
    Option(u16),
    Prepared,
    Reset,
}

impl Holds {
    pub(crate) fn new(schema: Option<Vec<u8>>) -> Self {
        Self {
            schema,
            ..Self::default()
        }
    }

    /// What it holds; `None` = nothing that cannot be said again.
    pub(crate) fn state(&self) -> Option<&'static str> {
        match self.held {
            None if self.prepared > 0 => Some("a prepared statement"),
            held => held,
        }
    }

    /// A command passes. `text`: that of a query, or the rest of the payload; `None` when it was
    /// not seen whole.
    pub(crate) fn command(&mut self, code: u8, text: Option<&[u8]>) {
        if self.pending.take().is_some() {
            self.hold("commands before the answer to a setting");
        }
        match code {
            command::QUERY => match text {
                Some(text) => self.query(text),
                None => self.hold("a statement too long to be looked at"),
            },
            command::INIT_DB => {
                self.pending = Some(Pending::Schema(text.map(<[u8]>::to_vec)));
            }
            command::SET_OPTION => match text {
                Some([low, high]) => {
                    let option = u16::from_le_bytes([*low, *high]);
                    self.pending = Some(Pending::Option(option));
                }
                _ => self.hold("an unknown option"),
            },
            command::STMT_PREPARE => {
                // What its execution leaves outlives the statement.
                match text.map(effect) {
                    Some(Effect::Plain) => {}
                    Some(Effect::Holds(what)) => self.hold(what),
                    Some(Effect::Set | Effect::Use(_)) => self.hold("a prepared setting"),
                    None => self.hold("a statement too long to be looked at"),
                }
                self.pending = Some(Pending::Prepared);
            }
            command::STMT_CLOSE => self.prepared = self.prepared.saturating_sub(1),
            command::RESET_CONNECTION => self.pending = Some(Pending::Reset),
            _ => {}
        }
    }

    /// The engine answers; `first` is the first byte of its answer's payload.
    pub(crate) fn answered(&mut self, first: u8) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        if first == reply::ERR {
            return;
        }
        match pending {
            Pending::Setting(text) => self.remember(text),
            Pending::Schema(schema @ Some(_)) => self.schema = schema,
            Pending::Schema(None) => self.hold("a schema that was not seen"),
            Pending::Option(option) => self.set_option = Some(option),
            Pending::Prepared => self.prepared = self.prepared.saturating_add(1),
            Pending::Reset => {
                *self = Self {
                    schema: self.schema.take(),
                    set_option: self.set_option,
                    ..Self::default()
                };
            }
        }
    }

    fn query(&mut self, text: &[u8]) {
        match effect(text) {
            Effect::Plain => {}
            Effect::Set => self.pending = Some(Pending::Setting(text.to_vec())),
            Effect::Use(schema) => self.pending = Some(Pending::Schema(Some(schema))),
            Effect::Holds(what) => self.hold(what),
        }
    }

    fn remember(&mut self, text: Vec<u8>) {
        // The same said again moves to the end: pools set up their connections at every use.
        self.settings.retain(|s| *s != text);
        let bytes: usize = self.settings.iter().map(Vec::len).sum();
        if self.settings.len() >= MAX_SETTINGS || bytes + text.len() > MAX_SETTINGS_BYTES {
            self.hold("more settings than are remembered");
        } else {
            self.settings.push(text);
        }
    }

    fn hold(&mut self, what: &'static str) {
        self.held.get_or_insert(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(holds: &mut Holds, text: &str, first: u8) {
        holds.command(command::QUERY, Some(text.as_bytes()));
        holds.answered(first);
    }

    #[test]
    fn accepted_settings_and_schemas_are_remembered() {
        let mut holds = Holds::new(None);
        query(&mut holds, "SET NAMES utf8mb4", 0);
        query(&mut holds, "SET autocommit=0", 0);
        query(&mut holds, "SET nonsense=0", 0xff);
        query(&mut holds, "SET NAMES utf8mb4", 0);
        query(&mut holds, "USE shop", 0);
        holds.command(command::INIT_DB, Some(b"gone"));
        holds.answered(0xff);
        assert_eq!(
            holds.settings,
            [&b"SET autocommit=0"[..], b"SET NAMES utf8mb4"]
        );
        assert_eq!(holds.schema.as_deref(), Some(&b"shop"[..]));
        assert_eq!(holds.state(), None);
    }

    #[test]
    fn state_holds_until_it_is_given_back_or_reset() {
        let mut holds = Holds::new(Some(b"shop".to_vec()));
        holds.command(command::STMT_PREPARE, Some(b"SELECT 1"));
        holds.answered(0);
        assert!(holds.state().is_some());
        holds.command(command::STMT_CLOSE, Some(&[1, 0, 0, 0]));
        assert_eq!(holds.state(), None);
        query(&mut holds, "SET @a = 1", 0);
        assert_eq!(holds.state(), Some("a user variable"));
        holds.command(command::RESET_CONNECTION, Some(b""));
        holds.answered(0);
        assert_eq!(holds.state(), None);
        assert_eq!(holds.schema.as_deref(), Some(&b"shop"[..]));
        holds.command(command::QUERY, None);
        assert!(holds.state().is_some());
    }

    #[test]
    fn what_a_prepared_statement_leaves_outlives_it() {
        for text in [
            &b"SET @a = ?"[..],
            b"CREATE TEMPORARY TABLE t (id INT)",
            b"SET autocommit=?",
        ] {
            let mut holds = Holds::new(None);
            holds.command(command::STMT_PREPARE, Some(text));
            holds.answered(0);
            holds.command(command::STMT_CLOSE, Some(&[1, 0, 0, 0]));
            assert!(holds.state().is_some());
        }
    }

    #[test]
    fn there_is_an_end_to_remembering() {
        let mut holds = Holds::new(None);
        for n in 0..=MAX_SETTINGS {
            query(&mut holds, &format!("SET a{n} = 1"), 0);
        }
        assert!(holds.settings.len() <= MAX_SETTINGS && holds.state().is_some());
    }
}
