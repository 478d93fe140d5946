"""Logs in through the OIDC provider, with a browser that is a few requests: a program of our own, then `pscale`.

    check.py email|refused WORDS NAME...

The server is at `OFFSHOOT_API_URL`. `refused`: nobody gets in, and the page says these words.
"""

import html
import http.cookiejar
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SERVER = os.environ["OFFSHOOT_API_URL"].rstrip("/")
PATIENCE = 60


class Browser:
    """Keeps cookies and follows redirects; knows forms, and the one link of a page that leads on."""

    def __init__(self):
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
        self.text, self.address = "", ""

    def open(self, address, form=None):
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            answer = self.opener.open(address, data, timeout=PATIENCE)
        except urllib.error.HTTPError as refused:
            answer = refused
        self.text, self.address = answer.read().decode(), answer.url

    def found(self, pattern):
        match = re.search(pattern, self.text)
        if match is None:
            raise ValueError(f"{pattern} is not in the page of {self.address}: {self.text}")
        return html.unescape(match.group(1))

    def post(self, path, code, **more):
        proof = self.found(r'name="proof" value="([^"]*)"')
        self.open(SERVER + path, {"user_code": code, "proof": proof, **more})

    def log_in(self, code, name):
        """From the link that a program shows to the page that asks whether it is allowed, or says why not."""
        self.open(f"{SERVER}/oauth/device?user_code={code}")
        self.post("/oauth/oidc", code)
        self.open(self.found(r'<a href="([^"]*)"'))
        # The provider's own pages: who it is, then whether it may tell.
        self.open(self.found(r'action="([^"]*)"'), {"prompt": "login", "login": name, "password": "any"})
        while "/interaction/" in self.address:
            self.open(self.found(r'action="([^"]*)"'), {"prompt": "consent"})

    def allow(self, code):
        self.post("/oauth/device/decision", code, decision="allow")
        return "Allowed" in self.text


def send(path, form):
    browser = Browser()
    browser.open(SERVER + path, form)
    return json.loads(browser.text)


def begin():
    return send("/oauth/authorize_device", {"client_id": "check", "scope": "read_user"})


def program(name, email):
    """A program that gets a session for that account, and acts for that user."""
    device = begin()
    browser = Browser()
    browser.log_in(device["user_code"], name)
    assert email in browser.text, browser.text
    assert browser.allow(device["user_code"]), browser.text
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "check", "device_code": device["device_code"]}
    token = send("/oauth/token", form)["access_token"]
    request = urllib.request.Request(SERVER + "/v1/user", headers={"authorization": f"Bearer {token}"})
    user = json.load(Browser().opener.open(request, timeout=PATIENCE))
    assert (user["email"], user["sso"]) == (email, True), user


def refused(name, words):
    browser = Browser()
    browser.log_in(begin()["user_code"], name)
    assert words in browser.text and "Allow" not in browser.text, browser.text


def pscale(name, email):
    """`pscale auth login`, as conformance/pscale does it, but for the way into the page."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pscale"))
    import cli
    import login

    def allow(code):
        browser = Browser()
        browser.log_in(code, name)
        return browser.allow(code)

    login.logins(allow, email)
    return cli.report()


def main(what, *args):
    if what == "refused":
        words, *names = args
        for name in names:
            refused(name, words)
            print(f"{name} is turned away: {words}")
        return 0
    [name] = args
    started = time.monotonic()
    program(name, what)
    print(f"{name} is {what}, after {time.monotonic() - started:.1f} s")
    return pscale(name, what) if os.environ.get("PSCALE") else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
