"""Rules that are documented but that no schema can state, so that Schemathesis takes for a fault what they ask for.

Each excuses one kind of finding, at some operations, where the request and the answer show that it is for this rule.
"""

import dataclasses
import re

REJECTED = "ST202"  # it looked valid
ACCEPTED = "ST201"  # it looked wrong
DIFFERS = "ST108"  # the answer, from its schema


@dataclasses.dataclass
class Excuse:
    why: str
    finding: str
    operations: str
    answer: str = ""
    request: str = ""

    def fits(self, failure, case, response):
        sent, body = response.request, response.request.body or b""
        body = body if isinstance(body, str) else body.decode(errors="replace")
        places = [
            # A dry run asks the same rules as the change.
            (self.operations, f"{case.operation.method.upper()} {case.operation.path.replace('/dry-run/', '/')}"),
            (self.answer, response.content.decode(errors="replace")),
            (self.request, f"{sent.headers.get('Content-Type')}\n{body}"),
        ]
        return failure.code == self.finding and all(re.search(pattern, text) for pattern, text in places)


EXCUSES = [
    Excuse("A cursor, or a page token, is one that the list gave.", REJECTED,
           "^GET /v1/|^GET /access/revocations$|^POST /access/v1/search/", ': not one that this list gave'),
    Excuse("The state in If-Match is another one.", REJECTED, "^(POST|PUT|PATCH|DELETE) /v1/", '"code":"stale"'),
    Excuse("A password is measured in bytes, and must not be a common one.", REJECTED,
           "^POST /v1/users$|^PUT /v1/(me|users/{user})/password$", '"code":"password_(too_short|too_long|too_common|is_username)"'),
    Excuse("The current password is another one.", REJECTED, "^PUT /v1/me/password$", '"code":"wrong_password"'),
    Excuse("Which grants go together depends on each other and on first_party.", REJECTED,
           "^(POST|PATCH) /v1/clients", '"code":"not_first_party"|nothing to refresh'),
    Excuse("Cardinality is at most the number of roles.", REJECTED,
           "^(POST|PUT|PATCH|DELETE) /v1/separation-sets", '"code":"bad_cardinality"|invalid integer'),
    Excuse("An assignment ends after it begins, and after now.", REJECTED, "^PUT /v1/users/{user}/roles/{role}$",
           '"detail":"valid_until: must be later'),
    Excuse("What a policy file says must fit together.", REJECTED, "^POST /v1/policy/", '"code":"bad_policy_file"'),
    Excuse("A permission is addressed by its name; a step after a list takes its id.", REJECTED,
           "/{permission}", '"detail":"In the path: must be resource:action'),
    Excuse("OAuth ignores parameters that it doesn't know, but takes none twice (RFC 6749 §3.2).", REJECTED,
           "^POST /oauth/", "A parameter is sent twice"),
    Excuse("Which members evaluations need depends on what stands beside them.", REJECTED,
           "^POST /access/v1/evaluations$", "is missing, or null"),
    Excuse("Only a gateway asks this, and sends both headers; Swagger UI lets a person ask without, and see why not.", REJECTED,
           "^GET /access/forward-auth$", "the gateway must send it"),
    Excuse("What may be left out may be null, which OpenAPI 3.0 can't say of a reference.", ACCEPTED,
           "^POST /access/v1/(evaluations|search/)", request='"(options|evaluations_semantic|page|token|limit)": null'),
    Excuse("Likewise elsewhere: clients' types are plainer without a null that means nothing.", ACCEPTED,
           "^(POST|PUT) /v1/", request='"[a-z_]+": null|^application/json\nnull$'),
    Excuse("Each evaluation that can't be made is answered in its place, with no (AuthZEN 1.0 §7.2.1).", ACCEPTED,
           "^POST /access/v1/evaluations$", answer='^{"evaluations":'),
    Excuse("A policy file is YAML, also where it is JSON: a text may stand without quotes.", ACCEPTED,
           "^POST /v1/policy/", request='"(name|description)": (true|false|[0-9.e+-]+)'),
    Excuse("A policy in YAML is a text for the document, and what it says for Schemathesis.", ACCEPTED,
           "^POST /v1/policy/", request=r"^(application|text)/(x-)?yaml\b"),
    Excuse("Likewise.", DIFFERS, "^GET /v1/policy$", "^(permissions|roles|separation_sets|assignments):"),
]
