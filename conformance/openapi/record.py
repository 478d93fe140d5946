"""Stands between a client and the server at OFFSHOOT_API_URL and writes each exchange with `/v1` as one JSON line.

Arguments: the file to write to, the port to listen on. What is written has method, path, status, type and body of the
answer: no headers, and no secrets of requests.
"""

import http.client
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SERVER = urlsplit(os.environ["OFFSHOOT_API_URL"]).netloc
# Headers of one connection, which are not passed on.
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length", "host"}
SECRETS = {"plain_text", "token", "secret", "username", "plain_text_refresh_token"}
lock = threading.Lock()


def hidden(value):
    """The body without its secrets; their types stay."""
    if isinstance(value, dict):
        return {k: "hidden" if k in SECRETS and isinstance(v, str) else hidden(v) for k, v in value.items()}
    return [hidden(one) for one in value] if isinstance(value, list) else value


class Between(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            while size := int(self.rfile.readline().strip() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP | {"accept-encoding"}}
        server = http.client.HTTPConnection(SERVER, timeout=300)
        server.request(self.command, self.path, body, headers)
        answer = server.getresponse()
        told = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)
        server.close()
        path = urlsplit(self.path).path
        if path.startswith("/v1/"):
            self.write(path, answer.status, answer.getheader("Content-Type"), told)

    def write(self, path, status, kind, told):
        try:
            body = hidden(json.loads(told)) if told else None
        except ValueError:
            body = {"not JSON": len(told)}
        line = {"method": self.command, "path": path, "status": status, "type": kind, "body": body}
        with lock, open(sys.argv[1], "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Between).serve_forever()
