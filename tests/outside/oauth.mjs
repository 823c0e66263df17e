// openid-client and oauth4webapi find everything by the metadata, and go the whole way.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as openid from "openid-client";
import * as oauth from "oauth4webapi";

const issuer = process.env.OUTSIDE_URL;
const insecure = { [oauth.allowInsecureRequests]: true };
const password = { username: "admin", password: process.env.OUTSIDE_PASSWORD };
const me = (token) => fetch(`${issuer}/v1/me`, { headers: { Authorization: `Bearer ${token}` } });
const secrets = {};

before(async () => {
  const body = new URLSearchParams({ grant_type: "password", ...password });
  const { access_token } = await (await fetch(`${issuer}/oauth/token`, { method: "POST", body })).json();
  for (const client_id of ["openid-client", "oauth4webapi"]) {
    const answer = await fetch(`${issuer}/v1/clients`, {
      method: "POST",
      headers: { Authorization: `Bearer ${access_token}`, "Content-Type": "application/json" },
      body: JSON.stringify({
        name: client_id,
        client_id,
        first_party: true,
        grants: ["password", "refresh_token", "client_credentials"],
      }),
    });
    assert.equal(answer.status, 201);
    secrets[client_id] = (await answer.json()).client_secret;
  }
});

test("openid-client goes the whole way", async () => {
  const options = { algorithm: "oauth2", execute: [openid.allowInsecureRequests] };
  const id = "openid-client";
  const config = await openid.discovery(new URL(issuer), id, secrets[id], undefined, options);
  const first = await openid.genericGrantRequest(config, "password", password);
  assert.equal((await me(first.access_token)).status, 200);
  const second = await openid.refreshTokenGrant(config, first.refresh_token);
  assert.equal((await openid.tokenIntrospection(config, second.access_token)).active, true);
  await openid.tokenRevocation(config, second.refresh_token);
  assert.deepEqual(await openid.tokenIntrospection(config, second.access_token), { active: false });
  assert.equal((await me(second.access_token)).status, 401);
  await assert.rejects(openid.refreshTokenGrant(config, second.refresh_token), { error: "invalid_grant" });
});

test("openid-client acts as a service", async () => {
  const options = { algorithm: "oauth2", execute: [openid.allowInsecureRequests] };
  const id = "openid-client";
  const post = openid.ClientSecretPost(secrets[id]);
  const config = await openid.discovery(new URL(issuer), id, secrets[id], post, options);
  const own = await openid.clientCredentialsGrant(config);
  assert.equal((await (await me(own.access_token)).json()).username, id);
  await assert.rejects(openid.clientCredentialsGrant(config, { scope: "no:such" }), { error: "invalid_scope" });
});

test("oauth4webapi goes the whole way", async () => {
  const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...insecure });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  const client = { client_id: "oauth4webapi" };
  const secret = oauth.ClientSecretBasic(secrets[client.client_id]);

  const asked = await oauth.genericTokenEndpointRequest(server, client, secret, "password", password, insecure);
  const first = await oauth.processGenericTokenEndpointResponse(server, client, asked);
  const again = await oauth.refreshTokenGrantRequest(server, client, secret, first.refresh_token, insecure);
  const second = await oauth.processRefreshTokenResponse(server, client, again);

  const request = new Request(`${issuer}/v1/me`, { headers: { Authorization: `Bearer ${second.access_token}` } });
  const claims = await oauth.validateJwtAccessToken(server, request, issuer, insecure);
  assert.equal(claims.client_id, client.client_id);

  const introspect = await oauth.introspectionRequest(server, client, secret, second.access_token, insecure);
  const told = await oauth.processIntrospectionResponse(server, client, introspect);
  assert.deepEqual([told.active, told.sub], [true, claims.sub]);
  const revoke = await oauth.revocationRequest(server, client, secret, second.access_token, insecure);
  assert.equal(await oauth.processRevocationResponse(revoke), undefined);
  assert.equal((await me(second.access_token)).status, 401);

  const own = await oauth.clientCredentialsGrantRequest(server, client, secret, {}, insecure);
  const service = await oauth.processClientCredentialsResponse(server, client, own);
  assert.equal((await me(service.access_token)).status, 200);
});
