// The same person, on a phone: nothing sticks out, everything fits a thumb.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as at from "./page.mjs";

const bob = { username: "bob", password: "who can fix it? Bob can" };

let browser, phone;

before(async () => {
  browser = await at.launch();
  phone = await at.visit(browser, { width: 375, height: 812 });
});
after(() => browser?.close());

/** What a thumb must hit is at least 40 pixels high. */
async function thumbs(selector) {
  for (const target of await phone.locator(selector).all()) {
    const box = await target.boundingBox();
    assert.ok(!box || box.height >= 40, `${selector}: ${box?.height}`);
  }
}

async function looks(state) {
  await at.shot(phone, `phone-${state}`);
  await at.fits(phone, state);
  await at.accessible(phone, state);
}

test("it welcomes", async () => {
  await looks("1-welcome");
  await thumbs(".btn.authorize");
  await thumbs(".opblock-summary-control");
  await thumbs(".authorization__btn");
});

test("the dialog fits, and says what is wrong with a password", async () => {
  await at.openDialog(phone);
  await looks("2-dialog");
  await thumbs("dialog .btn");
  await thumbs("dialog .field input");
  const box = await phone.locator("dialog").boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 375 && box.y >= 0 && box.y + box.height <= 812, JSON.stringify(box));
  await at.type(phone, { oauth_username: "admin", oauth_password: "wrong" });
  assert.match(await phone.locator(".modal-ux [role=alert]").innerText(), /password is wrong/);
  await looks("3-wrong-password");
  await phone.click("dialog .close-modal");
});

test("answers read well, and so does a refusal", async () => {
  await at.signIn(phone, at.admin);
  await at.api(await at.token(phone), "POST", "/v1/users", bob);
  const answer = await at.tryOut(phone, "read_user", { user: "bob" });
  assert.equal(answer.status, 200);
  await looks("4-ok");
  await thumbs(".execute-wrapper .btn, .btn-group .btn");
  await at.signOut(phone);
  await at.signIn(phone, bob);
  const refused = await at.tryOut(phone, "list_users");
  assert.match(await at.reason(refused), /403 Forbidden: This needs the permission users:read.*signed in as bob/s);
  await refused.block.locator(".reason").evaluate((box) => box.scrollIntoView({ block: "center" }));
  await looks("5-forbidden");
  assert.deepEqual(at.complaints(phone, [400, 403]), []);
});

test("nothing sticks out, whichever operation is open", async () => {
  for (const operation of ["get_token", "create_client", "explain_user_permission", "end_user_sessions"]) {
    await phone.locator(`[id$="-${operation}"].opblock .opblock-summary-control`).click();
    await phone.waitForSelector(`[id$="-${operation}"].opblock .execute`);
    await at.fits(phone, operation);
  }
});
