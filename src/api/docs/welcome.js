// What to do first, and a session to try things with.
import { account } from "./account.js";

export function welcome({ React }) {
  const h = React.createElement;

  /** A link that opens an operation, and goes there. */
  const To = ({ system, tag, operation, children }) => {
    const open = (event) => {
      event.preventDefault();
      system.layoutActions.show(["operations-tag", tag], true);
      system.layoutActions.show(["operations", tag, operation], true);
      document.getElementById(`operations-${tag}-${operation}`)?.scrollIntoView();
    };
    return h("a", { href: `#/${tag}/${operation}`, onClick: open }, children);
  };

  const Begin = ({ system }) => {
    const to = (tag, operation, text) => h(To, { system, tag, operation }, text);
    return h("section", { className: "begin", "aria-label": "How to begin" },
      h("h2", null, "How to begin"),
      h("ol", null,
        h("li", null, "Press ", h("b", null, "Authorize"), ", and sign in with the username and the password that the ",
          "server printed when it first started."),
        h("li", null, "See ", to("Me", "read_me", "who you are"), ": press ", h("b", null, "Execute"), "."),
        h("li", null, "Make a ", to("Permissions", "create_permission", "permission"), " and a ",
          to("Roles", "create_role", "role"), ", ", to("Roles", "grant_permission", "grant"), " the one to the other, make a ",
          to("Users", "create_user", "user"), ", ", to("Assignments", "assign_role", "assign"),
          " her the role. The examples fit together: just press Execute."),
        h("li", null, "Sign in as her (", h("code", null, "alice"), ", ", h("code", null, "curiouser and curiouser"),
          "): she isn't allowed to ", to("Users", "list_users", "list users"), ", and the page says why.")));
  };

  /** Nobody knows a session's id by heart: the caller's own is in the token. */
  const OwnSession = (Original, system) => (props) => {
    const { rawParam, onChange } = props;
    const session = rawParam.get("name") === "session" ? account(system)?.session : undefined;
    React.useEffect(() => {
      if (session) onChange(rawParam, session);
    }, [session]);
    return h(Original, props);
  };

  return {
    wrapComponents: {
      parameterRow: OwnSession,
      InfoContainer: (Original, system) => (props) =>
        h(React.Fragment, null, h(Original, props), h(Begin, { system })),
    },
  };
}
