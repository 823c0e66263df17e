// A service of someone else's (guard/examples/articles.rs), whose own Swagger UI signs people in at Rolecall.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { api, launch, url } from "./page.mjs";

const { OUTSIDE_PASSWORD: password, OUTSIDE_ARTICLES: program, OUTSIDE_ARTICLES_LISTEN: listen, OUTSIDE_SHOTS: shots } = process.env;
const ann = { username: "ann", password: "an author of articles" };

let admin, browser, service, page;

async function signIn({ username, password }) {
  const body = new URLSearchParams({ grant_type: "password", username, password });
  return (await (await fetch(`${url}/oauth/token`, { method: "POST", body })).json()).access_token;
}

async function make(path, body) {
  const { status, body: made } = await api(admin, "POST", path, body);
  assert.equal(status, 201, path);
  return made;
}

before(async () => {
  admin = await signIn({ username: "admin", password });
  await make("/v1/roles", { name: "articles-service", permissions: ["access:read", "permissions:create"] });
  const client = await make("/v1/clients", { name: "Articles", client_id: "articles-service", grants: ["client_credentials"] });
  assert.equal((await api(admin, "PUT", "/v1/users/articles-service/roles/articles-service")).status, 204);
  const settings = { ARTICLES_ISSUER: url, ARTICLES_CLIENT: client.client_id, ARTICLES_SECRET: client.client_secret, ARTICLES_LISTEN: listen };
  const run = (...args) => spawn(program, args, { env: { ...process.env, ...settings }, stdio: ["ignore", "pipe", "inherit"] });
  const [code] = await once(run("register"), "exit");
  assert.equal(code, 0, "it registers its permissions");
  service = run();
  await once(service.stdout, "data");
  await make("/v1/roles", { name: "author", permissions: ["articles:create", "articles:read"] });
  await make("/v1/users", { ...ann, roles: ["author"] });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  service?.kill();
});

/** Opens an operation, and presses Execute: the status that the page shows. */
async function tryOut(summary, { body, id } = {}) {
  const block = page.locator(".opblock", { hasText: summary });
  if (!(await block.locator(".execute").count())) {
    await block.locator(".opblock-summary-control").click();
    await block.locator(".try-out__btn").click();
  }
  if (id) await block.locator("input[placeholder=id]").fill(id);
  if (body) await block.locator("textarea").fill(JSON.stringify(body));
  const answered = page.waitForResponse((answer) => answer.url().includes("/articles"));
  await block.locator(".execute").click();
  const status = (await answered).status();
  await block.locator(".live-responses-table .response-col_status", { hasText: String(status) }).first().waitFor();
  return status;
}

test("its page lists its permissions as scopes, and signs in at Rolecall", async () => {
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(30_000);
  await page.goto(`http://${listen}/docs`);
  await page.click(".btn.authorize");
  const dialog = page.locator(".modal-ux .auth-container", { hasText: "password" }).first();
  assert.match(await dialog.innerText(), /Correct articles/);
  await dialog.locator("#oauth_username").fill(ann.username);
  await dialog.locator("#oauth_password").fill(ann.password);
  await page.screenshot({ path: `${shots}/service-1-dialog.png` });
  await dialog.locator(".btn.authorize").click();
  await dialog.getByText("Logout").waitFor();
  await page.locator(".modal-ux .btn-done").first().click();
});

test("who may write an article writes and reads it; who may not take it down is told so", async () => {
  assert.equal(await tryOut("Write an article", { body: { title: "Rabbits", text: "They are late." } }), 200);
  assert.equal(await tryOut("Read an article", { id: "1" }), 200);
  assert.equal(await tryOut("Take an article down", { id: "1" }), 403);
  assert.match(await page.locator(".opblock", { hasText: "Take an article down" }).innerText(), /This needs the permission articles:delete/);
  await page.screenshot({ path: `${shots}/service-2-refused.png` });
});

test("what is taken away at Rolecall is refused at the service moments later", async () => {
  assert.equal((await api(admin, "DELETE", "/v1/users/ann/roles/author")).status, 204);
  const deadline = Date.now() + 20_000;
  while ((await tryOut("Read an article", { id: "1" })) !== 401) assert.ok(Date.now() < deadline, "still let in");
});
