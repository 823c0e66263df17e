"""Code that stands on pages of docs/, so that what is tested is what people copy.

As a program it prints a block:   pages.py gateways.md rules
"""

import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def block(page, language):
    """The only block of that language on that page."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, f"{page} has {len(blocks)} blocks of {language}"
    return blocks[0]


if __name__ == "__main__":
    print(block(*sys.argv[1:]), end="")
