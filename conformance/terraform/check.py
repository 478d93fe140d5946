"""PlanetScale's Terraform provider against a running server: apply, an empty second plan, a change, import, destroy.

`TERRAFORM` names the program (OpenTofu or Terraform); the provider is set by a CLI configuration that `run` writes. The
working directory holds `main.tf` and the state. Prints one JSON line for each step, exits with 1 when one failed.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

E = os.environ
KINDS = ["branch.main", "branch.dev", "branch.renamed", "keyspace.carts", "branch_password.app", "branch_backup.before", "backup_policy.nightly"]
failed = 0


def note(what, outcome, reason=None):
    global failed
    line = {"client": "terraform", "method": what, "outcome": outcome}
    if reason:
        line["reason"] = reason
    if outcome == "fails":
        failed += 1
        print(f"FAILED: terraform {what}\n{reason}", file=sys.stderr)
    print(json.dumps(line), flush=True)


def terraform(*args):
    done = subprocess.run([E["TERRAFORM"], *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900)
    return done.returncode, done.stdout, done.stderr


def expect(what, code, *args):
    status, out, err = terraform(*args)
    if status == code:
        note(what, "works")
    else:
        note(what, "fails", f"exit {status}: {(out + err)[-3000:]}")
        raise SystemExit(1)


def state():
    """Values of all resources and data sources, by address."""
    told = json.loads(terraform("show", "-json")[1])
    return {one["address"]: one["values"] for one in told["values"]["root_module"]["resources"]}


def holds(what, condition, seen):
    note(what, "works" if condition else "fails", None if condition else f"got {json.dumps(seen)[:2000]}")


def data_sources(now):
    of = lambda name: now[f"data.planetscale_{name}"]
    holds("data.planetscale_organization", of("organization.one")["name"] == "default", of("organization.one"))
    everything = {
        "organizations": "default",
        "databases": "tfshop",
        "vitess_keyspaces": "carts",
        "vitess_branch_passwords": "app",
        "vitess_branch_backups": "before",
        "vitess_backup_policies": "nightly",
    }
    for name, wanted in everything.items():
        seen = of(f"{name}.all")
        holds(f"data.planetscale_{name}", any(one["name"] == wanted for one in seen["data"]), seen)
    single = {
        "database_vitess": ("state", "ready"),
        "vitess_branch": ("name", "dev"),
        "vitess_keyspace": ("cluster_size", "PS_DEV"),
        "vitess_branch_password": ("role", "readwriter"),
        "vitess_branch_backup": ("state", "success"),
        "vitess_backup_policy": ("schedule_time", "03:00"),
    }
    for name, (field, wanted) in single.items():
        holds(f"data.planetscale_{name}", of(f"{name}.one").get(field) == wanted, of(f"{name}.one"))


def imported(now):
    """Each resource forgotten, then brought back by its ids: nothing is to be changed afterwards."""
    for kind in KINDS:
        address = f"planetscale_vitess_{kind}"
        values = now[address]
        keys = ["organization", "database"]
        keys += ["branch"] if "branch" in values and not kind.startswith("branch.") else []
        keys += ["name"] if kind.startswith("keyspace") else ["id"]
        expect(f"state rm {address}", 0, "state", "rm", address)
        expect(f"import {address}", 0, "import", "-var", "changed=true", address, json.dumps({key: values[key] for key in keys}))


def left():
    """Whether the database is still there."""
    request = urllib.request.Request(
        f"{E['PLANETSCALE_SERVER_URL']}/organizations/default/databases/tfshop/branches",
        headers={"Authorization": f"{E['PLANETSCALE_SERVICE_TOKEN_ID']}:{E['PLANETSCALE_SERVICE_TOKEN']}"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return [one["name"] for one in json.load(answer)["data"]]
    except urllib.error.HTTPError as error:
        return [] if error.code == 404 else [f"HTTP {error.code}"]


def main():
    changed = ["-var", "changed=true"]
    expect("apply", 0, "apply", "-auto-approve")
    expect("an empty second plan", 0, "plan", "-detailed-exitcode")
    first = state()
    data_sources(first)
    expect("a change is planned", 2, "plan", "-detailed-exitcode", *changed)
    expect("a change is applied", 0, "apply", "-auto-approve", *changed)
    expect("an empty plan after the change", 0, "plan", "-detailed-exitcode", *changed)
    second = state()
    same = all(first[f"planetscale_vitess_{kind}"].get("id") == second[f"planetscale_vitess_{kind}"].get("id") for kind in KINDS)
    holds("a change keeps what it changes", same, sorted(second))
    renamed = second["planetscale_vitess_branch.renamed"]
    holds("a branch is renamed", (renamed["name"], renamed["deletion_protected"]) == ("after", False), renamed)
    resized = second["planetscale_vitess_keyspace.carts"]
    holds("a keyspace is resized", resized["cluster_size"] == "PS_10", resized)
    imported(second)
    expect("an empty plan after the import", 0, "plan", "-detailed-exitcode", *changed)
    # The default branch goes with its database: the provider has no resource for those.
    main = "planetscale_vitess_branch.main"
    code, out, err = terraform("destroy", "-auto-approve", *changed)
    if code == 0:
        note("destroy", "works")
    elif "OFS-1106" in out + err and list(state()) == [main]:
        note("destroy", "works")
        note(f"destroy {main}", "differs", "the default branch is deleted with its database alone, not by itself")
        expect(f"state rm {main}", 0, "state", "rm", main)
        expect("destroy of what is left", 0, "destroy", "-auto-approve", *changed)
    else:
        note("destroy", "fails", f"exit {code}: {(out + err)[-3000:]}")
    holds("no other branch is left", left() in ([], ["main"]), left())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
