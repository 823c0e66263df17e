// A person at Swagger UI, in Chromium: signs in, makes things, sees who may do what.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const url = process.env.OUTSIDE_URL;
const admin = { username: "admin", password: process.env.OUTSIDE_PASSWORD };
// As the document's example makes her.
const alice = { username: "alice", password: "curiouser and curiouser" };
// The sandbox does not work for root; the rest keeps Chromium from calling home.
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

let browser, desk, office;

/** A browser of its own at /docs, that notes whatever it complains about. */
async function visit(viewport = { width: 1280, height: 900 }) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(`error: ${error}`));
  page.on("console", (message) => {
    // Swagger UI takes the `_` of an operation id in the address for an escaped space, and finds it all the same.
    const known = message.text().startsWith("Deprecated: escaping deep link whitespace");
    if (message.type() === "error" && !known) page.complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== url && !request.url().startsWith("data:")) {
      page.complaints.push(`asked ${request.url()}`);
    }
  });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective}`));
  });
  const answer = await page.goto(`${url}/docs`);
  assert.match(answer.headers()["content-security-policy"], /script-src 'self';/);
  await page.waitForSelector(".opblock");
  return page;
}

const shot = (page, name) => page.screenshot({ path: `${process.env.OUTSIDE_SHOTS}/${name}.png` });

/** Through the dialog; the client fields and the scopes stay as they are. */
async function signIn(page, { username, password }) {
  await page.click(".btn.authorize");
  await page.fill("#oauth_username", username);
  await page.fill("#oauth_password", password);
  await page.click(".modal-ux .auth.authorize");
  await page.waitForSelector(".modal-ux :text('Logout')");
  await page.click(".modal-ux .btn-done");
}

async function signOut(page) {
  await page.click(".btn.authorize");
  await page.click(".modal-ux :text('Logout')");
  await page.waitForSelector("#oauth_username");
  await page.click(".modal-ux .btn-done");
}

/** Opens an operation if it isn't, fills in what is given, presses Execute: the answer's status and JSON. */
async function tryOut(page, operation, parameters = {}) {
  const block = page.locator(`[id$="-${operation}"].opblock`);
  if (!(await block.locator(".execute").count())) await block.locator(".opblock-summary-control").click();
  for (const [name, value] of Object.entries(parameters)) {
    await block.locator(`tr[data-param-name="${name}"] input`).fill(value);
  }
  const answered = page.waitForResponse((response) => response.url().includes("/v1/"));
  await block.locator(".execute").click();
  const answer = await answered;
  // What the page shows is what counts.
  const shown = block.locator(".live-responses-table .response .response-col_status").first();
  await shown.filter({ hasText: String(answer.status()) }).waitFor();
  await block.locator(".live-responses-table").evaluate((table) => table.scrollIntoView({ block: "center" }));
  return { status: answer.status(), body: await answer.json().catch(() => undefined) };
}

before(async () => {
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args });
});
after(() => browser?.close());

test("the page welcomes", async () => {
  desk = await visit();
  assert.equal(await desk.locator(".errors-wrapper").count(), 0, "the document has no errors");
  await shot(desk, "1-welcome");
  await desk.click(".btn.authorize");
  await desk.waitForSelector("#oauth_username");
  await shot(desk, "2-dialog");
  const button = await desk.locator(".modal-ux .auth.authorize").boundingBox();
  assert.ok(button.y + button.height < 900, "the button is in sight");
  await desk.click(".modal-ux .btn-done");
});

test("the admin makes a permission, a role and a user from the examples, and assigns", async () => {
  await signIn(desk, admin);
  for (const [operation, status] of [
    ["create_permission", 201],
    ["create_role", 201],
    ["grant_permission", 204],
    ["create_user", 201],
    ["assign_role", 204],
  ]) {
    assert.equal((await tryOut(desk, operation)).status, status, operation);
    await shot(desk, `3-${operation}`);
  }
});

test("the user may do what the role gives, and no more", async () => {
  await signOut(desk);
  await signIn(desk, alice);
  const me = await tryOut(desk, "read_me");
  assert.deepEqual([me.body.roles, me.body.permissions], [["editor"], ["articles:update"]]);
  const refused = await tryOut(desk, "list_users");
  assert.deepEqual([refused.status, refused.body.code], [403, "insufficient_scope"]);
  await shot(desk, "4-forbidden");
});

test("once the admin grants it, she may after a new sign-in", async () => {
  office = await visit();
  await signIn(office, admin);
  assert.equal((await tryOut(office, "grant_permission", { permission: "users:read" })).status, 204);
  const stale = await tryOut(desk, "list_users");
  assert.deepEqual([stale.status, stale.body.code], [401, "invalid_token"]);
  await signOut(desk);
  await signIn(desk, alice);
  const allowed = await tryOut(desk, "list_users");
  assert.equal(allowed.status, 200);
  assert.ok(allowed.body.items.some((user) => user.username === "alice"));
  await shot(desk, "5-allowed");
});

test("a reload keeps the authorization, but not the password", async () => {
  await desk.reload();
  await desk.waitForSelector(".opblock");
  assert.equal((await tryOut(desk, "list_users")).status, 200);
  const kept = await desk.evaluate(() => JSON.stringify(localStorage));
  assert.match(kept, /access_token/);
  assert.ok(!kept.includes(alice.password), "the password is nowhere in the browser's storage");
});

test("it reads well on a phone", async () => {
  const phone = await visit({ width: 390, height: 844 });
  await shot(phone, "6-phone");
  await signIn(phone, admin);
  assert.equal((await tryOut(phone, "list_users")).status, 200);
  await shot(phone, "7-phone-answer");
  const width = await phone.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `nothing sticks out: ${width}`);
  assert.deepEqual(phone.complaints, []);
});

test("nothing was asked elsewhere, and the browser had nothing to complain about but the refusals", () => {
  const refusals = [403, 401].map((status) => new RegExp(`^Failed to load resource: .* status of ${status} `));
  assert.equal(desk.complaints.length, refusals.length, desk.complaints.join("\n"));
  refusals.forEach((refusal, index) => assert.match(desk.complaints[index], refusal));
  assert.deepEqual(office.complaints, []);
});

test("the policy holds: a script in the page does not run", async () => {
  const page = await visit();
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
  });
  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.ok(page.complaints.includes("CSP: script-src-elem"), page.complaints.join("\n"));
});
