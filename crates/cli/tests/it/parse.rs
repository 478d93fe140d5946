//! What the command line accepts.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use offshoot_cli::Cli;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_tree_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn commands_that_pscale_users_type_are_understood() {
    for line in [
        "offshoot branch create shop sprint-42 --from main --wait",
        "offshoot b create shop sprint-42 --region eu --cluster-size PS-10",
        "offshoot branch create shop s --ttl 14d --label team=a --label pr=7 --password-role reader",
        "offshoot branch list shop --org acme --format json",
        "offshoot --format csv branch ls shop --page 2 --per-page 50",
        "offshoot branch delete shop s --force --delete-descendants",
        "offshoot branch rm shop s",
        "offshoot branch labels shop s team=b pr-",
        "offshoot branch update shop s --never-expires --sleep-after 0",
        "offshoot db create shop --engine mariadb --wait",
        "offshoot db create shop --import dump.sql.gz --keep-on-failure",
        "offshoot database import shop main dump.sql --on-failure keep --keep-schemas",
        "offshoot database import shop -",
        "offshoot database update shop --deletion-protected true",
        "offshoot password create shop main ci --role readwriter --ttl 24h --cidr 10.0.0.0/8",
        "offshoot p ls shop",
        "offshoot password delete shop main --name ci --force",
        "offshoot service-token add-access abcdefghijkl read_branch create_branch --database shop",
        "offshoot audit-log list --action branch.created --limit 5",
        "offshoot shell shop sprint-42 --role reader -- --table",
        "offshoot api organizations/{org}/databases -F name=shop",
        "offshoot completion zsh",
        "offshoot org show",
        "offshoot org switch acme --save-config /tmp/x",
        "offshoot branch create sprint-42",
        "offshoot branch switch sprint-42 --database shop --create --parent-branch main --wait",
        "offshoot branch rename shop a b",
        "offshoot branch rename a b",
        "offshoot branch show",
        "offshoot password create ci --role reader --ttl 30m --replica",
        "offshoot branch list shop --web",
        "offshoot connect",
        "offshoot connect shop sprint-42 --port 3307 --no-random --role reader --replica",
        "offshoot connect shop --execute true --execute-protocol mysql --execute-env-url URL",
        "offshoot connect shop --mysql-auth-method mysql_native_password --remote-addr db:7306",
        "offshoot sql shop sprint-42 --query x --keyspace shop --role admin --force",
        "offshoot sql shop sprint-42 -",
        "offshoot auth check --debug --no-color",
        "offshoot man /tmp/x",
        "offshoot branch lint shop main",
        "offshoot branch refresh-schema shop main",
        "offshoot branch safe-migrations enable shop main",
        "offshoot branch safe-migrations disable shop main",
        "offshoot branch safe-migrations show",
        "offshoot branch seed-rules show shop --version 3",
        "offshoot branch seed-rules show",
        "offshoot branch seed-rules set shop --file rules.yml",
        "offshoot branch seed-rules set --file -",
        "offshoot branch seed-rules remove shop --force",
        "offshoot branch seed-rules versions shop --per-page 5",
        "offshoot branch seed-rules test",
        "offshoot branch seed-rules test shop main --file rules.yml",
        "offshoot database update shop --require-seed-rules true",
        "offshoot branch connections show shop main",
        "offshoot branch connections top shop main --interval 2s --duration 10s",
        "offshoot branch connections kill shop main 7 --query",
        "offshoot branch connections kill-transaction shop main 7",
        "offshoot branch processlist show shop main",
        "offshoot branch processlist kill shop main 7",
        "offshoot size cluster list",
        "offshoot branch create shop s --seed-data",
        "offshoot branch create shop s --restore abcdefghijkl --wait",
        "offshoot branch create shop s --from main --live",
        "offshoot backup create shop main --name before-the-move --wait",
        "offshoot backup b shop main",
        "offshoot backup create --retention-value 2 --retention-unit week",
        "offshoot backup list shop main --web --state success --all",
        "offshoot backup ls",
        "offshoot backup show shop main abcdefghijkl",
        "offshoot backup show abcdefghijkl",
        "offshoot backup export shop main abcdefghijkl --wait",
        "offshoot backup export abcdefghijkl",
        "offshoot backup import",
        "offshoot backup import abcdefghijkl --database rescue --wait",
        "offshoot backup archive list",
        "offshoot backup archive rm abcdefghijkl --force",
        "offshoot backup delete abcdefghijkl --keep-copy",
        "offshoot backup delete shop main abcdefghijkl --force",
        "offshoot backup restore shop restored abcdefghijkl --cluster-size PS-10",
        "offshoot backup restore restored abcdefghijkl --wait",
        "offshoot backup update shop main abcdefghijkl --protected",
        "offshoot backup update shop main abcdefghijkl --protected=false --never-expires",
        "offshoot backup policy list shop --per-page 5",
        "offshoot backup policy ls",
        "offshoot backup policy show shop abcdefghijkl",
        "offshoot backup policy show abcdefghijkl",
        "offshoot backup policy create shop",
        "offshoot backup policy create shop --name weekly --target development --frequency-value 1 --frequency-unit week --schedule-time 04:00 --schedule-day 0 --retention-value 3 --retention-unit month",
        "offshoot backup policy update shop abcdefghijkl --schedule-day monday --schedule-week 1",
        "offshoot backup policy update abcdefghijkl --no-drills",
        "offshoot backup policy delete shop abcdefghijkl --force",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn contradictions_and_gaps_are_refused_with_a_usage_error() {
    for (line, kind) in [
        (
            "offshoot branch create shop s --ttl 1d --expires-at 2026-12-31T00:00:00Z",
            ErrorKind::ArgumentConflict,
        ),
        (
            "offshoot branch create shop s --no-password --password-role reader",
            ErrorKind::ArgumentConflict,
        ),
        ("offshoot branch create", ErrorKind::MissingRequiredArgument),
        (
            "offshoot branch create shop s --seed-data --live",
            ErrorKind::ArgumentConflict,
        ),
        (
            "offshoot branch create shop s --restore abcdefghijkl --from main",
            ErrorKind::ArgumentConflict,
        ),
        (
            "offshoot backup update shop main abcdefghijkl",
            ErrorKind::MissingRequiredArgument,
        ),
        (
            "offshoot backup policy update shop abcdefghijkl",
            ErrorKind::MissingRequiredArgument,
        ),
        (
            "offshoot backup policy update shop abcdefghijkl --no-drills --drill-frequency-value 1",
            ErrorKind::ArgumentConflict,
        ),
        (
            "offshoot backup policy create shop --frequency-unit year",
            ErrorKind::InvalidValue,
        ),
        (
            "offshoot branch seed-rules set shop",
            ErrorKind::MissingRequiredArgument,
        ),
        (
            "offshoot branch update shop s",
            ErrorKind::MissingRequiredArgument,
        ),
        (
            "offshoot password delete",
            ErrorKind::MissingRequiredArgument,
        ),
        (
            "offshoot password create shop main x --role root",
            ErrorKind::InvalidValue,
        ),
        (
            "offshoot password create shop main x --ttl soon",
            ErrorKind::ValueValidation,
        ),
        (
            "offshoot branch create shop s --label a",
            ErrorKind::ValueValidation,
        ),
        ("offshoot --format xml org list", ErrorKind::InvalidValue),
        (
            "offshoot branch delete --force",
            ErrorKind::MissingRequiredArgument,
        ),
        (
            "offshoot sql shop main a --query b",
            ErrorKind::ArgumentConflict,
        ),
        (
            "offshoot branch switch a --wait",
            ErrorKind::MissingRequiredArgument,
        ),
        (
            "offshoot connect shop --mysql-auth-method dialog",
            ErrorKind::ValueValidation,
        ),
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.kind(), kind, "{line}");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn secrets_do_not_print() {
    let line =
        "offshoot --service-token-id abcdefghijkl --service-token pscale_tkn_secret org list";
    let cli = parse(line).unwrap();
    assert!(!format!("{cli:?}").contains("pscale_tkn_secret"));
}
