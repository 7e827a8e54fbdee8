// An OAuth authorization server, oidc-provider, that lets in whoever is named by `login_hint`.
//
// Usage: node authorization.mjs <npm prefix> <port> <resource>
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [prefix, port, resource] = process.argv.slice(2);
const path = join(prefix, "node_modules/oidc-provider/lib/index.js");
const { default: Provider } = await import(pathToFileURL(path));

const SCOPE = "tools:read";
const GROUPS = { ann: ["users", "admins"], bob: ["users"] };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  scopes: ["openid", "offline_access", SCOPE],
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      // Tokens are good for the resource that they were asked for (RFC 8707), and are JWTs (RFC 9068).
      getResourceServerInfo: (_, indicator) => ({
        scope: SCOPE,
        audience: indicator,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
  extraTokenClaims: (_, token) => ({ groups: GROUPS[token.accountId] ?? [] }),
  findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
});

// Everybody logs in, and consents.
const answer = async ({ prompt, params, session }) => {
  if (prompt.name === "login") return { login: { accountId: params.login_hint } };
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  grant.addResourceScope(resource, SCOPE);
  return { consent: { grantId: await grant.save() } };
};

const serve = provider.callback();
createServer(async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return serve(request, response);
  const result = await answer(await provider.interactionDetails(request, response));
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}).listen(Number(port), "127.0.0.1");
