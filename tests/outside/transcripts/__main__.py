"""Copies from a run into a page: fills each block that shows only `…` with what the commands above it print.

    OUTSIDE_BINARY=… TEST_DATABASE_URL=… python -m transcripts PAGE…
"""

import os
import pathlib
import re
import sys

from . import page, shown
from .shell import Shell

EMPTY = re.compile(r"^(```(?:text|json)\n)…\n(?=```$)", re.MULTILINE)


def printed_by(shell, block):
    return "".join(shell.run(command.text)[0] + "\n" for command in block.commands if not command.excuse)


binary, database = pathlib.Path(os.environ["OUTSIDE_BINARY"]).resolve(), os.environ["TEST_DATABASE_URL"]
for path in map(pathlib.Path, sys.argv[1:]):
    shell = Shell(binary, database, path.read_text())
    try:
        printed = [(block, printed_by(shell, block)) for block in page.blocks(path)]
    finally:
        shell.close()
    texts = iter(shown.laid_out(text) for block, text in printed if block.shown == "…")
    path.write_text(EMPTY.sub(lambda match: match[1] + next(texts) + "\n", path.read_text()))
