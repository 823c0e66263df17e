"""Clients that public generators make of openapi.yaml, as docs/clients.md says: made, checked strictly, and used.

In each language what stands on that page is run as it stands there, and then the blog (`clients/`): people sign in, are let
in and refused, told why; lists are read to their end, and a problem is a type, not a dict. Each has a folder and a server of
its own, with nothing in them, so that names may be what one would call them. Nothing that is generated is kept.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BINARY = pathlib.Path(os.environ["OUTSIDE_BINARY"]).resolve()
PAGE = (HERE.parents[1] / "docs/clients.md").read_text()
ADDRESS, PASSWORD = "http://127.0.0.1:8080", "curiouser and curiouser"
TOOLS = f"{HERE}/node_modules/.bin:{HERE}/.venv/bin"
PATIENCE = 600


def blocks(language, section):
    """The blocks of that language below that heading, one after the other."""
    below = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return "".join(re.findall(rf"^```{language}\n(.*?)^```$", below[1], re.DOTALL | re.MULTILINE))


class Generated(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rolecall-client-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.url = self.serve()

    def serve(self):
        """The address of a server that has nothing in it."""
        data = pathlib.Path(tempfile.mkdtemp(prefix="rolecall-client-"))
        self.addCleanup(shutil.rmtree, data)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ROLECALL_")}
        environment.pop("DATABASE_URL", None)
        environment |= {"ROLECALL_LISTEN": "127.0.0.1:0", "ROLECALL_ADMIN_PASSWORD": PASSWORD}
        with (data / "out").open("wb") as out, (data / "log").open("wb") as log:
            server = subprocess.Popen([BINARY], cwd=data, env=environment, stdout=out, stderr=log)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        for _ in range(5 * PATIENCE):
            if ready := re.search(r"is ready at (\S+)", (data / "out").read_text()):
                return ready[1]
            self.assertIsNone(server.poll(), (data / "log").read_text())
            time.sleep(0.2)
        self.fail("the server did not start")

    def run_here(self, command):
        """What a command in the folder printed."""
        environment = os.environ | {
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
            "OUTSIDE_URL": self.url,
            "OUTSIDE_PASSWORD": PASSWORD,
            # Nothing but the standard library, and that without C.
            "GOPROXY": "off",
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=readonly",
        }
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        self.assertEqual(ran.returncode, 0, f"{command}\n{ran.stdout}")
        return ran.stdout

    def make(self, section, language, program):
        """What the page says: the client, and a program that uses it. What the generator said."""
        for path in (HERE / "clients" / section.lower()).iterdir():
            shutil.copy(path, self.folder)
        (self.folder / program).write_text(blocks(language, section).replace(ADDRESS, self.url))
        return self.run_here(blocks("sh", section).replace(ADDRESS, self.url))

    def use(self, program, blog):
        """Both programs do what they should: that of the page tells twice what became of a role, the second time why not."""
        self.assertRegex(self.run_here(program), r"reader")
        self.assertRegex(self.run_here(program), r"already_exists")
        self.run_here(blog)

    def test_typescript(self):
        (self.folder / "node_modules").symlink_to(HERE / "node_modules")
        (self.folder / "package.json").write_text('{ "type": "module" }')
        self.assertNotIn("⚠", self.make("TypeScript", "ts", "reader.ts"))
        self.run_here("tsc")
        self.use("node reader.js", "node blog.js")

    def test_python(self):
        said = self.make("Python", "python", "reader.py")
        self.assertNotRegex(said, r"WARNING|Unable to")
        self.run_here("mypy reader.py blog.py rolecall_client")
        self.use("python reader.py", "python blog.py")

    def test_go(self):
        said = self.make("Go", "go", "reader.go")
        self.assertNotRegex(said, r"(?m)^\[main\] (WARN|ERROR)")
        self.run_here("go vet ./rolecall && go vet reader.go && go vet blog.go")
        self.use("go run reader.go", "go run blog.go")
