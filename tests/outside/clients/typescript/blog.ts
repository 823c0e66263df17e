// The blog, in TypeScript: with nothing but what openapi-typescript made of openapi.yaml, and openapi-fetch.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { OAuthError, Problem, paths } from "./rolecall.js";

const url = process.env["OUTSIDE_URL"] ?? "";
const form = { "Content-Type": "application/x-www-form-urlencoded" };

class Refused extends Error {
  constructor(readonly problem: Problem | OAuthError) {
    super("code" in problem ? problem.detail : problem.error_description);
  }
}

/** What was answered, if it isn't an error. */
async function ok<T>(asked: Promise<{ data?: T; error?: Problem | OAuthError }>): Promise<T> {
  const { data, error } = await asked;
  if (error) throw new Refused(error);
  return data as T;
}

/** The code of the problem that this is refused with. */
async function refused(asked: Promise<{ error?: Problem }>): Promise<string | undefined> {
  return (await asked).error?.code;
}

async function signIn(username: string, password: string) {
  const body = { grant_type: "password", username, password } as const;
  const token = await ok(createClient<paths>({ baseUrl: url }).POST("/oauth/token", { body, headers: form }));
  return createClient<paths>({ baseUrl: url, headers: { Authorization: `${token.token_type} ${token.access_token}` } });
}

const admin = await signIn("admin", process.env["OUTSIDE_PASSWORD"] ?? "");

for (const name of ["articles:read", "articles:update"]) {
  assert.equal((await ok(admin.POST("/v1/permissions", { body: { name } }))).resource, "articles");
}
const editor = { name: "editor", description: "Writes articles", permissions: ["articles:read", "articles:update"] };
assert.equal((await ok(admin.POST("/v1/roles", { body: editor }))).built_in, false);
const taken = await admin.POST("/v1/roles", { body: editor });
assert.deepEqual([taken.error?.status, taken.error?.code], [409, "already_exists"]);

const password = "down the rabbit hole";
const user = await ok(admin.POST("/v1/users", { body: { username: "alice", password, display_name: "Alice" } }));
assert.equal(user.status, "active");

// What would it change? Then make it so.
const role = { params: { path: { user: "alice", role: "editor" } } };
const forecast = await ok(admin.PUT("/v1/dry-run/users/{user}/roles/{role}", role));
assert.deepEqual(forecast.users?.[0]?.gains, ["articles:read", "articles:update"]);
await ok(admin.PUT("/v1/users/{user}/roles/{role}", role));

const alice = await signIn("alice", password);
assert.deepEqual((await ok(alice.GET("/v1/me"))).roles, ["editor"]);
assert.equal(await refused(alice.GET("/v1/users")), "insufficient_scope");
assert.equal(await refused(admin.GET("/v1/users/{user}", { params: { path: { user: "bob" } } })), "not_found");

const why = await ok(
  admin.GET("/v1/users/{user}/permissions/{permission}", {
    params: { path: { user: "alice", permission: "articles:update" } },
  }),
);
assert.ok(why.allowed);
assert.deepEqual(why.paths.map((path) => path.roles), [["editor"]]);

// Page by page, to the end.
const names: string[] = [];
let cursor: string | undefined;
do {
  const page = await ok(admin.GET("/v1/permissions", { params: { query: { limit: 2, ...(cursor && { cursor }) } } }));
  assert.ok(page.items.length <= 2);
  names.push(...page.items.map((permission) => permission.name));
  cursor = page.next;
} while (cursor);
assert.ok(names.length > 30 && names.includes("articles:update"));

// Only if nobody has changed her since; null clears.
const path = { user: "alice" };
const read = await admin.GET("/v1/users/{user}", { params: { path } });
assert.equal(read.data?.display_name, "Alice");
const header = { "If-Match": read.response.headers.get("ETag") ?? "" };
const clear = { params: { path, header }, body: { display_name: null } };
assert.equal((await ok(admin.PATCH("/v1/users/{user}", clear))).display_name, undefined);
assert.equal(await refused(admin.PATCH("/v1/users/{user}", clear)), "stale");
