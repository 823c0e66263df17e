"""PyJWT trusts a token by the published keys alone, and no other token."""

import base64
import json
import unittest

import jwt

from server import URL, call, sign_in

CLAIMS = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "sid", "roles", "permissions", "rev"]


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys = jwt.PyJWKSet.from_json(call("GET", "/.well-known/jwks.json")[1])
        cls.answer = sign_in()
        cls.token = cls.answer["access_token"]
        cls.header, cls.payload, cls.signature = cls.token.split(".")

    def check(self, token, audience=URL, issuer=URL, leeway=0, **options):
        key = self.keys[jwt.get_unverified_header(token)["kid"]]
        options = {"require": CLAIMS, **options}
        return jwt.decode_complete(token, key, ["ES256"], options, audience=audience, issuer=issuer, leeway=leeway)

    def refused(self, error, token, **expected):
        with self.assertRaises(error):
            self.check(token, **expected)

    def test_a_token_is_trusted(self):
        trusted = self.check(self.token)
        claims = trusted["payload"]
        self.assertEqual(trusted["header"]["typ"], "at+jwt")
        # `expires_in` counts from the answer (RFC 6749 §5.1), which may come in the next second.
        self.assertAlmostEqual(claims["exp"] - claims["iat"], self.answer["expires_in"], delta=1)
        self.assertEqual(claims["roles"], ["admin"])
        self.assertIn("users:create", claims["permissions"])
        self.assertEqual(set(claims), set(CLAIMS), "nothing else, nothing personal")

    def test_an_altered_one_is_not(self):
        claims = jwt.decode(self.token, options={"verify_signature": False})
        claims["permissions"].append("articles:update")
        altered = f"{self.header}.{part(claims)}.{self.signature}"
        self.refused(jwt.InvalidSignatureError, altered)
        status, body = call("GET", "/v1/me", altered)
        self.assertEqual((status, json.loads(body)["code"]), (401, "invalid_token"))

    def test_nor_one_with_another_signature_or_none(self):
        flipped = ("B" if self.signature[0] == "A" else "A") + self.signature[1:]
        self.refused(jwt.InvalidSignatureError, f"{self.header}.{self.payload}.{flipped}")
        unsigned = part(jwt.get_unverified_header(self.token) | {"alg": "none"})
        self.refused(jwt.InvalidAlgorithmError, f"{unsigned}.{self.payload}.")

    def test_nor_one_for_or_from_someone_else(self):
        self.refused(jwt.InvalidAudienceError, self.token, audience="https://elsewhere.example")
        self.refused(jwt.InvalidIssuerError, self.token, issuer="https://elsewhere.example")

    def test_nor_one_after_its_time(self):
        lifetime = self.answer["expires_in"]
        # Leeway below zero is a clock that runs ahead.
        self.check(self.token, leeway=30 - lifetime, verify_iat=False)
        self.refused(jwt.ExpiredSignatureError, self.token, leeway=-lifetime, verify_iat=False)
