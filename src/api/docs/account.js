// Who is signed in, and how to get in and out. The system is Swagger UI's: its selectors and actions.

const SCHEME = "rolecall";
export const NO_ANSWER = "The server does not answer. Is it running? Try again in a moment.";

/** What a JWT says; whether that is true, the server will say. */
function claims(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return {};
  }
}

/** Who is signed in, if anybody: what is kept may also be another page's of this address. */
export function account({ authSelectors }) {
  const auth = authSelectors.authorized().get(SCHEME);
  const token = auth?.getIn(["token", "access_token"]);
  return token && {
    token,
    client: auth.get("clientId"),
    who: auth.get("username") || auth.get("clientId"),
    session: claims(token).sid,
    scope: auth.getIn(["token", "scope"]),
  };
}

/** Posts a form to an OAuth endpoint: what it answers, or an error that a person can read. */
async function post(url, parameters) {
  const body = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  // Without "omit" the browser asks for a name and a password itself when a client's secret is wrong.
  const answer = await fetch(url, { method: "POST", body, credentials: "omit" }).catch(() => {
    throw new Error(NO_ANSWER);
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error_description ?? `The server answers ${answer.status}. Try again in a moment.`);
  return said;
}

/** Gets a token. Swagger UI keeps it over a reload; the password, the secret and the refresh token it never sees. */
export async function signIn({ authActions }, url, parameters) {
  const { access_token, token_type, scope } = await post(url, parameters);
  const auth = { name: SCHEME, username: parameters.username, clientId: parameters.client_id };
  authActions.authorizeOauth2WithPersistOption({ auth, token: { access_token, token_type, scope } });
}

/** Forgets the token, and ends its session: the one of a client with a secret needs the secret, and ends by itself. */
export function signOut(system) {
  const { client, token } = account(system);
  if (!client) post("/oauth/revoke", { token }).catch(() => {});
  system.authActions.logoutWithPersistOption([SCHEME]);
}
