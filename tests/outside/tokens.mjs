// jose trusts a token by the published keys alone, and no other token.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { calculateJwkThumbprint, createLocalJWKSet, decodeJwt, errors, jwtVerify } from "jose";

const issuer = process.env.OUTSIDE_URL;
const expected = {
  issuer,
  audience: issuer,
  typ: "at+jwt",
  algorithms: ["ES256"],
  requiredClaims: ["sub", "client_id", "iat", "exp", "jti", "sid", "roles", "permissions", "rev"],
};
let jwks, keys, token;

before(async () => {
  jwks = await (await fetch(`${issuer}/.well-known/jwks.json`)).json();
  keys = createLocalJWKSet(jwks);
  const body = new URLSearchParams({
    grant_type: "password",
    username: "admin",
    password: process.env.OUTSIDE_PASSWORD,
  });
  token = (await (await fetch(`${issuer}/oauth/token`, { method: "POST", body })).json()).access_token;
});

test("a token is trusted", async () => {
  const { payload } = await jwtVerify(token, keys, expected);
  assert.deepEqual(payload.roles, ["admin"]);
  assert.ok(payload.permissions.includes("users:create"));
});

test("an altered one is not", async () => {
  const [header, , signature] = token.split(".");
  const claims = { ...decodeJwt(token), roles: ["admin", "king"] };
  const altered = [header, Buffer.from(JSON.stringify(claims)).toString("base64url"), signature].join(".");
  await assert.rejects(jwtVerify(altered, keys, expected), errors.JWSSignatureVerificationFailed);
});

for (const [member, value] of [["audience", "https://elsewhere.example"], ["issuer", "https://elsewhere.example"], ["typ", "JWT"]]) {
  test(`nor one of another ${member}`, async () => {
    await assert.rejects(jwtVerify(token, keys, { ...expected, [member]: value }), errors.JWTClaimValidationFailed);
  });
}

test("nor one after its time", async () => {
  const end = decodeJwt(token).exp * 1000;
  await jwtVerify(token, keys, { ...expected, currentDate: new Date(end - 1000) });
  await assert.rejects(jwtVerify(token, keys, { ...expected, currentDate: new Date(end) }), errors.JWTExpired);
});

test("a published key has its thumbprint for a name, and no private part", async () => {
  assert.ok(jwks.keys.length > 0);
  for (const key of jwks.keys) {
    assert.equal(key.kid, await calculateJwkThumbprint(key));
    assert.deepEqual(Object.keys(key).sort(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
  }
});
