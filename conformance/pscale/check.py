"""Commands of PlanetScale's own CLI against a running server: exit codes, JSON, tables and CSV.

`PSCALE` names the program; the server is at `PLANETSCALE_API_URL`, with a service token in the environment. Prints a
table of what works and what is refused as it should be; exits with 1 when anything else happened.
"""

import csv
import io
import json
import os
import subprocess
import sys
import time

PSCALE = os.environ.get("PSCALE", "pscale")
rows, failed, ids = [], 0, set()


def run(args, form):
    done = subprocess.run(
        [PSCALE, *args, "--format", form],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


def note(args, outcome, problem=None):
    global failed
    rows.append((" ".join("ID" if word in ids else word for word in args), outcome))
    if problem:
        failed += 1
        print(f"FAILED: pscale {' '.join(args)}\n  {problem}", file=sys.stderr)


def said(out, err):
    return (out + err).strip()[:2000]


def holds(check, told):
    try:
        return bool(check(told))
    except (KeyError, IndexError, TypeError):
        return False


def does(*args, check=lambda told: True):
    """Changes something: once, in JSON. Returns what was told."""
    code, out, err = run(args, "json")
    try:
        told = json.loads(out)
    except ValueError:
        note(args, "fails", f"exit {code}, no JSON: {said(out, err)}")
        return {}
    fine = code == 0 and holds(check, told)
    note(args, "works" if fine else "fails", None if fine else f"exit {code}: {said(out, err)}")
    return told


def reads(*args, check=lambda told: True):
    """Shows something: in all three formats."""
    told = does(*args, check=check)
    for form in ("human", "csv"):
        code, out, err = run(args, form)
        fine = code == 0 and (form == "human" or len(list(csv.reader(io.StringIO(out)))) > 0)
        if not fine:
            rows.pop()
            note(args, "fails", f"{form}, exit {code}: {said(out, err)}")
            return told
    return told


def refused(*args, code="unprocessable"):
    """Has no meaning here, or is not there yet: a sentence, exit 2, and the API's code."""
    status, out, err = run(args, "json")
    try:
        codes = [issue["code"] for issue in json.loads(out)["issues"]]
    except (ValueError, KeyError, TypeError):
        codes = []
    fine = status == 2 and any(code.upper() in c.upper() for c in codes)
    note(args, "refused", None if fine else f"exit {status}, {codes}: {said(out, err)}")


def made(*args, check=lambda told: told["id"]):
    """Makes something, and returns its id."""
    told = does(*args, check=check)
    ids.add(told.get("id") or "none")
    return told.get("id") or "none"


def until(seconds, look):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if look():
            return True
        time.sleep(0.2)
    return False


def named(name):
    return lambda told: any(one["name"] == name for one in told)


def main():
    reads("org", "list", check=named("default"))
    reads("region", "list", check=lambda told: told[0]["slug"] == "local")
    reads("size", "cluster", "list", check=named("PS_10"))
    does("auth", "check", check=lambda told: told["authenticated"])
    does("api", "user", check=lambda told: told["default_organization"]["name"] == "default")

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
    refused("branch", "safe-migrations", "enable", "pshop", "dev")
    refused("branch", "routing-rules", "get", "pshop", "dev")
    refused("branch", "create", "pshop", "odd", "--cluster-size", "PS_11")
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
    refused("branch", "show", "pshop", "nobody", code="NOT_FOUND")

    does("backup", "delete", "pshop", "dev", backup, "--force")
    does("branch", "delete", "pshop", "dev", "--delete-descendants", "--force")
    does("database", "delete", "pshop", "--force")

    print("| pscale | here |\n|---|---|")
    for what, outcome in rows:
        print(f"| `{what}` | {outcome} |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
