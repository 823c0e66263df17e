// A person at Swagger UI, at a desk: signs in, makes things, sees who may do what, and is told why when it isn't so.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as at from "./page.mjs";

// As the document's example makes her.
const alice = { username: "alice", password: "curiouser and curiouser" };
const service = { id: "client_id_clientCredentials", secret: "client_secret_clientCredentials" };

let browser, desk, office;

before(async () => {
  browser = await at.launch();
});
after(() => browser?.close());

test("the page welcomes, and says how to begin", async () => {
  desk = await at.visit(browser);
  assert.equal(await desk.locator(".errors-wrapper").count(), 0, "the document has no errors");
  assert.match(await desk.title(), /Rolecall/);
  assert.equal(await desk.getAttribute("html", "lang"), "en");
  const tags = await desk.locator(".opblock-tag").evaluateAll((tags) => tags.map((tag) => tag.dataset.tag));
  assert.deepEqual(tags.slice(0, 4), ["Me", "Users", "Roles", "Permissions"]);
  await at.shot(desk, "desk-1-welcome");
  await at.accessible(desk, "welcome");
  const links = desk.locator(".begin a");
  assert.ok((await links.count()) >= 7);
  for (const link of await links.all()) {
    await link.click();
    const operation = (await link.getAttribute("href")).split("/").at(-1);
    assert.ok(await desk.locator(`[id$="-${operation}"].opblock .execute`).isVisible(), operation);
  }
  await desk.reload();
  await desk.waitForSelector(".opblock");
});

test("the dialog lists the scopes and says what is wrong with a password", async () => {
  await at.openDialog(desk);
  assert.equal(await desk.evaluate(() => document.activeElement.id), "oauth_username", "one can type at once");
  await desk.locator(".modal-ux summary").first().click();
  const scopes = await desk.locator(".modal-ux form").first().locator("li").allInnerTexts();
  assert.ok(scopes.includes("users:read See users") && scopes.length >= 32, scopes.join("\n"));
  await at.shot(desk, "desk-2-dialog");
  await at.accessible(desk, "dialog");
  const button = await desk.locator(".modal-ux .auth.authorize").first().boundingBox();
  assert.ok(button.y + button.height < 900, "the button is in sight");
  await at.type(desk, { oauth_username: "admin", oauth_password: "wrong" });
  const error = await desk.locator(".modal-ux [role=alert]").innerText();
  assert.equal(error, "The username or the password is wrong, or the user is disabled.");
  await at.shot(desk, "desk-3-wrong-password");
  await desk.keyboard.press("Escape");
  await desk.waitForSelector("dialog", { state: "detached" });
  assert.equal(await desk.evaluate(() => document.activeElement.innerText), "Authorize", "the focus is back");
  assert.equal(await desk.locator(".errors-wrapper").count(), 0, "the page itself has no error");
});

test("who isn't signed in is told so, and can", async () => {
  const answer = await at.tryOut(desk, "read_me");
  assert.equal(answer.status, 401);
  assert.match(await at.reason(answer), /Sign in first/);
  await answer.block.locator(".reason button").click();
  await desk.waitForSelector("#oauth_username");
  await desk.keyboard.press("Escape");
});

test("the admin makes a permission, a role and a user from the examples, and assigns", async () => {
  await at.signIn(desk, at.admin);
  assert.match(await desk.innerText(".account"), /Signed in as admin/);
  for (const [operation, status] of [
    ["read_me", 200],
    ["read_user", 200],
    ["read_session", 200],
    ["create_permission", 201],
    ["create_role", 201],
    ["grant_permission", 204],
    ["create_user", 201],
    ["assign_role", 204],
    ["explain_user_permission", 200],
    ["create_client", 201],
    ["read_client", 200],
  ]) {
    const answer = await at.tryOut(desk, operation);
    assert.equal(answer.status, status, operation);
    assert.equal(await answer.block.locator(".reason").count(), 0, `${operation} was not refused`);
    if (operation === "read_user") {
      await at.shot(desk, "desk-4-ok");
      await at.accessible(desk, "an answer");
    }
  }
});

test("the user may do what the role gives, and is told why not more", async () => {
  const before = await at.token(desk);
  await at.signOut(desk);
  assert.equal((await at.api(before, "GET", "/v1/me")).status, 401, "to log out is to end the session");
  await at.signIn(desk, alice);
  const me = await at.tryOut(desk, "read_me");
  assert.deepEqual([me.body.roles, me.body.permissions], [["editor"], ["articles:update"]]);
  const refused = await at.tryOut(desk, "list_users");
  assert.deepEqual([refused.status, refused.body.code], [403, "insufficient_scope"]);
  assert.match(await at.reason(refused), /403 Forbidden: This needs the permission users:read.*signed in as alice/s);
  await refused.block.locator(".reason").evaluate((box) => box.scrollIntoView({ block: "center" }));
  await at.shot(desk, "desk-5-forbidden");
  await at.accessible(desk, "a refusal");
});

test("once the admin grants it, she is told to authorize again, and may", async () => {
  office = await at.visit(browser);
  await at.signIn(office, at.admin);
  assert.equal((await at.tryOut(office, "grant_permission", { permission: "users:read" })).status, 204);
  const stale = await at.tryOut(desk, "list_users");
  assert.deepEqual([stale.status, stale.body.code], [401, "invalid_token"]);
  assert.match(await at.reason(stale), /Rights have changed/);
  await stale.block.locator(".reason").evaluate((box) => box.scrollIntoView({ block: "center" }));
  await at.shot(desk, "desk-6-rights-have-changed");
  await stale.block.locator(".reason >> text=Authorize again").click();
  await at.type(desk, { oauth_username: alice.username, oauth_password: alice.password });
  await desk.click(".modal-ux .btn-done");
  const allowed = await at.tryOut(desk, "list_users");
  assert.equal(allowed.status, 200);
  assert.ok(allowed.body.items.some((user) => user.username === "alice"));
});

test("a reload keeps the authorization, but no password and no refresh token", async () => {
  await desk.reload();
  await desk.waitForSelector(".opblock");
  assert.match(await desk.innerText(".account"), /Signed in as alice/);
  assert.equal((await at.tryOut(desk, "list_users")).status, 200);
  const kept = await desk.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.match(kept, /access_token/);
  assert.ok(!kept.includes(alice.password) && !kept.includes("refresh_token"), "they are nowhere in the browser");
});

test("when her role is taken away, she is told that rights have changed", async () => {
  assert.equal((await at.tryOut(office, "deassign_role")).status, 204);
  const refused = await at.tryOut(desk, "list_users");
  assert.deepEqual([refused.status, refused.body.code], [401, "invalid_token"]);
  assert.match(await at.reason(refused), /Rights have changed.*Authorize again/s);
});

test("a service signs in with its own secret, and a wrong one is explained by the page, not by the browser", async () => {
  const made = await at.api(await at.token(office), "POST", "/v1/clients",
    { name: "Importer", client_id: "importer", grants: ["client_credentials"] });
  const page = await at.visit(browser);
  const devtools = await page.context().newCDPSession(page);
  let prompts = 0;
  devtools.on("Fetch.requestPaused", ({ requestId }) => devtools.send("Fetch.continueRequest", { requestId }));
  devtools.on("Fetch.authRequired", ({ requestId }) => {
    prompts += 1;
    return devtools.send("Fetch.continueWithAuth", { requestId, authChallengeResponse: { response: "CancelAuth" } });
  });
  await devtools.send("Fetch.enable", { handleAuthRequests: true });

  await at.openDialog(page);
  await at.type(page, { [service.id]: "importer", [service.secret]: "wrong" });
  const error = await page.locator(".modal-ux [role=alert]").innerText();
  assert.equal(error, "There is no such client, or its secret is wrong.");
  await page.locator(".modal-ux form").last().locator("summary").click();
  await page.locator(".modal-ux form").last().locator("label", { hasText: "users:read" }).click();
  await at.type(page, { [service.id]: "importer", [service.secret]: made.body.client_secret });
  await page.waitForSelector(".modal-ux :text('Logout')");
  await page.click(".modal-ux .btn-done");
  const me = await at.tryOut(page, "read_me");
  assert.deepEqual([me.status, me.body.username, me.body.roles], [200, "importer", []]);
  const introspected = await at.tryOut(page, "introspect_token");
  assert.equal(introspected.status, 401);
  assert.match(await at.reason(introspected), /no such client/);
  assert.equal(prompts, 0, "the browser asks for no password of its own");
  await at.signOut(page);
  assert.deepEqual(at.complaints(page, [401, 401]), []);
});

test("a server that is too busy, or away, is explained too", async () => {
  const page = await at.visit(browser);
  const busy = { status: 503, title: "Service Unavailable", code: "overloaded", detail: "Too many at once. Try again." };
  await page.route("**/v1/me", (route) =>
    route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify(busy) }));
  assert.match(await at.reason(await at.tryOut(page, "read_me")), /503 Service Unavailable: Too many at once/);
  await page.context().setOffline(true);
  await page.locator('[id$="-list_users"].opblock .opblock-summary-control').click();
  await page.click('[id$="-list_users"].opblock .execute');
  const away = "The server does not answer. Is it running? Try again in a moment.";
  assert.equal((await page.locator('[id$="-list_users"].opblock .reason').innerText()).trim(), away);
  await at.openDialog(page);
  await at.type(page, { oauth_username: "admin", oauth_password: "any" });
  assert.equal(await page.locator(".modal-ux [role=alert]").innerText(), away);
});

test("what another page of this address kept does no harm", async () => {
  const page = await at.visit(browser);
  for (const kept of [{ petstore: { name: "petstore", value: "x" } }, { rolecall: { token: { access_token: "x" } } }]) {
    await page.evaluate((kept) => localStorage.setItem("authorized", JSON.stringify(kept)), kept);
    await page.reload();
    await page.waitForSelector(".begin");
  }
  const refused = await at.tryOut(page, "read_me");
  assert.deepEqual([refused.status, refused.body.code], [401, "invalid_token"]);
  await refused.block.locator(".reason >> text=Authorize again").click();
  await page.waitForSelector("#oauth_username");
  assert.deepEqual(at.complaints(page, [401]), []);
});

test("nothing was asked elsewhere, and the browser had nothing to complain about but the refusals", () => {
  assert.deepEqual(at.complaints(desk, [400, 401, 403, 401, 401]), []);
  assert.deepEqual(at.complaints(office), []);
});

test("the policy holds: a script in the page does not run", async () => {
  const page = await at.visit(browser);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
  });
  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.ok(page.complaints.includes("CSP: script-src-elem"), page.complaints.join("\n"));
});
