"use strict";

// Swagger UI keeps the authorization over a reload, as it should, and the password with it, as it should not.
const forgetPassword = () => ({
  statePlugins: {
    auth: {
      wrapActions: {
        authorizeOauth2: (authorize) => ({ auth, token }) =>
          authorize({ auth: { ...auth, password: "", clientSecret: "" }, token }),
      },
    },
  },
});

window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  plugins: [forgetPassword],
  deepLinking: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  // No outside request: the badge would ask a validator elsewhere.
  validatorUrl: null,
});
