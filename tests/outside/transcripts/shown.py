"""Compares what a page shows with what was printed.

Ids, times, tokens, secrets and hashes differ each time, so any one is as good as another. JSON may be laid out for
reading. `…` stands for anything within its line, and alone on a line for any number of lines.
"""

import json
import re

MASKS = [
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    # Seconds may pass while a token is made.
    (re.compile(r'"expires_in": (8\d\d|900)\b'), '"expires_in": <seconds>'),
    (re.compile(r'"at": \d{10}\b'), '"at": <seconds>'),
    (re.compile(r'"next": "[\w-]+"'), '"next": "<place>"'),
    (re.compile(r"[\w-]{43,}(\.[\w-]{20,})*"), "<secret>"),
]


def unfolded(text):
    """JSON that begins a line, on that line alone."""
    decoder, parts, at = json.JSONDecoder(), [], 0
    for match in re.finditer(r"^[{\[]", text, re.MULTILINE):
        if match.start() < at:
            continue
        try:
            value, end = decoder.raw_decode(text, match.start())
        except ValueError:
            continue
        parts += [text[at : match.start()], json.dumps(value, ensure_ascii=False)]
        at = end
    return "".join(parts) + text[at:]


def masked(text):
    text = unfolded(text)
    for mask, name in MASKS:
        text = mask.sub(name, text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def pattern(lines):
    """Matches the lines, each with its end."""
    parts = []
    for line in lines:
        if line.strip() == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*".join(re.escape(part) for part in line.split("…")) + r"\n")
    return re.compile("".join(parts))


def is_shown(shown, printed):
    """Whether the page shows what was printed."""
    return bool(pattern(masked(shown)).fullmatch("".join(line + "\n" for line in masked(printed))))


def folded(value, indent=""):
    """JSON with a line for each member of what doesn't fit on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent + line) <= 110 or not isinstance(value, (dict, list)):
        return line
    deeper, (begin, *_, end) = indent + "  ", line
    items = [folded(item, deeper) for item in (value.values() if isinstance(value, dict) else value)]
    names = [json.dumps(name) + ": " for name in value] if isinstance(value, dict) else [""] * len(items)
    return f",\n{deeper}".join(name + item for name, item in zip(names, items)).join(
        [f"{begin}\n{deeper}", f"\n{indent}{end}"]
    )


def laid_out(text):
    """For copying into a page."""

    def of(line):
        try:
            return folded(json.loads(line)) if line[0] in "{[" else line
        except ValueError:
            return line

    return "\n".join(of(line.rstrip()) for line in unfolded(text).splitlines() if line.strip())
