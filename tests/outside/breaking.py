"""What breaks clients of the last release (`released.yaml`) is in the changelog, or fails here.

openapi-diff compares paths, methods, bodies and answers; it doesn't look at parameters and permissions, so these are
compared here. A change counts as said when its operation, as in `PATCH /v1/users/{user}`, stands below `### Breaking` in the
section of what isn't released.

With a release: `cp openapi.yaml tests/outside/released.yaml`.
"""

import copy
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

from document import DOCUMENT, Loader

HERE = pathlib.Path(__file__).parent
RELEASED = yaml.load((HERE / "released.yaml").read_text(), Loader)
CHANGELOG = (HERE.parents[1] / "CHANGELOG.md").read_text()


def operations(document):
    """Each operation by its name."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def meant(document, schema):
    """A schema without references, and without what is only said to people."""
    if isinstance(schema, list):
        return [meant(document, item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        return meant(document, document["components"]["schemas"][reference.rsplit("/", 1)[1]])
    return {name: meant(document, value) for name, value in schema.items() if name not in ("description", "example", "title")}


def parameters(document, operation):
    return {
        (parameter["in"], parameter["name"]): (parameter.get("required", False), meant(document, parameter["schema"]))
        for parameter in operation.get("parameters", [])
    }


def broken_by_hand(old, new):
    """Operations whose parameters or permission are others than before."""
    after = operations(new)
    for name, operation in operations(old).items():
        if name not in after:
            continue  # openapi-diff says so
        was, now = parameters(old, operation), parameters(new, after[name])
        changed = any(now.get(key) != value for key, value in was.items())
        demanded = any(required for key, (required, _) in now.items() if key not in was)
        permission = "x-required-permission"
        if changed or demanded or operation.get(permission) != after[name].get(permission):
            yield name


def broken_by_openapi_diff(old, new):
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder, name) for name in ("old.json", "new.json")]
        for file, document in zip(files, (old, new)):
            file.write_text(json.dumps(document))
        command = [HERE / "node_modules/.bin/openapi-diff", *files]
        printed = subprocess.run(command, stdout=subprocess.PIPE, timeout=300, text=True).stdout
    if printed.startswith("No changes found"):
        return
    for difference in json.loads(printed[printed.index("{"):])["breakingDifferences"]:
        for details in difference["sourceSpecEntityDetails"] + difference["destinationSpecEntityDetails"]:
            # paths./v1/users/{user}.get.responses.200: a path has dots of its own.
            path, method = re.match(r"paths\.(.*?)(?:\.(get|put|post|patch|delete)(?:\.|$)|$)", details["location"]).groups()
            yield from [f"{method.upper()} {path}"] if method else [
                name for name in operations(old) if name.split()[1] == path
            ]


def broken(old, new):
    return sorted({*broken_by_hand(old, new), *broken_by_openapi_diff(old, new)})


def said(changelog):
    """The operations that the changelog says are broken."""
    unreleased = re.search(r"^## Unreleased$(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    breaking = re.search(r"^### Breaking$(.*?)(?=^##|\Z)", unreleased[1] if unreleased else "", re.DOTALL | re.MULTILINE)
    return set(re.findall(r"`((?:GET|PUT|POST|PATCH|DELETE) /[^`]*)`", breaking[1] if breaking else ""))


def without_a_path(document):
    del document["paths"]["/v1/me"]


def with_one_more_required_member(document):
    document["components"]["schemas"]["PasswordReset"]["required"].append("reason")
    document["components"]["schemas"]["PasswordReset"]["properties"]["reason"] = {"type": "string"}


def with_an_answer_that_may_lack_a_member(document):
    document["components"]["schemas"]["Role"]["required"].remove("built_in")


def with_a_parameter_less(document):
    operation = document["paths"]["/v1/users"]["get"]
    operation["parameters"] = [parameter for parameter in operation["parameters"] if parameter["name"] != "q"]


def with_another_permission(document):
    document["paths"]["/v1/roles"]["get"]["x-required-permission"] = "roles:update"


class Breaking(unittest.TestCase):
    maxDiff = None

    def test_what_breaks_clients_of_the_last_release_is_in_the_changelog(self):
        unsaid = [name for name in broken(RELEASED, DOCUMENT) if name not in said(CHANGELOG)]
        self.assertEqual(unsaid, [], "name these below `### Breaking` in CHANGELOG.md, or don't break them")

    def test_what_breaks_is_seen(self):
        changes = {
            without_a_path: "GET /v1/me",
            with_one_more_required_member: "PUT /v1/users/{user}/password",
            with_an_answer_that_may_lack_a_member: "GET /v1/roles/{role}",
            with_a_parameter_less: "GET /v1/users",
            with_another_permission: "GET /v1/roles",
        }
        changed = copy.deepcopy(DOCUMENT)
        for change in changes:
            change(changed)
        found = broken(DOCUMENT, changed)
        for change, name in changes.items():
            with self.subTest(change=change.__name__):
                self.assertIn(name, found)
        self.assertNotIn("POST /v1/users", found)

    def test_only_what_stands_below_breaking_in_what_is_not_released_is_said(self):
        text = "## Unreleased\n`GET /a`\n### Breaking\n- `GET /b` goes.\n### Else\n`GET /c`\n## 1.0\n### Breaking\n`GET /d`\n"
        self.assertEqual(said(text), {"GET /b"})
