"""One shell session in an empty folder, as somebody has who reads a page and types what it says.

What is different from that person's machine, and nothing else:

- `rolecall` is the binary under test, and so is `cargo run --release` (what follows `--` are its arguments); the service in
  guard/examples is built already, too;
- the folder isn't empty: it has docs/, as the folder of the source does;
- each address 127.0.0.1:8080, 127.0.0.1:8081 … is one with a port that is free;
- PostgreSQL at 127.0.0.1:5432 is the one in TEST_DATABASE_URL, also for psql and its kin, and a name there that begins
  with `rolecall_` gets an ending of its own; such databases and roles are dropped afterwards;
- a block that is a command which serves, and nothing else, runs in the background: a person has a second terminal;
- the words `the password it printed` stand for that;
- `python3` is the one that runs the tests, which has what the examples import;
- curl is silent but for errors, as it is on a terminal, and what it was answered is noted.
"""

import contextlib
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

SERVES = re.compile(r"^(?:\w+=(?:'[^']*'|\S+) )*(?:rolecall|cargo run --release(?: --)?|cargo run --package rolecall-guard --example articles)(?: --[a-z-]+ \S+)*$")
PATIENCE = 180

CARGO = """#!/bin/sh
case "$*" in
    "run --release"*) program=rolecall; shift 2 ;;
    "run --package rolecall-guard --example articles"*) program=articles; shift 5 ;;
    *) echo "this is not run here: cargo $*" >&2; exit 1 ;;
esac
[ "$1" != -- ] || shift
exec $program "$@"
"""
CURL = """#!/bin/sh
exec "{curl}" --no-progress-meter -D "$DOCS_ANSWERS/$$" "$@"
"""
PYTHON = f"""#!/bin/sh
exec "{sys.executable}" "$@"
"""


class Shell:
    def __init__(self, binary: pathlib.Path, database: str, page: str):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rolecall-docs-"))
        self.answers = self.folder / "answers"
        self.database = urllib.parse.urlsplit(database)
        self.ending = "_" + secrets.token_hex(4)
        places = {"127.0.0.1:8080", *re.findall(r"\b127\.0\.0\.1:80\d\d\b", page)}
        self.places = {place: self.free_place() for place in sorted(places)}
        self.password = None
        self.make_tools(binary)
        self.output = self.folder / "output"
        # For appending: what runs in the background writes there, too.
        with self.output.open("ab") as output:
            self.bash = subprocess.Popen(
                ["bash", "--norc", "--noprofile"],
                cwd=self.folder / "work",
                env=self.environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @staticmethod
    def free_place():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{probe.getsockname()[1]}"

    def make_tools(self, binary):
        for name in ["bin", "work", "answers"]:
            (self.folder / name).mkdir()
        (self.folder / "bin/rolecall").symlink_to(binary)
        (self.folder / "bin/articles").symlink_to(os.environ["OUTSIDE_ARTICLES"])
        (self.folder / "work/docs").symlink_to(pathlib.Path(__file__).parents[3] / "docs")
        curl = CURL.replace("{curl}", shutil.which("curl") or "")
        for name, text in [("cargo", CARGO), ("curl", curl), ("python3", PYTHON)]:
            (self.folder / "bin" / name).write_text(text)
            (self.folder / "bin" / name).chmod(0o700)

    def environment(self):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ROLECALL_", "PG"))}
        inherited.pop("DATABASE_URL", None)
        inherited.pop("TEST_DATABASE_URL", None)
        url = self.database
        postgres = {
            "PGHOST": url.hostname or "127.0.0.1",
            "PGPORT": str(url.port or 5432),
            "PGUSER": urllib.parse.unquote(url.username or ""),
            "PGPASSWORD": urllib.parse.unquote(url.password or ""),
            "PGDATABASE": url.path.lstrip("/") or "postgres",
        }
        return inherited | {name: value for name, value in postgres.items() if value} | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "ROLECALL_LISTEN": self.places["127.0.0.1:8080"],
            "DOCS_ANSWERS": str(self.answers),
        }

    def here(self, text):
        """What the page says, in this session."""
        for place, ours in self.places.items():
            text = text.replace(place, ours)
        text = text.replace("127.0.0.1:5432", f"{self.database.hostname}:{self.database.port or 5432}")
        if self.password:
            text = text.replace("the password it printed", self.password)
        return re.sub(r"\b(rolecall_[a-z]+)\b", rf"\g<1>{self.ending}", text)

    def there(self, text):
        """What was printed in this session, as the page would say it."""
        for place, ours in self.places.items():
            text = text.replace(ours, place)
        return text.replace(self.ending, "")

    def run(self, text):
        """What a command printed, and its exit status."""
        if SERVES.match(text):
            return self.serve(text)
        for old in self.answers.iterdir():
            old.unlink()
        return self.type(self.here(text))

    def type(self, text):
        start, mark = self.output.stat().st_size, f"done-{secrets.token_hex(8)}"
        # Its input is empty: what it read would be the commands that follow.
        self.bash.stdin.write(f"{{ {text}\n}} </dev/null\nprintf '\\n{mark} %s\\n' $?\n".encode())
        self.bash.stdin.flush()
        deadline = time.monotonic() + PATIENCE
        while True:
            printed = self.output.read_bytes()[start:].decode(errors="replace")
            if found := re.search(rf"\n{mark} (\d+)\n", printed):
                return self.there(printed[: found.start()]), int(found[1])
            if time.monotonic() > deadline or self.bash.poll() is not None:
                return self.there(printed) + "\n(and did not come to an end)", 1
            time.sleep(0.01)

    def serve(self, text):
        """Until it is ready; then it goes on."""
        (self.folder / "served").unlink(missing_ok=True)
        self.type(f"{self.here(text)} >{self.folder}/served 2>>{self.folder}/log &")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            printed = (self.folder / "served").read_text() if (self.folder / "served").exists() else ""
            if "ready at" in printed and printed.endswith("\n\n"):
                password = re.search(r"^  Password +(\S+)$", printed, re.MULTILINE)
                self.password = password[1] if password else self.password
                return self.there(printed), 0
            time.sleep(0.05)
        return "it did not get ready: " + self.log(), 1

    def statuses(self):
        """What curl was answered by the last command, each time."""
        heads = "".join(path.read_text(errors="replace") for path in self.answers.iterdir())
        return [int(status) for status in re.findall(r"^HTTP/\S+ (\d+)", heads, re.MULTILINE)]

    def log(self):
        path = self.folder / "log"
        return path.read_text()[-4000:] if path.exists() else ""

    def close(self):
        """Ends all that was started, and leaves nothing behind."""
        self.bash.stdin.close()
        for how in [signal.SIGTERM, signal.SIGKILL]:
            # Servers belong to the group, too, and may outlive the shell.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.bash.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.bash.wait(timeout=30)
        self.forget_databases()
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget_databases(self):
        for find, drop in [
            (f"SELECT datname FROM pg_database WHERE datname LIKE '%{self.ending}'", 'DROP DATABASE "{}" WITH (FORCE)'),
            (f"SELECT rolname FROM pg_roles WHERE rolname LIKE '%{self.ending}'", 'DROP ROLE "{}"'),
        ]:
            for name in self.psql(find).split():
                self.psql(drop.format(name))

    def psql(self, command):
        done = subprocess.run(
            ["psql", "-XAtqc", command], env=self.environment(), capture_output=True, text=True, check=True
        )
        return done.stdout
