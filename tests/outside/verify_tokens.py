"""The code on docs/verify-tokens.md, as it stands there: it lets in who may, and nobody else."""

import base64
import hmac
import http.server
import json
import pathlib
import subprocess
import threading
import time
import unittest
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pages import block
from server import URL, call, sign_in

ES256 = jwt.get_algorithm_by_name("ES256")
PAGE = "verify-tokens.md"
# Node looks for jose beside it.
FOLDER = pathlib.Path(__file__).parent / "node_modules"
ASK = """
import { readFileSync } from "node:fs";
const verdicts = [];
for (const [token, permission] of JSON.parse(readFileSync(0))) {
  verdicts.push(await authorize(token, permission).then((payload) => payload.sub, (error) => error.message));
}
console.log(JSON.stringify(verdicts));
"""


def python(issuer, questions):
    """Of each token and permission: the subject, or the error."""
    page = {}
    exec(block(PAGE, "python").replace("http://127.0.0.1:8080", issuer), page)
    verdicts = []
    for token, permission in questions:
        try:
            verdicts.append(page["authorize"](token, permission)["sub"])
        except Exception as error:
            verdicts.append(f"{type(error).__name__}: {error}")
    return verdicts


def node(issuer, questions):
    """Likewise."""
    program = FOLDER / "verify-tokens.mjs"
    program.write_text(block(PAGE, "js").replace("http://127.0.0.1:8080", issuer) + ASK)
    ran = subprocess.run(["node", program], input=json.dumps(questions), capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


class Issuer(http.server.BaseHTTPRequestHandler):
    """An issuer whose keys are the test's, so that it can sign what Rolecall never would."""

    def do_GET(self):
        body = json.dumps(self.server.jwks).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def plain(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def part(value):
    return plain(json.dumps(value).encode())


def altered(token, **claims):
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | claims
    return f"{header}.{part(claims)}.{signature}"


class VerifyTokens:
    @classmethod
    def setUpClass(cls):
        cls.key = ec.generate_private_key(ec.SECP256R1())
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
        jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(cls.key.public_key()))
        cls.server.jwks = {"keys": [jwk | {"kid": "k", "alg": "ES256", "use": "sig"}]}
        cls.issuer = f"http://127.0.0.1:{cls.server.server_port}"
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)

    def sign(self, key=None, header=(), without=(), **claims):
        now = int(time.time())
        good = {"iss": self.issuer, "aud": self.issuer, "sub": str(uuid.UUID(int=7)), "iat": now, "exp": now + 900,
                "permissions": ["articles:read"]}
        claims = {name: value for name, value in (good | claims).items() if name not in without}
        header = {"alg": "ES256", "kid": "k", "typ": "at+jwt"} | dict(header)
        header = {name: value for name, value in header.items() if value is not None}
        message = f"{part(header)}.{part(claims)}"
        return f"{message}.{plain(ES256.sign(message.encode(), key or self.key))}"

    def test_a_token_of_the_live_server_is_good_for_what_it_carries(self):
        token = sign_in()["access_token"]
        sub = jwt.decode(token, options={"verify_signature": False})["sub"]
        kid = jwt.get_unverified_header(token)["kid"]
        foreign = self.sign(header={"kid": kid}, iss=URL, aud=URL, permissions=["users:read"])
        questions = [
            (token, "users:read"),
            (token, "articles:fly"),
            (altered(token, permissions=["articles:fly"]), "articles:fly"),
            (altered(token, exp=2**40), "users:read"),
            (foreign, "users:read"),
            (token[:-4], "users:read"),
        ]
        verdicts = self.ask(URL, questions)
        self.assertEqual(verdicts[0], sub)
        self.assertNotIn(sub, verdicts[1:])
        self.assertIn("articles:fly", verdicts[1])
        self.assertEqual(call("GET", "/v1/me", foreign)[0], 401, "and Rolecall thinks so, too")

    def test_no_other_token_is_good_whoever_signed_it(self):
        public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        head, payload, _ = self.sign().split(".")
        unsigned = part({"alg": "none", "kid": "k", "typ": "at+jwt"})
        confused = f"{part({'alg': 'HS256', 'kid': 'k', 'typ': 'at+jwt'})}.{payload}"
        mac = plain(hmac.digest(public, confused.encode(), "sha256"))
        now = int(time.time())
        bad = {
            "expired": self.sign(exp=now - 120),
            "from the future": self.sign(nbf=now + 900),
            "of another issuer": self.sign(iss="https://elsewhere.example"),
            "of no issuer": self.sign(without=["iss"]),
            "for somebody else": self.sign(aud="https://elsewhere.example"),
            "for nobody": self.sign(without=["aud"]),
            "without end": self.sign(without=["exp"]),
            "without subject": self.sign(without=["sub"]),
            "of another type": self.sign(header={"typ": "JWT"}),
            "an ID token": self.sign(header={"typ": "id+jwt"}),
            "of no type": self.sign(header={"typ": None}),
            "by another key": self.sign(key=ec.generate_private_key(ec.SECP256R1())),
            "by an unknown key": self.sign(header={"kid": "l"}),
            "critical": self.sign(header={"crit": ["b"], "b": True}),
            "unsigned": f"{unsigned}.{payload}.",
            "with the signature dropped": f"{head}.{payload}.",
            "signed with what is public": f"{confused}.{mac}",
            "altered": altered(self.sign(), permissions=["articles:read", "users:read"]),
            "without permissions": self.sign(without=["permissions"]),
            "with none": self.sign(permissions=[]),
            "with another": self.sign(permissions=["articles:update", "articles:read-all", "xarticles:read"]),
            "in parts": "a.b.c",
            "empty": "",
        }
        questions = [(token, "articles:read") for token in [self.sign(), *bad.values(), self.sign()]]
        first, *others, last = self.ask(self.issuer, questions)
        self.assertEqual([first, last], [str(uuid.UUID(int=7))] * 2)
        self.assertEqual([name for name, verdict in zip(bad, others) if verdict == first], [])


class Python(VerifyTokens, unittest.TestCase):
    ask = staticmethod(python)


class Node(VerifyTokens, unittest.TestCase):
    ask = staticmethod(node)
