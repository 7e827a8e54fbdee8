// A client of the TypeScript SDK that has to authenticate, to be run against the gateway.
//
// Usage: node oauth.mjs <npm prefix> <endpoint> <negotiation: legacy | auto> <user>
//
// Prints one JSON object: what the client saw.
import { createRequire } from "node:module";
import { join } from "node:path";

const [prefix, endpoint, mode, user] = process.argv.slice(2);
const require = createRequire(join(prefix, "package.json"));
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = require("@modelcontextprotocol/client");

const callback = "http://127.0.0.1:9/callback";
const kept = {};
let asked;

const provider = {
  redirectUrl: callback,
  clientMetadata: {
    client_name: "mcp-mux-tests",
    redirect_uris: [callback],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => (kept.tokens = tokens),
  saveCodeVerifier: (verifier) => (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  redirectToAuthorization: (url) => (asked = url),
};

// What a browser does: it follows redirects with cookies, until the client is called back.
const login = async (url) => {
  url.searchParams.set("login_hint", user);
  const jar = new Map();
  for (let at = url; ; ) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(at, { redirect: "manual", headers: { cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [name, value] = set.split(";")[0].split("=");
      jar.set(name, value);
    }
    const location = answer.headers.get("location");
    if (!location) throw new Error(`${answer.status} of ${at}: ${await answer.text()}`);
    at = new URL(location, at);
    if (at.href.startsWith(callback)) return at.searchParams;
  }
};

const refused = await fetch(endpoint, {
  method: "POST",
  headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
  body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
});
const seen = { status: refused.status, challenge: refused.headers.get("www-authenticate") };

const open = async () => {
  const client = new Client({ name: "mcp-mux-tests", version: "1" }, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(new URL(endpoint), { authProvider: provider });
  return { client, transport };
};
const first = await open();
try {
  await first.client.connect(first.transport);
  throw new Error("let in without a token");
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error;
}
seen.scope = asked.searchParams.get("scope");
seen.resource = asked.searchParams.get("resource");
await first.transport.finishAuth(await login(asked));

const { client, transport } = await open();
await client.connect(transport);
seen.era = client.getProtocolEra();
seen.tools = (await client.listTools()).tools.map((tool) => tool.name);
const echo = await client.callTool({ name: "everything__echo", arguments: { message: "héllo" } });
seen.echo = echo.content[0].text;
const name = "everything__get-resource-links";
try {
  const links = await client.callTool({ name, arguments: { count: 1 } });
  seen.links = links.content.length > 0;
} catch (error) {
  seen.links = error.message;
}
await client.close();
console.log(JSON.stringify(seen));
