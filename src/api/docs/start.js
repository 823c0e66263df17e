// Swagger UI with our options, and the plugins that make it ours.
import { authorize } from "./authorize.js";
import { names } from "./names.js";
import { reasons } from "./reasons.js";
import { welcome } from "./welcome.js";

window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  plugins: [authorize, names, reasons, welcome],
  deepLinking: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  // The default one's numbers are too dark to read.
  syntaxHighlight: { theme: "obsidian" },
  docExpansion: "list",
  // No outside request: the badge would ask a validator elsewhere.
  validatorUrl: null,
  // To a client that isn't known the server says "Basic", and the browser would ask for a name and a password itself.
  requestInterceptor: (request) =>
    new URL(request.url, location).pathname.startsWith("/oauth/") ? { ...request, credentials: "omit" } : request,
});
