"""openapi.yaml is what is served, is OpenAPI 3.0.3, and says rightly what `null` clears."""

import json
import pathlib
import unittest

import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

from server import call, sign_in


class Loader(yaml.SafeLoader):
    """Times stay text, as in JSON and YAML 1.2."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


FILE = pathlib.Path(__file__).parents[2] / "openapi.yaml"
DOCUMENT = yaml.load(FILE.read_text(), Loader)
SCHEMAS = DOCUMENT["components"]["schemas"]

# Something to patch, for each schema of a patch.
PATCHED = {
    "UserPatch": ("/v1/users", {"username": "patched", "email": "patched@example.com"}),
    "RolePatch": ("/v1/roles", {"name": "patched"}),
    "PermissionPatch": ("/v1/permissions", {"name": "patched:read"}),
    "SeparationSetPatch": (
        "/v1/separation-sets",
        {"name": "patched-set", "kind": "static", "cardinality": 2, "roles": ["patched", "admin"]},
    ),
    "ClientPatch": ("/v1/clients", {"name": "patched", "client_id": "patched-client", "grants": ["client_credentials"]}),
}


class Document(unittest.TestCase):
    def test_the_file_is_what_is_served(self):
        self.assertEqual(call("GET", "/openapi.yaml"), (200, FILE.read_text()))
        status, served = call("GET", "/openapi.json")
        self.assertEqual((status, json.loads(served)), (200, DOCUMENT))

    def test_it_is_openapi_3_0_3(self):
        self.assertEqual(DOCUMENT["openapi"], "3.0.3")
        self.assertEqual([error.message for error in OpenAPIV30SpecValidator(DOCUMENT).iter_errors()], [])

    def test_null_clears_what_is_nullable_and_nothing_else(self):
        self.assertEqual(set(PATCHED), {name for name in SCHEMAS if name.endswith("Patch")})
        token = sign_in()["access_token"]
        for name, (path, new) in PATCHED.items():
            self.assertEqual(call("POST", path, token, new)[0], 201, name)
            place = f"{path}/{new.get('username') or new.get('client_id') or new['name']}"
            for member, schema in SCHEMAS[name]["properties"].items():
                with self.subTest(patch=name, member=member):
                    status, _ = call("PATCH", place, token, {member: None})
                    self.assertEqual(status, 200 if schema.get("nullable") else 400)
