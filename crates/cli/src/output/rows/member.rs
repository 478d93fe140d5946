//! Users and their sessions.

use super::{KEEP, Row, Shown};
use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::{Member, MemberPassword, MemberRole, UserSession};

impl Row for Member {
    const COLUMNS: &'static [&'static str] =
        &["id", "email", "name", "role", "created_at", "log_in_with"];
    const SHOWN: &'static [Shown] = &[
        ("email", KEEP),
        ("name", 1),
        ("role", KEEP),
        ("created_at", 2),
        ("log_in_with", 3),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let role = match self.role {
            MemberRole::Admin => "admin",
            MemberRole::Member => "member",
        };
        let with: Vec<&str> = self.log_in_with.iter().map(|w| w.as_str()).collect();
        vec![
            Cell::text(&self.id),
            Cell::text(&self.user.email),
            Cell::text(&self.user.name),
            Cell::text(role),
            Cell::Time(Some(self.created_at)),
            Cell::text(with.join(", ")),
        ]
    }
}

impl Row for MemberPassword {
    const COLUMNS: &'static [&'static str] = Member::COLUMNS;
    const SHOWN: &'static [Shown] = Member::SHOWN;

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        self.member.cells(now)
    }
}

impl Row for UserSession {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "email",
        "client",
        "scopes",
        "last_used_at",
        "expires_at",
        "created_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("email", KEEP),
        ("client", KEEP),
        ("last_used_at", 2),
        ("expires_at", 1),
        ("created_at", 3),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::text(&self.email),
            Cell::text(&self.client),
            Cell::text(&self.scopes),
            Cell::Time(self.last_used_at),
            Cell::Time(self.expires_at),
            Cell::Time(Some(self.created_at)),
        ]
    }
}
