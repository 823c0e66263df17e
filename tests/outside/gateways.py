"""nginx and Caddy, set up as docs/gateways.md says, in front of a service that knows nothing of Rolecall."""

import base64
import http.client
import http.server
import json
import os
import pathlib
import secrets
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request

from pages import block
from server import PASSWORD, URL, call, sign_in

ROLECALL = URL.removeprefix("http://")
PATIENCE = 60


class Service(http.server.BaseHTTPRequestHandler):
    """Says what it was asked; anyone may."""

    seen = []

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        self.seen.append({"method": self.command, "path": self.path, "headers": self.headers.items(), "body": body})
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def serve():
    """The address of a new service."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_port}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def person(name):
    """Somebody's token."""
    form = urllib.parse.urlencode({"grant_type": "password", "username": name, "password": PASSWORD})
    with urllib.request.urlopen(URL + "/oauth/token", form.encode()) as answer:
        return json.load(answer)["access_token"]


class Cast:
    """People for these tests, who leave no trace."""

    def __init__(self, case):
        self.case, self.token = case, sign_in()["access_token"]
        self.make("permissions", {"name": "articles:read"})
        self.make("permissions", {"name": "articles:create"})
        self.make("permissions", {"name": "articles:update"})
        self.make("roles", {"name": "gateway-author", "permissions": ["articles:read", "articles:create"]})
        for name in ["gateway-alice", "gateway-bob"]:
            self.make("users", {"username": name, "password": PASSWORD, "roles": ["gateway-author"]})

    def make(self, kind, new):
        status, body = call("POST", f"/v1/{kind}", self.token, new)
        name = new.get("name") or new.get("username")
        if status == 201:
            self.case.addClassCleanup(call, "DELETE", f"/v1/{kind}/{name}", self.token)
        else:
            assert (status, kind) == (409, "permissions"), body


class Gateway:
    """What must hold with any of them."""

    @classmethod
    def setUpClass(cls):
        cast = Cast(cls)
        cls.admin, cls.alice = cast.token, person("gateway-alice")
        cls.port = cls.start(ROLECALL)

    @classmethod
    def start(cls, rolecall):
        """The port of a new gateway."""
        port, folder = free_port(), tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        folder = pathlib.Path(folder.name)
        config = cls.config(folder, port).replace("127.0.0.1:8080", rolecall).replace("127.0.0.1:3000", serve())
        (folder / "config").write_text(config)
        homes = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(cls.command(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=os.environ | homes)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return port
            except OSError:
                time.sleep(0.05)
        raise AssertionError((folder / "log").read_text())

    def ask(self, method="GET", target="/articles/1", token=None, headers=(), body=None, port=None):
        """The answer, and what the service saw, if anything. To the letter: no library tidies the request."""
        mark = secrets.token_hex()
        lines = [f"{method} {target} HTTP/1.1", "Host: service.example", f"X-Mark: {mark}", *headers]
        lines += [f"Authorization: Bearer {token}"] if token else []
        lines += [f"Content-Length: {len(body)}"] if body is not None else []
        if not any(line.lower().startswith("connection:") for line in lines):
            lines.append("Connection: close")
        with socket.create_connection(("127.0.0.1", port or self.port), timeout=PATIENCE) as connection:
            connection.sendall("\r\n".join([*lines, "", body or ""]).encode())
            answer = http.client.HTTPResponse(connection, method=method)
            answer.begin()
            answer.text = answer.read().decode()
        seen = [request for request in Service.seen if ("X-Mark", mark) in request["headers"]]
        self.assertLessEqual(len(seen), 1, "one request is one request")
        return answer, seen[0] if seen else None

    def passes(self, *arguments, **more):
        answer, seen = self.ask(*arguments, **more)
        self.assertEqual(answer.status, 200, answer.text)
        return seen

    def refused(self, status, *arguments, **more):
        answer, seen = self.ask(*arguments, **more)
        self.assertIsNone(seen, arguments[:2])
        self.assertIn(answer.status, status if isinstance(status, range) else [status], (arguments[:2], answer.text))
        return answer

    def identity(self, seen):
        """Who the service thinks it is, if it reads headers as CGI and WSGI do: there _ is -."""
        plain = [(name.lower().replace("_", "-"), value) for name, value in seen["headers"]]
        own = [(name, value) for name, value in plain if name.startswith("x-rolecall-") and value]
        self.assertEqual(len(own), len(dict(own)), f"each once: {own}")
        return dict(own)

    def expected(self):
        return {
            "x-rolecall-subject": claims(self.alice)["sub"],
            "x-rolecall-client": "rolecall",
            "x-rolecall-roles": "gateway-author",
            "x-rolecall-permissions": "articles:create articles:read",
        }

    def test_who_may_passes_and_the_service_knows_who_it_is(self):
        for method, target in [("GET", "/articles/1?page=2&q=a%2Fb"), ("HEAD", "/articles/a%3Ab/"), ("GET", "/")]:
            seen = self.passes(method, target, self.alice)
            self.assertEqual((seen["method"], seen["path"]), (method, target))
            self.assertEqual(self.identity(seen), self.expected())
            self.assertNotIn("authorization", [name.lower() for name, _ in seen["headers"]], "it needs no token")
        seen = self.passes("POST", "/articles", self.alice, body="once upon a time")
        self.assertEqual((seen["method"], seen["body"]), ("POST", "once upon a time"))

    def test_who_may_not_is_told_what_is_missing(self):
        answer = self.refused(403, "PUT", "/articles/1", self.alice, body="x")
        self.assertEqual(answer.getheader("WWW-Authenticate"), 'Bearer error="insufficient_scope", scope="articles:update"')
        for method, target in [("DELETE", "/articles/1"), ("GET", "/admin"), ("POST", "/")]:
            self.refused(403, method, target, self.alice)
            self.refused(403, method, target, self.admin)

    def test_without_a_good_token_nobody_passes(self):
        self.assertEqual(self.refused(401).getheader("WWW-Authenticate"), "Bearer")
        self.refused(401, target="/admin")
        altered = self.refused(401, token=self.alice[:-8] + "AAAAAAAA")
        self.assertIn("invalid_token", altered.getheader("WWW-Authenticate"))
        self.refused(401, headers=["Authorization: Basic YWRtaW46YWRtaW4="])
        self.refused(401, headers=[f"Cookie: access_token={self.alice}"])
        self.refused(401, target=f"/articles/1?access_token={self.alice}")
        self.refused(range(400, 402), headers=["Authorization: Bearer x"], token=self.alice)

    def test_nobody_can_say_who_they_are_or_what_they_ask_for(self):
        kinds = ["Subject", "Client", "Roles", "Permissions"]
        spellings = ["X-Rolecall-{}", "x-rolecall-{}", "X_Rolecall_{}", "X-Rolecall_{}", "X_ROLECALL-{}"]
        forged = [f"{spelling.format(kind)}: admin" for kind in kinds for spelling in spellings]
        self.assertEqual(self.identity(self.passes(token=self.alice, headers=forged)), self.expected())
        self.assertEqual(self.identity(self.passes(target="/health", headers=forged)), {}, "nor where there is no check")
        self.refused(401, headers=forged)
        elsewhere = ["X-Forwarded-Method: GET", "X-Forwarded-Uri: /articles/1", "X-Original-Method: GET",
                     "X-Original-URI: /articles/1", "X-Rewrite-URL: /articles/1", "X_Forwarded_Uri: /articles/1"]
        self.refused(403, "PUT", "/articles/1", self.alice, elsewhere)
        self.refused(403, "GET", "/admin", self.alice, elsewhere * 2)

    def test_nobody_can_have_the_gateway_take_headers_away(self):
        names = "X-Rolecall-Subject, X-Rolecall-Roles, X-Forwarded-Uri, X-Forwarded-Method, Authorization"
        for connection in [f"Connection: close, {names}", f"Connection: {names}, close"]:
            seen = self.passes(token=self.alice, headers=[connection])
            self.assertEqual(self.identity(seen), self.expected())
            self.refused(403, "PUT", "/articles/1", self.alice, [connection])

    def test_a_method_is_what_the_request_says(self):
        override = [f"{name}: DELETE" for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]]
        seen = self.passes("POST", "/articles", self.alice, override, body="")
        self.assertNotIn("DELETE", [value for _, value in seen["headers"]])
        for method in ["get", "Get", "gET"]:
            self.refused(range(400, 406), method, "/articles/1", self.alice)

    def test_a_path_that_may_be_read_in_two_ways_does_not_pass(self):
        for target in [
            "/articles/../admin", "/articles/%2e%2e/admin", "/articles/..%2fadmin", "/articles/..%5cadmin", "/articles/..\\admin",
            "/articles/..;/admin", "/articles/drafts;x/1", "/articles/%2564rafts", "/articles/drafts%2f1", "//articles/1",
            "/articles//drafts", "/articles/./drafts", "/articles/Drafts/1", "/articles/%64rafts/1", "/articles/drafts.",
            "/articles/drafts%20", "/articles/drafts%00", "/articles/%ef%bd%84rafts/1", "/articles/draft%C5%BF/1",
            "/articles/1%0d%0aX-Forwarded-Uri:%20/", "*", "articles/1", "//service.example/articles/1",
            "/health/../articles/drafts", "/health%2f..%2farticles%2fdrafts", "/HEALTH/../admin", "/_rolecall",
            "/articles/" + "a" * 9000, "/articles/" + "a" * 100_000,
        ]:
            self.refused(range(400, 500), "GET", target, self.alice)

    def test_a_path_for_everybody_leads_nowhere_else(self):
        reached = []
        for target in ["/health", "/health?a=b", "/articles/../health", "/articles/drafts/../../health", "/admin/..;/health",
                       "/admin/%2e%2e/health", "/admin/..%2fhealth", "//health", "/HEALTH", "/%68ealth", "/health/",
                       "/health/../admin", "/health;/admin", "/health/..%2fadmin", "/_rolecall", "/@forbidden"]:
            _, seen = self.ask(target=target)
            reached += [seen["path"].split("?")[0]] if seen else []
        self.assertIn("/health", reached)
        self.assertEqual(set(reached), {"/health"})

    def test_an_absolute_target_is_its_path(self):
        self.assertEqual(self.passes("GET", "http://service.example/articles/1", self.alice)["path"], "/articles/1")
        self.refused(403, "GET", "http://service.example/articles/drafts", self.alice)
        self.refused(403, "GET", "http://127.0.0.1/admin?/articles/1", self.alice)

    def test_a_body_is_not_taken_for_a_request(self):
        inner = f"DELETE /articles/drafts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.alice}\r\n\r\n"
        for headers, body in [
            (["Content-Length: 5", "Transfer-Encoding: chunked"], f"0\r\n\r\n{inner}"),
            (["Transfer-Encoding: chunked", f"Content-Length: {len(inner) + 5}"], f"0\r\n\r\n{inner}"),
            ([f"Content-Length: {len(inner)}"], inner),
            (["Content-Length: 0", f"Content-Length: {len(inner)}"], inner),
            (["Transfer-Encoding: xchunked", f"Content-Length: {len(inner)}"], inner),
        ]:
            lines = ["POST /articles HTTP/1.1", "Host: x", f"Authorization: Bearer {self.alice}", *headers, "", body]
            with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
                connection.sendall("\r\n".join(lines).encode())
                self.assertTrue(connection.recv(65536), "an answer, or a refusal")
        self.passes(token=self.alice)
        self.assertNotIn("DELETE", [seen["method"] for seen in Service.seen])

    def test_what_is_taken_away_is_gone_with_the_next_request(self):
        bob = person("gateway-bob")
        self.passes(token=bob)
        self.assertEqual(call("DELETE", "/v1/users/gateway-bob/roles/gateway-author", self.admin)[0], 204)
        self.assertIn("invalid_token", self.refused(401, token=bob).getheader("WWW-Authenticate"))
        again = person("gateway-bob")
        self.refused(403, token=again)
        self.passes(target="/", token=again)
        self.assertEqual(call("PUT", "/v1/users/gateway-bob/roles/gateway-author", self.admin)[0], 204)
        last = person("gateway-bob")
        self.passes(token=last)
        self.assertEqual(call("DELETE", f"/v1/me/sessions/{claims(last)['sid']}", last)[0], 204)
        self.refused(401, token=last)

    def test_with_rolecall_away_nobody_passes(self):
        away = self.start(f"127.0.0.1:{free_port()}")
        self.refused(range(500, 505), token=self.alice, port=away)
        self.passes(target="/health", port=away)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            stuck = self.start(f"127.0.0.1:{silent.getsockname()[1]}")
            self.refused(range(500, 505), token=self.alice, port=stuck)

    def test_a_preflight_is_answered_by_the_gateway_and_no_other_request_is(self):
        origin = ["Origin: https://app.example", "Access-Control-Request-Method: PUT"]
        answer = self.refused(204, "OPTIONS", "/articles/1", headers=origin)
        self.assertEqual(answer.getheader("Access-Control-Allow-Origin"), "https://app.example")
        self.refused(401, "GET", "/articles/1", headers=origin)


class Nginx(Gateway, unittest.TestCase):
    @staticmethod
    def config(folder, port):
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in
                            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
        site = block("gateways.md", "nginx").replace("listen 80;", f"listen 127.0.0.1:{port};")
        return f"user root;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n"

    @staticmethod
    def command(folder):
        return ["nginx", "-p", folder, "-e", folder / "errors", "-c", folder / "config",
                "-g", "daemon off; worker_processes 1;"]


class Caddy(Gateway, unittest.TestCase):
    @staticmethod
    def config(_folder, port):
        site = block("gateways.md", "caddy").replace(":80 {", f"http://:{port} {{\n\tbind 127.0.0.1", 1)
        return "{\n\tadmin off\n\tauto_https off\n}\n" + site

    @staticmethod
    def command(folder):
        return ["caddy", "run", "--config", folder / "config", "--adapter", "caddyfile"]


if __name__ == "__main__":
    unittest.main()
