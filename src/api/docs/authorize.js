// The dialog behind "Authorize", instead of Swagger UI's own: it says what to type, takes Enter, works with password
// managers, says in words why somebody can't sign in, and keeps the focus. Ids and class names are Swagger UI's.
import { account, signIn, signOut } from "./account.js";

const FLOWS = {
  password: {
    title: "As a person",
    grant: "password",
    fields: [
      { id: "oauth_username", name: "username", label: "Username or e-mail", autoComplete: "username", autoFocus: true },
      { id: "oauth_password", name: "password", label: "Password", autoComplete: "current-password", type: "password" },
    ],
  },
  clientCredentials: {
    title: "As a service, with its own secret",
    grant: "client_credentials",
    fields: [
      { id: "client_id_clientCredentials", name: "client_id", label: "Client id", autoComplete: "off" },
      { id: "client_secret_clientCredentials", name: "client_secret", label: "Client secret", autoComplete: "off", type: "password" },
    ],
  },
};

const show = (dialog) => {
  dialog?.showModal();
  dialog?.querySelector("input, .btn-done").focus();
};
const close = (event) => event.currentTarget.closest("dialog").close();

export function authorize({ React }) {
  const h = React.createElement;

  const Field = ({ label, ...input }) =>
    h("p", { className: "field" },
      h("label", { htmlFor: input.id }, label),
      h("input", { type: "text", required: true, autoCapitalize: "none", spellCheck: false, ...input }));

  const Scopes = ({ scopes }) =>
    h("details", { className: "scopes" },
      h("summary", null, `Scopes (${scopes.size}): tick some to narrow the token to them`),
      h("ul", null, scopes.entrySeq().map(([scope, description]) =>
        h("li", { key: scope },
          h("label", null,
            h("input", { type: "checkbox", name: "scope", value: scope }),
            h("span", null, h("code", null, scope), " ", description))))));

  const Flow = ({ system, schema }) => {
    const [state, setState] = React.useState({});
    const { title, grant, fields } = FLOWS[schema.get("flow")];
    const submit = (event) => {
      event.preventDefault();
      const form = new FormData(event.currentTarget);
      const scope = form.getAll("scope").join(" ");
      setState({ busy: true });
      signIn(system, schema.get("tokenUrl"), { ...Object.fromEntries(form), scope, grant_type: grant })
        .catch((error) => setState({ error: error.message }));
    };
    return h("form", { className: "auth-container", onSubmit: submit },
      h("h3", null, title),
      fields.map((field) => h(Field, { key: field.id, ...field })),
      schema.get("scopes").size > 0 && h(Scopes, { scopes: schema.get("scopes") }),
      state.error && h("p", { className: "errors", role: "alert" }, state.error),
      h("div", { className: "auth-btn-wrapper" },
        h("button", { className: "btn modal-btn auth authorize", disabled: state.busy }, "Authorize"),
        h("button", { type: "button", className: "btn modal-btn auth btn-done", onClick: close }, "Close")));
  };

  const SignedIn = ({ system, who, scope }) =>
    h("div", { className: "auth-container" },
      h("p", null, "You are signed in as ", h("b", null, who), "."),
      scope && h("p", null, "The token is narrowed to ", h("code", null, scope), "."),
      h("p", null, "Close this, open an operation, and press Execute. To be someone else, log out first."),
      h("div", { className: "auth-btn-wrapper" },
        h("button", { className: "btn modal-btn auth", onClick: () => signOut(system) }, "Logout"),
        h("button", { className: "btn modal-btn auth btn-done", autoFocus: true, onClick: close }, "Close")));

  const Dialog = (system) => {
    const now = account(system);
    const flows = system.authSelectors.shownDefinitions().flatMap((definition) => definition.valueSeq());
    const left = () => system.authActions.showDefinitions(false);
    return h("div", { className: "dialog-ux" },
      h("dialog", { className: "modal-ux", ref: show, onClose: left, closedby: "any", "aria-labelledby": "sign-in" },
        h("header", { className: "modal-ux-header" },
          h("h2", { id: "sign-in" }, now ? "Signed in" : "Sign in"),
          h("button", { className: "close-modal", "aria-label": "Close", onClick: close }, "×")),
        now
          ? h(SignedIn, { system, ...now })
          : flows.map((schema) => h(Flow, { key: schema.get("flow"), system, schema }))));
  };

  return {
    components: { authorizationPopup: Dialog },
    wrapComponents: {
      authorizeBtn: (Original, system) => (props) => {
        const now = account(system);
        return h("div", { className: "account" },
          now && h("span", null, "Signed in as ", h("b", null, now.who)),
          h(Original, props));
      },
    },
  };
}
