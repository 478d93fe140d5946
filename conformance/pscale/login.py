"""`pscale auth login` and what follows, with a browser that is a few requests."""

import html
import http.cookiejar
import json
import os
import pty
import re
import select
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

from cli import PSCALE, note, said

ADMIN = "admin@localhost"
CODE = re.compile(r"\b[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}\b")
PATIENCE = 60


def logins(allow=None, email=ADMIN):
    """Logs in, is somebody, logs out, is nobody. `allow`: what the user does in the browser for a code."""
    with tempfile.TemporaryDirectory() as home:
        env = {name: value for name, value in os.environ.items() if not name.startswith("PLANETSCALE_SERVICE_TOKEN")}
        # No browser is started, also where there is one.
        env |= {"HOME": home, "XDG_CONFIG_HOME": home, "BROWSER": "true", "TERM": "dumb", "PSCALE_DISABLE_DEV_WARNING": "true"}
        url = env["PLANETSCALE_API_URL"]
        login(env, ("auth", "login", "--api-url", url), allow or with_password)
        expect(env, ("api", "user"), 0, lambda told: told["email"] == email, " (logged in)")
        expect(env, ("org", "list", "--format", "json"), 0, lambda told: told[0]["name"] == "default", " (logged in)")
        expect(env, ("auth", "logout", "--api-url", url), 0)
        expect(env, ("org", "list", "--format", "json"), 1, name=" (logged out)")


def login(env, args, allow):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([PSCALE, *args], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True)
    os.close(theirs)
    told, allowed = "", None
    end = time.monotonic() + PATIENCE
    try:
        while process.poll() is None and time.monotonic() < end:
            if not select.select([ours], [], [], 0.2)[0]:
                continue
            try:
                told += os.read(ours, 65536).decode(errors="replace")
            except OSError:
                break
            code = CODE.search(told)
            if code and allowed is None:
                allowed = allow(code.group())
        status = process.wait(timeout=max(0.1, end - time.monotonic()))
        shown("auth login", None if status == 0 and allowed else f"exit {status}, {allowed}: {said(told, '')}")
    except (subprocess.TimeoutExpired, OSError, AttributeError, ValueError) as failure:
        shown("auth login", f"{failure!r}: {said(told, '')}")
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def with_password(code):
    """What the user does in the browser; whether the program is allowed."""
    with open(os.path.join(os.environ["OFFSHOOT_DATA_DIR"], "admin-password")) as file:
        email, password = file.read().strip().split(":", 1)
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = os.environ["PLANETSCALE_API_URL"].rstrip("/") + "/oauth/device"
    form = {"user_code": code}
    text = browser.open(f"{page}?{urllib.parse.urlencode(form)}").read().decode()
    for path, more in (("", {"email": email, "password": password}), ("/decision", {"decision": "allow"})):
        proof = html.unescape(re.search(r'name="proof" value="([^"]*)"', text).group(1))
        data = urllib.parse.urlencode(form | {"proof": proof} | more).encode()
        text = browser.open(page + path, data).read().decode()
    return "Allowed" in text


def expect(env, args, status, check=lambda told: True, name=""):
    done = subprocess.run([PSCALE, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    fine = done.returncode == status
    if fine and status == 0 and "logout" not in args:
        try:
            fine = check(json.loads(done.stdout))
        except (ValueError, KeyError, IndexError, TypeError):
            fine = False
    words = " ".join(args[:2]) + name
    shown(words, None if fine else f"exit {done.returncode}: {said(done.stdout, done.stderr)}")


def shown(words, wrong):
    note(words.split(), "fails" if wrong else "works", wrong)
