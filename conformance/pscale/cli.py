"""Runs PlanetScale's CLI and keeps what came of each command.

`PSCALE` names the program; the server is at `PLANETSCALE_API_URL`, with a service token in the environment.
"""

import csv
import io
import json
import os
import subprocess
import sys
import time

PSCALE = os.environ.get("PSCALE", "pscale")
rows, ids = [], set()


def run(args, form, stdin=None, **env):
    """Exit code, standard output and standard error of one command."""
    done = subprocess.run(
        [PSCALE, *args, "--format", form],
        stdin=subprocess.DEVNULL if stdin is None else None,
        input=stdin,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


def note(args, outcome, reason=None):
    what = " ".join("ID" if word in ids else word for word in args)
    rows.append({"client": "pscale", "method": what, "outcome": outcome, **({"reason": reason} if reason else {})})
    if outcome == "fails":
        print(f"FAILED: pscale {' '.join(args)}\n  {reason}", file=sys.stderr)


def report():
    """One JSON line for each command; 1 when one of them failed."""
    for row in rows:
        print(json.dumps(row))
    failed = sum(row["outcome"] == "fails" for row in rows)
    print(f"pscale: {len(rows)} commands, {failed} failed", file=sys.stderr)
    return 1 if failed else 0


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


def reads(*args, check=lambda told: True, forms=("human", "csv")):
    """Shows something: in JSON and in the other formats."""
    told = does(*args, check=check)
    for form in forms:
        code, out, err = run(args, form)
        fine = code == 0 and (form == "human" or len(list(csv.reader(io.StringIO(out)))) > 0)
        if not fine:
            rows.pop()
            note(args, "fails", f"{form}, exit {code}: {said(out, err)}")
            return told
    return told


def refused(*args, code="unprocessable", wrong=False):
    """Has no meaning here, or is not there yet: a sentence, exit 2, and the API's code. `wrong`: it ought to be refused."""
    status, out, err = run(args, "json")
    try:
        issues = json.loads(out)["issues"]
        codes = [issue["code"] for issue in issues]
    except (ValueError, KeyError, TypeError):
        issues, codes = [], []
    if status == 2 and any(code.upper() in c.upper() for c in codes):
        if wrong:
            note((*args, "(refused)"), "works")
        else:
            note(args, "refused", issues[0]["message"])
    else:
        note(args, "fails", f"exit {status}, {codes}: {said(out, err)}")


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
