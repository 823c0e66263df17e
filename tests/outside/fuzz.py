"""Schemathesis asks for everything that the document describes, and for much that it doesn't, and finds nothing wrong.

As nobody, as an administrator and as a user with few rights: each has a server of its own, since what is asked for is done.
`fuzz/hooks.py` signs them in, and `fuzz/rules.py` says what is no fault.
"""

import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).parent / "fuzz"
BINARY = pathlib.Path(os.environ["OUTSIDE_BINARY"]).resolve()
# To look for more than the gate does: another seed, more examples an operation.
SEED = os.environ.get("FUZZ_SEED", "1")
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "15")
PATIENCE = float(os.environ.get("FUZZ_SECONDS", "600"))
STARTS_WITHIN = 30


class Fuzz(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        # Not one that stands in an example: nobody is to change it by trying those.
        self.password = secrets.token_urlsafe(18)
        self.settings = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
            "ROLECALL_LISTEN": "127.0.0.1:0",
            "ROLECALL_DATA_DIR": str(self.folder / "data"),
            "ROLECALL_ADMIN_PASSWORD": self.password,
            # Callers sign in by the second.
            "ROLECALL_ARGON2": "m=32,t=1,p=1",
        }
        with open(self.folder / "out", "w") as out, open(self.folder / "log", "w") as log:
            self.server = subprocess.Popen([BINARY], env=self.settings, cwd=self.folder, stdout=out, stderr=log)
        self.addCleanup(self.stop)
        self.url = self.ready()

    def ready(self):
        until = time.monotonic() + STARTS_WITHIN
        while self.server.poll() is None and time.monotonic() < until:
            if ready := re.search(r"ready at (\S+)", (self.folder / "out").read_text()):
                return ready[1]
            time.sleep(0.1)
        self.fail((self.folder / "log").read_text())

    def stop(self):
        self.server.terminate()
        return self.server.wait(PATIENCE)

    def ask(self, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} if token else {}
        body = json.dumps(body) if token else urllib.parse.urlencode(body)
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body.encode(), headers)) as answer:
            return json.load(answer)

    def make_something_to_look_at(self):
        form = {"grant_type": "password", "username": "admin", "password": self.password}
        admin = self.ask("/oauth/token", form)["access_token"]
        self.ask("/v1/permissions", {"name": "articles:update"}, admin)
        for role, permissions in [("editor", ["articles:update"]), ("few", ["users:read", "roles:read", "access:read"])]:
            self.ask("/v1/roles", {"name": role, "permissions": permissions}, admin)
        for username, role in [("alice", "editor"), ("few", "few")]:
            self.ask("/v1/users", {"username": username, "password": self.password, "roles": [role]}, admin)

    def schemathesis(self, caller):
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run", "--no-color",
                   "--checks", "all", "--max-examples", EXAMPLES, "--seed", SEED, "--continue-on-failure",
                   "--generation-database", "none", self.url + "/openapi.json"]
        told = {"FUZZ_CALLER": caller, "FUZZ_URL": self.url, "FUZZ_PASSWORD": self.password, "FUZZ_BINARY": str(BINARY),
                "PYTHONPATH": str(HERE)}
        ran = subprocess.run(command, env=self.settings | told, cwd=self.folder, timeout=PATIENCE, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        return ran.stdout

    def statuses(self):
        lines = [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]
        self.assertEqual([line for line in lines if line["level"] == "ERROR"], [])
        return [line["status"] for line in lines if line["message"] == "request"]

    def finds_nothing(self, caller, succeed):
        """`succeed`: the share of requests that do, at least, or they would only have been turned away."""
        if caller != "admin":
            self.make_something_to_look_at()
        report = self.schemathesis(caller)
        self.assertRegex(report, r"Selected: (\d+)/\1\s+Tested: \1\b", "every operation")
        self.assertIsNone(self.server.poll(), "it is alive")
        self.assertEqual(self.stop(), 0, "it stops well")
        statuses = self.statuses()
        self.assertEqual([status for status in statuses if status >= 500], [])
        self.assertGreater(sum(status < 300 for status in statuses) / len(statuses), succeed)
        ledger = subprocess.run([BINARY, "ledger", "verify"], env=self.settings, cwd=self.folder, capture_output=True, text=True)
        self.assertIn("The ledger is sound", ledger.stdout, ledger.stderr)

    def test_as_nobody(self):
        self.finds_nothing("anonymous", 0)

    def test_as_an_administrator(self):
        self.finds_nothing("admin", 0.15)

    def test_as_a_user_with_few_rights(self):
        self.finds_nothing("few", 0.02)


if __name__ == "__main__":
    unittest.main()
