"""Commands of PlanetScale's own CLI against a running server: exit codes, JSON, tables and CSV.

Prints one JSON line for each command; exits with 1 when one of them did not work, or was not refused, as it should.
"""

import sys

import data
import login
from cli import does, holds, made, named, reads, refused, report, run, said, until


def main():
    reads("org", "list", check=named("default"))
    reads("region", "list", check=lambda told: told[0]["slug"] == "local")
    reads("size", "cluster", "list", check=named("PS_10"))
    does("auth", "check", check=lambda told: told["authenticated"])
    does("api", "user", check=lambda told: told["default_organization"]["name"] == "default")
    login.logins()

    does("database", "create", "pshop", "--cluster-size", "PS-10", "--wait", check=lambda told: told["name"] == "pshop")
    reads("database", "list", check=named("pshop"))
    reads("database", "show", "pshop", check=lambda told: told["state"] == "ready")

    does("branch", "create", "pshop", "dev", "--from", "main", "--wait", check=lambda told: told["name"] == "dev")
    reads("branch", "list", "pshop", check=named("dev"))
    reads("branch", "show", "pshop", "dev", check=lambda told: told["ready"])
    does("branch", "schema", "pshop", "dev")
    does("branch", "diff", "pshop", "dev")
    does("branch", "lint", "pshop", "dev")
    does("branch", "refresh-schema", "pshop", "dev")
    does("branch", "safe-migrations", "disable", "pshop", "dev")
    does("branch", "safe-migrations", "enable", "pshop", "main", check=lambda told: told["safe_migrations"])
    # They are for production branches.
    refused("branch", "safe-migrations", "enable", "pshop", "dev", wrong=True)
    does("branch", "safe-migrations", "disable", "pshop", "main")
    refused("branch", "routing-rules", "get", "pshop", "dev")
    refused("branch", "create", "pshop", "odd", "--cluster-size", "PS_11", wrong=True)
    reads("branch", "vtgate", "show", "pshop", "dev")
    reads("branch", "processlist", "show", "pshop", "dev")
    does("branch", "infra", "pshop", "dev")

    does("keyspace", "create", "pshop", "dev", "carts", "--cluster-size", "PS-DEV", "--wait", check=lambda told: told["ready"])
    reads("keyspace", "list", "pshop", "dev", check=named("carts"))
    reads("keyspace", "show", "pshop", "dev", "carts", check=lambda told: told["cluster_name"] == "PS_DEV")
    does("keyspace", "settings", "pshop", "dev", "carts")
    does("keyspace", "rollout-status", "pshop", "dev", "carts", check=lambda told: told[0]["state"] == "complete")
    does("keyspace", "vschema", "show", "pshop", "dev", "carts")
    does("keyspace", "resize", "pshop", "dev", "carts", "--cluster-size", "PS-10", check=lambda told: told["cluster_name"] == "PS_10")
    reads("keyspace", "resize", "status", "pshop", "dev", "carts", check=lambda told: told["cluster_name"] == "PS_10")

    password = made("password", "create", "pshop", "dev", "ci", "--role", "writer", "--ttl", "1h", check=lambda told: told["plain_text"])
    reads("password", "list", "pshop", "dev", check=named("ci"))
    reads("password", "list", "pshop", check=named("ci"))
    does("password", "renew", "pshop", "dev", password)
    does("password", "delete", "pshop", "dev", password, "--force")

    data.main("pshop", "dev")

    backup = made("backup", "create", "pshop", "dev")
    ready = until(120, lambda: '"success"' in run(("backup", "show", "pshop", "dev", backup), "json")[1])
    reads("backup", "show", "pshop", "dev", backup, check=lambda told: ready)
    reads("backup", "list", "pshop", "dev", check=lambda told: any(one["id"] == backup for one in told))
    does("backup", "restore", "pshop", "restored", backup, "--cluster-size", "PS-10", check=lambda told: told["name"] == "restored")

    hook = made("webhook", "create", "pshop", "--url", "https://hooks.example.com/x", "--events", "branch.ready", "--enabled=false")
    reads("webhook", "list", "pshop", check=lambda told: any(one["id"] == hook for one in told))
    # The CLI itself has no CSV for one webhook.
    does("webhook", "show", "pshop", hook, check=lambda told: told["id"] == hook)
    does("webhook", "delete", "pshop", hook)
    does("audit-log", "list", "--limit", "5")

    does("branch", "promote", "pshop", "dev", check=lambda told: told["production"])
    does("branch", "demote", "pshop", "dev", check=lambda told: not told["production"])
    refused("deploy-request", "list", "pshop")
    refused("workflow", "list", "pshop")
    refused("insights", "queries", "pshop", "dev")
    refused("branch", "vtctld", "list-keyspaces", "pshop", "dev")
    refused("branch", "show", "pshop", "nobody", code="NOT_FOUND", wrong=True)

    does("backup", "delete", "pshop", "dev", backup, "--force")
    does("branch", "delete", "pshop", "dev", "--delete-descendants", "--force")
    does("database", "delete", "pshop", "--force")

    return report()


if __name__ == "__main__":
    sys.exit(main())
