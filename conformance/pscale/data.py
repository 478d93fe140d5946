"""What `pscale` sends through the HTTP data API: connect, shell, sql, database dump and restore-dump.

Over TLS: the CLI verifies the server's certificate with the private CA, which `SSL_CERT_FILE` names.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from cli import PSCALE, does, note, reads, run, said, until


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def query(database, branch, text, *more):
    """Rows of one statement as `pscale sql` tells them."""
    code, out, err = run(("sql", database, branch, "--query", text, *more), "json")
    return json.loads(out)["rows"] if code == 0 else said(out, err)


def holds(args, fine, seen):
    note(args, "works" if fine else "fails", None if fine else str(seen)[:2000])


def sql(database, branch):
    admin = ("--role", "admin")
    does("sql", database, branch, "--query", "CREATE TABLE pets (id INT PRIMARY KEY, name VARCHAR(40), photo BLOB)", *admin)
    does("sql", database, branch, "--query", "INSERT INTO pets VALUES (1, 'Ada 🐬', x'00ff'), (2, NULL, NULL)", *admin, check=lambda told: told["rows_affected"] == 2)
    # The CLI itself has no CSV for rows.
    reads("sql", database, branch, "--query", "SELECT id, name FROM pets ORDER BY id", check=lambda told: told["row_count"] == 2 and told["rows"][0]["name"] == "Ada 🐬", forms=("human",))
    reads("sql", database, branch, "--replica", "--query", "SELECT COUNT(*) AS n FROM pets", check=lambda told: told["row_count"] == 1, forms=("human",))
    for text, word in (("INSERT INTO pets VALUES (3, 'x', NULL)", "denied"), ("SELECT * FROM nowhere", "1146")):
        args = ("sql", database, branch, "--query", text)
        code, out, err = run(args, "json")
        holds((*args, "(an error)"), code == 2 and word in out, f"exit {code}: {said(out, err)}")
    args = ("sql", database, branch, "--query", "DELETE FROM pets WHERE id = 2", *admin)
    code, out, err = run(args, "json")
    holds((*args, "(asks for --force)"), code != 0 and len(query(database, branch, "SELECT id FROM pets")) == 2, f"exit {code}: {said(out, err)}")
    does(*args, "--force")


def connect(database, branch):
    """A child with the URL of a local listener, and a listener that other clients use."""
    child = "import os, sys; print(os.environ['DATABASE_URL'], os.environ['PLANETSCALE_DATABASE_NAME'], os.environ['PLANETSCALE_BRANCH_NAME']); sys.exit(%d)"
    for wanted in (0, 7):
        args = ("connect", database, branch, "--port", str(port()), "--execute", f'{sys.executable} -c "{child % wanted}"')
        code, out, err = run(args, "human")
        fine = code == wanted and f"mysql2://root@127.0.0.1:" in out and f"/{database} {database} {branch}" in out
        holds(("connect", database, branch, "--execute", f"(a program that exits with {wanted})"), fine, f"exit {code}: {said(out, err)}")
    mysql = shutil.which("mysql")
    if not mysql:
        print("SKIP: pscale connect and shell with a client (mysql is not on this machine)", file=sys.stderr)
        return
    at = port()
    log = tempfile.TemporaryFile("w+")
    server = subprocess.Popen([PSCALE, "connect", database, branch, "--port", str(at)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        listening = until(30, lambda: socket.socket().connect_ex(("127.0.0.1", at)) == 0 or server.poll() is not None) and server.poll() is None
        statements = "BEGIN; INSERT INTO pets VALUES (9, 'tx', NULL); ROLLBACK; SET @a = 41; SELECT @a + 1, COUNT(*) FROM pets"
        done = subprocess.run([mysql, "-h", "127.0.0.1", "-P", str(at), "-u", "root", "-N", database, "-e", statements], capture_output=True, text=True, timeout=60)
        log.seek(0)
        fine = listening and done.returncode == 0 and done.stdout.split() == ["42", "1"]
        holds(("connect", database, branch), fine, (done.stdout, done.stderr, log.read()))
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
    gone = until(20, lambda: not any(one["name"].startswith("pscale-cli-connect") for one in json.loads(run(("password", "list", database, branch), "json")[1] or "[]")))
    holds(("connect", database, branch, "(its password is deleted at the end)"), gone, "the password is still there")
    for role, wanted in (("admin", "1"), ("reader", "1")):
        args = ("shell", database, branch, "--role", role)
        code, out, err = run(args, "human", stdin="SELECT COUNT(*) AS pets FROM pets;\n", PSCALE_ALLOW_NONINTERACTIVE_SHELL="1")
        holds(args, code == 0 and wanted in out, f"exit {code}: {said(out, err)}")


def dump(database, branch):
    """A dump restored into another branch has the same rows."""
    for n in range(8):
        values = ", ".join(f"({100 + n * 500 + i}, 'it''s {i} \\\\ 🐬', x'{i:08x}')" for i in range(500))
        run(("sql", database, branch, "--role", "admin", "--query", f"INSERT INTO pets VALUES {values}"), "json")
    run(("sql", database, branch, "--role", "admin", "--query", "CREATE VIEW named AS SELECT id, name FROM pets WHERE name IS NOT NULL"), "json")
    checksum = "SELECT COUNT(*) AS n, BIT_XOR(CRC32(CONCAT_WS('|', id, name, HEX(photo)))) AS c FROM pets"
    before = query(database, branch, checksum)
    with tempfile.TemporaryDirectory() as into:
        for form in ("sql", "json", "csv"):
            folder = f"{into}/{form}"
            code, out, err = run(("database", "dump", database, branch, "--output", folder, "--output-format", form), "human")
            files = sorted(path.name for path in Path(folder).glob("*"))
            fine = code == 0 and any(f".pets.0" in name and name.endswith(form) for name in files)
            holds(("database", "dump", database, branch, "--output-format", form), fine, f"exit {code}, {files}: {said(out, err)}")
        does("branch", "create", database, "copy", "--from", "main", "--wait")
        code, out, err = run(("database", "restore-dump", database, "copy", "--dir", f"{into}/sql"), "human")
        after = query(database, "copy", checksum)
        view = query(database, "copy", "SELECT COUNT(*) AS n FROM named")
        fine = code == 0 and before == after and isinstance(view, list) and str(view[0]["n"]) == "4001"
        holds(("database", "restore-dump", database, "copy", "--dir", "DUMP"), fine, f"exit {code}, {before}, {after}, {view}: {said(out, err)}")
        does("branch", "delete", database, "copy", "--force")


def inspect(database, branch):
    """Checks of the engine's own tables: with role reader, which the CLI takes by itself, and with admin."""
    for check in ("table-sizes", "index-sizes", "unused-indexes", "redundant-indexes", "long-running-queries", "locks", "bloat", "seq-scans"):
        args = ("inspect", check, database, branch)
        code, out, err = run(args, "json")
        if code == 2 and "(errno 1142)" in out:
            note(args, "differs", "readers see nothing of the schemas `mysql` and `sys`: `--role admin` works")
        else:
            holds(args, code == 0, said(out, err))
    reads("inspect", "all", database, branch, "--role", "admin", forms=("human",))


def main(database, branch):
    if not os.environ.get("SSL_CERT_FILE"):
        raise SystemExit("SSL_CERT_FILE must name the server's CA")
    sql(database, branch)
    connect(database, branch)
    dump(database, branch)
    inspect(database, branch)
