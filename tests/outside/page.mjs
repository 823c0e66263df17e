// Swagger UI in Chromium, and what a person does there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const url = process.env.OUTSIDE_URL;
export const admin = { username: "admin", password: process.env.OUTSIDE_PASSWORD };
// The sandbox does not work for root; the rest keeps Chromium from calling home.
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const launch = () => chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args });

/** A browser of its own at /docs, that notes whatever it complains about. */
export async function visit(browser, viewport = { width: 1280, height: 900 }) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
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

/** What the browser complained about, but for its noting that a request was refused with one of these, in this order. */
export function complaints(page, refusals = []) {
  const expected = [...refusals];
  return page.complaints.filter((text) => {
    const status = text.match(/^Failed to load resource: .* status of (\d+) /)?.[1];
    if (status === undefined || Number(status) !== expected[0]) return true;
    expected.shift();
    return false;
  }).concat(expected.map((status) => `no ${status}`));
}

export const shot = (page, name) => page.screenshot({ path: `${process.env.OUTSIDE_SHOTS}/${name}.png` });

export async function openDialog(page) {
  await page.click(".scheme-container .btn.authorize");
  await page.waitForSelector("dialog[open]");
}

/** Types into the dialog, which is open, and presses Enter. */
export async function type(page, fields) {
  for (const [id, text] of Object.entries(fields)) await page.fill(`#${id}`, text);
  await page.press(`#${Object.keys(fields).at(-1)}`, "Enter");
}

export async function signIn(page, { username, password }) {
  await openDialog(page);
  await type(page, { oauth_username: username, oauth_password: password });
  await page.waitForSelector(".modal-ux :text('Logout')");
  await page.click(".modal-ux .btn-done");
}

export async function signOut(page) {
  await openDialog(page);
  await page.click(".modal-ux :text('Logout')");
  await page.waitForSelector("#oauth_username");
  await page.click(".modal-ux .btn-done");
}

/** Opens an operation if it isn't, fills in what is given, presses Execute: the answer's status and JSON. */
export async function tryOut(page, operation, parameters = {}) {
  const block = page.locator(`[id$="-${operation}"].opblock`);
  if (!(await block.locator(".execute").count())) await block.locator(".opblock-summary-control").click();
  for (const [name, value] of Object.entries(parameters)) {
    await block.locator(`tr[data-param-name="${name}"] input`).fill(value);
  }
  const answered = page.waitForResponse((response) => /\/(v1|access|oauth)\//.test(response.url()));
  await block.locator(".execute").click();
  const answer = await answered;
  // What the page shows is what counts.
  const shown = block.locator(".live-responses-table .response .response-col_status").first();
  await shown.filter({ hasText: String(answer.status()) }).waitFor();
  await block.locator(".live-responses-table").evaluate((table) => table.scrollIntoView({ block: "center" }));
  return { status: answer.status(), body: await answer.json().catch(() => undefined), block };
}

/** What the page says, in words, of an answer that is a refusal. */
export const reason = (answer) => answer.block.locator(".reason").innerText();

/** Asks the API, not by way of the page. */
export async function api(token, method, path, body) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, body: await answer.json().catch(() => undefined) };
}

/** The token that the page holds. */
export const token = (page) =>
  page.evaluate(() => Object.values(JSON.parse(localStorage.authorized))[0].token.access_token);

/** That nobody is kept out by how it looks or is built, as axe can tell (WCAG 2.2 A and AA). */
export async function accessible(page, state) {
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  // Browsers let the keyboard scroll a long line by themselves; axe wants it to be asked for.
  const rules = { "scrollable-region-focusable": { enabled: false } };
  const { violations } = await page.evaluate((options) => window.axe.run(options), { runOnly: tags, rules });
  const said = violations.map(({ id, nodes }) => `${id}: ${nodes.length}, as ${nodes[0].target}`);
  assert.deepEqual(said, [], state);
}

/** That nothing sticks out to the side: neither of the page nor of the dialog. */
export async function fits(page, state) {
  const widths = await page.evaluate(() =>
    [document.documentElement, document.querySelector("dialog")].map((box) => box && [box.scrollWidth, box.clientWidth]));
  for (const [content, visible] of widths.filter(Boolean)) {
    assert.ok(content <= visible, `${state}: ${content} in ${visible}`);
  }
}
