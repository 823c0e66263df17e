"""openapi.yaml is such that generators make good clients of it; each rule is one that some generator taught."""

import unittest

from document import DOCUMENT, SCHEMAS

# Of others generators make what they please: Go and Java 32 bits of `uint64`.
FORMATS = {"int32", "int64", "date-time", "email", "password", "uuid"}
# What generated clients call something of their own.
THEIRS = {"Client", "AuthenticatedClient", "Configuration", "Error", "Response", "Unset"}


def schemas(value, place=""):
    """Every schema in the document, with where it stands; not what is allowed of members that nobody can know."""
    if isinstance(value, list):
        for n, item in enumerate(value):
            yield from schemas(item, f"{place}/{n}")
    elif isinstance(value, dict):
        within = place.rsplit("/", 2)[-2:]
        if within[-1] in {"schema", "items"} or within[0] in {"schemas", "properties", "allOf", "anyOf"}:
            yield place, value
        for name, item in value.items():
            if name not in {"example", "additionalProperties"}:
                yield from schemas(item, f"{place}/{name}")


class ForGenerators(unittest.TestCase):
    def test_every_schema_says_what_it_is(self):
        found = list(schemas(DOCUMENT))
        self.assertGreater(len(found), 500)
        for place, schema in found:
            said = {"$ref", "allOf", "anyOf", "properties", "additionalProperties", "items"} & set(schema)
            scalar = schema.get("type") in {"string", "integer", "boolean"}
            self.assertTrue(said or scalar, f"{place}: any, unknown or interface{{}} in a client")

    def test_what_is_put_beside_a_reference_is_no_second_schema(self):
        combined = [(place, schema["allOf"]) for place, schema in schemas(DOCUMENT) if "allOf" in schema]
        self.assertTrue(combined)
        for place, parts in combined:
            self.assertEqual([list(part) for part in parts], [["$ref"]], f"{place}: Python leaves it out")

    def test_formats_are_those_that_every_generator_knows(self):
        formats = {schema["format"] for _, schema in schemas(DOCUMENT) if "format" in schema}
        self.assertEqual(formats - FORMATS, set())

    def test_a_member_that_may_be_left_out_has_no_default(self):
        for name, schema in SCHEMAS.items():
            for member, described in schema.get("properties", {}).items():
                self.assertNotIn("default", described, f"{name}.{member}: TypeScript insists on it")

    def test_no_name_is_one_that_a_generated_client_has_already(self):
        self.assertEqual(THEIRS & set(SCHEMAS), set(), "Python's client is a Client")
        for name in SCHEMAS:
            self.assertNotIn(f"New{name}", SCHEMAS, f"Go makes a function NewX for each X: {name}")

    def test_a_name_says_of_what_it_is(self):
        for name in SCHEMAS:
            self.assertNotIn(name, {"Kind", "Type", "Status", "Item", "Member", "Page", "Object", "Data", "Result"})

    def test_every_operation_is_named_by_what_it_does(self):
        operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
        for operation in operations:
            self.assertRegex(operation["operationId"], r"^[a-z]+(_[a-z]+)+$|^evaluate$")
