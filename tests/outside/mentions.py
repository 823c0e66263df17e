"""What README.md and docs/ mention is there: files and headings, settings, commands, operations, error codes."""

import os
import pathlib
import re
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).parents[2]
BINARY = os.environ["OUTSIDE_BINARY"]
PAGES = {path: path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]}
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def run(*arguments):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, cwd="/", check=False)
    return done.returncode, done.stdout


def anchors(text):
    """The headings of a page, as a code host names them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def unnamed(path):
    return re.sub(r"\{\w+\}", "{}", path)


class Mentions(unittest.TestCase):
    def check(self, pattern, is_there):
        """Each mention on any page, must be of something that is there."""
        found = [(path, match) for path, page in PAGES.items() for match in re.finditer(pattern, page)]
        self.assertGreater(len(found), 0, "nothing to check: is the pattern right?")
        wrong = [f"{path.relative_to(ROOT)}: {match[0]}" for path, match in found if not is_there(path, match)]
        self.assertEqual(wrong, [])

    def test_links_lead_somewhere(self):
        def leads(path, match):
            target = (path.parent / match[1]).resolve() if match[1] else path
            return target.exists() and (not match[2] or match[2] in anchors(target.read_text()))

        self.check(r"\]\((?!https?://)([^)#\s]*)(?:#([^)]*))?\)", leads)

    def test_settings_exist(self):
        settings = set(re.findall(r"ROLECALL_[A-Z_0-9]+", run("--help")[1]))
        self.check(r"\bROLECALL_[A-Z_0-9]+", lambda _, match: match[0] in settings)

    def test_commands_exist(self):
        # What doesn't come from the list of commands is an argument, and so may be anything.
        def is_command(_, match):
            words = match[1].split()
            return any(run(*words[:count], "--help")[0] == 0 for count in range(len(words), 0, -1))

        self.check(r"`(?:rolecall|cargo run --release --)((?: [a-z]+)+)\b", is_command)

    def test_operations_exist(self):
        paths = yaml.safe_load((ROOT / "openapi.yaml").read_text())["paths"]
        served = {(method.upper(), unnamed(path)) for path, item in paths.items() for method in item}
        operation = r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?\s…]*)"
        self.check(operation, lambda _, match: (match[1], unnamed(match[2])) in served)

    def test_every_error_code_is_explained_and_no_other(self):
        sources = "".join(path.read_text() for folder in ["src", "guard/src"] for path in (ROOT / folder).rglob("*.rs"))
        codes = set(re.findall(r'(?:StatusCode::[A-Z_]+,|new\(status,|unavailable\(|conflict\(|invalid\()\s*"([a-z_]+)"', sources))
        codes |= set(re.findall(r'=> "(password_[a-z_]+)"', sources))
        table = re.findall(r"^\| [1-5]\w\w \|([^|]+)\|", (ROOT / "docs/http-api.md").read_text(), re.MULTILINE)
        self.assertEqual(sorted(codes), sorted(re.findall(r"`([a-z_]+)`", "".join(table))))
