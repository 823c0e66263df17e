"""The runner sees what it must: a page that doesn't say how it is run, a command that fails, an answer that differs."""

import os
import pathlib
import tempfile
import unittest

from transcripts import page, shown
from transcripts.shell import SERVES, Shell


def blocks(text):
    with tempfile.NamedTemporaryFile("w", suffix=".md") as file:
        file.write(text)
        file.flush()
        return page.blocks(pathlib.Path(file.name))


class Pages(unittest.TestCase):
    def test_a_block_says_what_it_is(self):
        for unclear in ["```\nls\n```", "```bash\nls\n```", "~~~\nls\n~~~", "```sh\nls", "```sh\necho 'open\n```"]:
            with self.subTest(unclear), self.assertRaises(page.Unclear):
                blocks(unclear)

    def test_what_is_shown_belongs_to_the_commands_right_above(self):
        (block,) = blocks("```sh\nls\n```\n\n```text\nfile\n```\n")
        self.assertEqual(block.shown, "file")
        for stray in ["```text\nfile\n```", "```sh\nls\n```\nprints\n```text\nfile\n```"]:
            with self.subTest(stray), self.assertRaises(page.Unclear):
                blocks(stray)

    def test_comments_are_about_the_command_below(self):
        text = "# 403: why\ncurl a\n\ncurl b \\\n  c\n# not run by tests/outside/docs.py: too long\ncargo test"
        (block,) = blocks(f"```sh\n{text}\n```")
        a, b, c = block.commands
        self.assertEqual((a.text, a.status, b.status, b.line), ("curl a", 403, None, 5))
        self.assertEqual((b.text, c.excuse), ("curl b \\\n  c", "too long"))

    def test_an_excuse_needs_a_reason_and_a_command(self):
        (block,) = blocks("```sh\n# not run by tests/outside/docs.py:\ncargo test\n```")
        self.assertIsNone(block.commands[0].excuse)
        with self.assertRaises(page.Unclear):
            blocks("```sh\nls\n# not run by tests/outside/docs.py: too long\n```")


class Shown(unittest.TestCase):
    def test_what_differs_each_time_may_differ(self):
        one = '{"id": "01a21477-b3c6-7b4d-83d6-37e8689f572d", "at": "2026-11-25T20:48:40.1Z"}\n201'
        other = '{"id":"01a21478-0000-7b4d-83d6-37e8689f572d","at":"2027-01-01T00:00:00Z"}\n\n201\n'
        self.assertTrue(shown.is_shown(one, other))

    def test_nothing_else_may(self):
        for page_says, printed in [
            ('{"allowed": true}', '{"allowed":false}'),
            ("200", "201"),
            ('{"a": 1}', '{"a":1,"b":2}'),
            ("one", "one\ntwo"),
            ("one\ntwo", "one"),
            ("a…c", "ab"),
        ]:
            with self.subTest(page_says):
                self.assertFalse(shown.is_shown(page_says, printed))

    def test_an_ellipsis_stands_for_something_within_its_line_or_for_lines(self):
        self.assertTrue(shown.is_shown('{"a": "…", "b": 1}', '{"a":"x","b":1}'))
        self.assertTrue(shown.is_shown("one\n…\nfour", "one\ntwo\nthree\nfour"))


class Shells(unittest.TestCase):
    def test_only_what_serves_and_does_nothing_else_goes_into_the_background(self):
        for serves in ["rolecall", "cargo run --release", "A='b c' rolecall --listen 127.0.0.1:8081"]:
            self.assertTrue(SERVES.match(serves), serves)
        for ends in ["rolecall config", "cargo run --release -- admin admin", "rolecall >out &", "rolecall --help"]:
            self.assertFalse(SERVES.match(ends), ends)

    def test_it_tells_what_was_printed_how_it_ended_and_what_curl_was_answered(self):
        page_text = "http://127.0.0.1:8080"
        shell = Shell(pathlib.Path(os.environ["OUTSIDE_BINARY"]).resolve(), os.environ["TEST_DATABASE_URL"], page_text)
        self.addCleanup(shell.close)
        self.assertEqual(shell.run("word=there; echo hello"), ("hello\n", 0))
        self.assertEqual(shell.run("echo $word; (exit 3)"), ("there\n", 3))
        shell.run("rolecall")
        shell.run(f"curl -s {page_text}/healthz {page_text}/v1/me; curl -s {page_text}/nothing")
        self.assertEqual(sorted(shell.statuses()), [200, 401, 404])
