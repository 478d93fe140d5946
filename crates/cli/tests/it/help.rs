//! What `--help` says.

use clap::CommandFactory;
use offshoot_cli::Cli;

#[test]
fn help_reads_well() {
    insta::assert_snapshot!("offshoot", text(&[]));
    insta::assert_snapshot!("branch", text(&["branch"]));
    insta::assert_snapshot!("branch_create", text(&["branch", "create"]));
    insta::assert_snapshot!("password_create", text(&["password", "create"]));
    insta::assert_snapshot!("service_token", text(&["service-token"]));
    insta::assert_snapshot!("user_create", text(&["user", "create"]));
    insta::assert_snapshot!(
        "backup_policy_create",
        text(&["backup", "policy", "create"])
    );
    insta::assert_snapshot!("backup", text(&["backup"]));
    insta::assert_snapshot!("integration", text(&["integration"]));
    insta::assert_snapshot!("automation_create", text(&["automation", "create"]));
    insta::assert_snapshot!("iteration_resend", text(&["iteration", "resend"]));
    insta::assert_snapshot!("webhook", text(&["webhook"]));
    insta::assert_snapshot!("webhook_create", text(&["webhook", "create"]));
    insta::assert_snapshot!("connect", text(&["connect"]));
    insta::assert_snapshot!("sql", text(&["sql"]));
    insta::assert_snapshot!("branch_seed_rules", text(&["branch", "seed-rules"]));
    insta::assert_snapshot!("branch_switch", text(&["branch", "switch"]));
}

fn text(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut command = &mut command;
    for name in path {
        command = command.find_subcommand_mut(name).unwrap();
    }
    command.render_help().to_string()
}
