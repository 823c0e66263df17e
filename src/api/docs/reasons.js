// When an answer is a refusal, the page says why, in words, above the answer, and what to do about it.
import { account, NO_ANSWER, signOut } from "./account.js";

/** What a problem (RFC 9457) or an OAuth error (RFC 6749 §5.2) says, if the answer is one. */
function problem(response) {
  try {
    const { title, detail, code, error, error_description } = JSON.parse(response.get("text"));
    const said = { title: title ?? "Refused", detail: detail ?? error_description, code: code ?? error };
    return response.get("status") >= 400 && said.detail ? said : undefined;
  } catch {
    return undefined;
  }
}

const reveal = (box) => box?.scrollIntoView({ block: "nearest" });

export function reasons({ React }) {
  const h = React.createElement;

  const advice = (system, code) => {
    const now = account(system);
    const open = () => system.authActions.showDefinitions(system.authSelectors.definitionsToAuthorize());
    const again = () => {
      signOut(system);
      open();
    };
    const button = (text, onClick) => h("button", { className: "btn again", onClick }, text);
    if (code === "invalid_token" && now) return button("Authorize again", again);
    if (code === "unauthenticated") return button("Sign in", open);
    if (code === "insufficient_scope" && now) {
      return h("p", null, "You are signed in as ", h("b", null, now.who),
        ". Sign in as somebody who has it, or let an administrator grant it to one of your roles.");
    }
    return null;
  };

  return {
    wrapComponents: {
      liveResponse: (Original, system) => (props) => {
        const status = props.response.get("status");
        if (!status) return h("div", { className: "reason", role: "alert", ref: reveal }, h("p", null, NO_ANSWER));
        const why = problem(props.response);
        return h(React.Fragment, null,
          why && h("div", { className: "reason", role: "alert", ref: reveal },
            h("p", null, h("b", null, `${status} ${why.title}: `), why.detail),
            advice(system, why.code)),
          h(Original, props));
      },
    },
  };
}
