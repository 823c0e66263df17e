// Fields get the names that screen readers say, where Swagger UI leaves them out.

export function names({ React }) {
  const h = React.createElement;

  const named = (Original) => (props) => {
    const parameter = props.rawParam.get("name");
    React.useEffect(() => {
      const field = document.querySelector(`tr[data-param-name="${CSS.escape(parameter)}"] select:not([aria-label])`);
      field?.setAttribute("aria-label", parameter);
    });
    return h(Original, props);
  };

  return {
    components: {
      // A link within a button is neither: the button opens the operation, and the address follows.
      DeepLink: ({ text }) => h("span", null, text),
    },
    wrapComponents: {
      TextArea: (Original) => (props) => h(Original, { "aria-label": "Request body", ...props }),
      parameterRow: named,
    },
  };
}
