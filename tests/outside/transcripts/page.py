"""A page as a list of blocks of commands, each with what it shows that they print."""

import dataclasses
import pathlib
import re
import subprocess

FENCE = re.compile(r"^\s*(```+|~~~+)\s*(\S*)\s*$")
# What may be a command but doesn't say so, or says so in a way that would slip past.
UNCLEAR = {"", "bash", "console", "shell", "shell-session", "terminal", "zsh"}
SHOWN = {"text", "json"}
EXCUSE = re.compile(r"^# not run by tests/outside/docs\.py: (.+)$")
STATUS = re.compile(r"^# ([1-5]\d\d)\b")
ELSEWHERE = re.compile(r"^Every command on this page is run by `([^`]+)`\.$", re.MULTILINE)


class Unclear(Exception):
    """A page that can't be run as it stands."""


@dataclasses.dataclass
class Command:
    """What one types before pressing Enter."""

    line: int
    text: str
    status: int | None = None  # what curl is answered, if not with success
    excuse: str | None = None  # why it isn't run


@dataclasses.dataclass
class Block:
    language: str
    commands: list[Command]
    shown: str | None = None


def fences(text):
    """Of each fenced block: its line, language, content, and what stands between it and the one before."""
    open_fence, between = None, []
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if open_fence is None and fence:
            open_fence, start, language, content = fence[1], number, fence[2], []
        elif open_fence is None:
            between.append(line)
        elif fence and not fence[2] and fence[1].startswith(open_fence):
            yield start, language, content, "\n".join(between)
            open_fence, between = None, []
        else:
            content.append(line)
    if open_fence:
        raise Unclear(f"line {start}: the block has no end")


def is_whole(text):
    """Whether a shell would run this now, rather than wait for more."""
    if text.endswith("\\"):
        return False
    checked = subprocess.run(["bash", "-n"], input=text + "\n", capture_output=True, text=True, check=False)
    return checked.returncode == 0 and not checked.stderr


def commands(first_line, lines):
    """The commands of a block. A comment on a line of its own is about the command below it."""
    found, pending, status, excuse = [], "", None, None
    for number, line in enumerate(lines, first_line):
        if not pending and (not line.strip() or line.startswith("#")):
            status = int(match[1]) if (match := STATUS.match(line)) else status
            excuse = match[1] if (match := EXCUSE.match(line)) else excuse
            continue
        start = start if pending else number
        pending += line
        if is_whole(pending):
            found.append(Command(start, pending, status, excuse))
            pending, status, excuse = "", None, None
        else:
            pending += "\n"
    if pending:
        raise Unclear(f"line {start}: the command has no end")
    if status or excuse:
        raise Unclear(f"line {number}: the comment is about no command")
    return found


def program(first_line, lines):
    """A program in Python, as the one command that runs it."""
    return [Command(first_line, "\n".join(["python3 - <<'END_OF_PROGRAM'", *lines, "END_OF_PROGRAM"]))]


RUN = {"sh": commands, "python": program}


def blocks(path: pathlib.Path):
    """The page's blocks of commands, in order."""
    found, last = [], None
    for line, language, content, between in fences(path.read_text()):
        if language in UNCLEAR:
            raise Unclear(f"line {line}: a block needs a language: sh is run, text and json are what it printed")
        if language in SHOWN:
            if last is None or between.strip():
                raise Unclear(f"line {line}: {language} is what the commands right above it print")
            last.shown, last = "\n".join(content), None
        elif language in RUN:
            last = Block(language, RUN[language](line + 1, content))
            found.append(last)
        else:
            last = None
    # A program needs commands that start what it talks to; where a page has none, a test of its own runs it.
    return found if any(block.language == "sh" for block in found) else []


def elsewhere(path: pathlib.Path):
    """The test that the page says runs it instead."""
    match = ELSEWHERE.search(path.read_text())
    return match[1] if match else None
