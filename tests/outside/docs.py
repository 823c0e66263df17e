"""Every command in README.md and docs/ does what the page says; each page has a shell of its own (`transcripts/`).

- A block marked `sh` is run, command by command, and each must succeed; one marked `python` is run as a program.
- If `text` or `json` stands right below, that is what they print (`transcripts/shown.py` says what may differ). If not,
  curl must be answered with 2xx, or with the status in a comment above the command: `# 403: why`.
- `# not run by tests/outside/docs.py: why` above a command excuses it. The test lists these.
- A page that says `Every command on this page is run by <test>.` is left to that test.
"""

import os
import pathlib
import re
import unittest

from transcripts import page, shown
from transcripts.shell import Shell

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BINARY = pathlib.Path(os.environ["OUTSIDE_BINARY"]).resolve()
DATABASE = os.environ["TEST_DATABASE_URL"]


class Docs(unittest.TestCase):
    maxDiff = None

    def run_page(self, path):
        blocks = page.blocks(path)
        if not blocks:
            return
        if test := page.elsewhere(path):
            self.assertIn(path.name, (ROOT / test).read_text(), f"{test} does not name the page that it is to run")
            print(f"  left to {test}", flush=True)
            return
        shell = Shell(BINARY, DATABASE, path.read_text())
        self.addCleanup(shell.close)
        for block in blocks:
            self.run_block(shell, path, block)

    def run_block(self, shell, path, block):
        self.assertNotEqual(block.shown, "…", f"{path}: a block shows nothing: python -m transcripts fills it")
        printed = ""
        for command in block.commands:
            where = f"{path.relative_to(ROOT)}:{command.line}: {command.text}"
            if command.excuse:
                print(f"  not run: {where.splitlines()[0]} ({command.excuse})", flush=True)
                continue
            output, status = shell.run(command.text)
            printed += output + "\n"
            self.assertEqual(status, 0, f"{where}\nended with {status} and printed:\n{output}\n{shell.log()}")
            if block.shown is None:
                failed = [status for status in shell.statuses() if status // 100 != 2]
                expected = [command.status] if command.status else []
                self.assertEqual(failed, expected, f"{where}\nprinted:\n{output}")
        if block.shown is not None and not shown.is_shown(block.shown, printed):
            self.fail(f"{where}\nprinted:\n{shown.laid_out(printed)}\n\nbut the page shows:\n{block.shown}")


def test_of(path):
    return lambda self: self.run_page(path)


# Without a block there is no command.
for path in [path for path in PAGES if re.search(r"^\s*(```|~~~)", path.read_text(), re.MULTILINE)]:
    name = re.sub(r"\W+", "_", str(path.relative_to(ROOT).with_suffix(""))).lower()
    setattr(Docs, f"test_{name}_does_what_it_says", test_of(path))
