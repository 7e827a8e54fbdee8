// The server that the official conformance suite is run against, directly and through the gateway:
// the TypeScript SDK, Streamable HTTP with sessions, streams that can be resumed, on loopback only.
//
// Usage: node server.mjs <npm prefix> <port>
//
// Prints a line of JSON for each request that has one addressee: of two of these servers behind the
// gateway only one may be asked.
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { resolve } from "node:path";

import { handlers as contentHandlers } from "./content.mjs";
import { EventStore } from "./events.mjs";
import { answeredInSession, prompts, tools } from "./questions.mjs";
import { handlers as toolHandlers } from "./tools.mjs";

const [prefix, port] = process.argv.slice(2);
const require = createRequire(resolve(prefix, "package.json"));
const sdk = (module) => require(`@modelcontextprotocol/sdk/${module}.js`);
const { createMcpExpressApp } = sdk("server/express");
const { Server } = sdk("server/index");
const { StreamableHTTPServerTransport } = sdk("server/streamableHttp");
const types = sdk("types");

// The SDK's `McpServer` makes schemas from zod and loses JSON Schema's own keywords on the way, so
// this is its `Server`, with one handler for every method that it does not answer itself.
const HANDLERS = {
  ...toolHandlers,
  ...contentHandlers,
  "tools/list": () => ({ tools: [...toolHandlers["tools/list"]().tools, ...tools] }),
  "prompts/list": () => ({ prompts: [...contentHandlers["prompts/list"]().prompts, ...prompts] }),
};
const RESULTS = {
  "sampling/createMessage": types.CreateMessageResultSchema,
  "elicitation/create": types.ElicitResultSchema,
  "roots/list": types.ListRootsResultSchema,
};
const ROUTED = ["tools/call", "prompts/get", "completion/complete", "resources/read"];
ROUTED.push("resources/subscribe", "resources/unsubscribe");

/** How long a client may take to answer: what is lost on the way shall fail soon. */
const PATIENCE = 10_000;

function mcpServer() {
  const capabilities = {
    tools: {},
    prompts: {},
    resources: { subscribe: true },
    completions: {},
    logging: {},
  };
  const options = {
    capabilities,
    // Ask only clients that can be asked.
    enforceStrictCapabilities: true,
    instructions: "Made for the conformance suite.",
  };
  const server = new Server({ name: "mcp-mux-conformance", version: "1" }, options);
  server.fallbackRequestHandler = async ({ method, params = {} }, extra) => {
    if (ROUTED.includes(method)) console.log(JSON.stringify({ method, params }));
    const handler = HANDLERS[method];
    if (!handler) throw new types.McpError(types.ErrorCode.MethodNotFound, "Method not found");
    const asker = client(server, extra);
    const result = await answeredInSession(method, params.name, asker.ask);
    return result ?? handler(params, asker);
  };
  return server;
}

/** What a tool may do with the client while it works, all of it on the stream of its call. */
function client(server, extra) {
  const notify = (method, params) => extra.sendNotification({ method, params });
  return {
    ask: (method, params) =>
      extra.sendRequest({ method, params }, RESULTS[method], { timeout: PATIENCE }),
    log: async (level, data) => {
      if (server.isMessageIgnored(level, extra.sessionId)) return;
      await notify("notifications/message", { level, logger: "conformance", data });
    },
    progress: async (progress, total) => {
      const progressToken = extra._meta?.progressToken;
      if (progressToken === undefined) return;
      await notify("notifications/progress", { progressToken, progress, total });
    },
    hangUp: () => extra.closeSSEStream?.(),
  };
}

const sessions = new Map();

async function open(requested) {
  const known = types.SUPPORTED_PROTOCOL_VERSIONS.includes(requested);
  const session = { revision: known ? requested : types.LATEST_PROTOCOL_VERSION };
  session.transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: new EventStore(),
    retryInterval: 100,
    onsessioninitialized: (id) => sessions.set(id, session),
    onsessionclosed: (id) => sessions.delete(id),
  });
  await mcpServer().connect(session.transport);
  return session;
}

/**
 * Makes the header say what the session has negotiated. The SDK goes by the header alone when it
 * decides whether a stream can be resumed, and version 0.1 of the suite names 2025-03-26 there in a
 * session of 2025-11-25.
 */
function correctRevision({ rawHeaders }, revision) {
  const at = rawHeaders.findIndex((name) => name.toLowerCase() === "mcp-protocol-version") + 1;
  if (at > 0 && types.SUPPORTED_PROTOCOL_VERSIONS.includes(rawHeaders[at])) {
    rawHeaders[at] = revision;
  }
}

// The app refuses every host that is not loopback.
const app = createMcpExpressApp();
app.all("/mcp", async (request, response) => {
  const id = request.headers["mcp-session-id"];
  // A request without an id that does not initialize is refused by the transport.
  const requested = request.body?.params?.protocolVersion;
  const session = id === undefined ? await open(requested) : sessions.get(id);
  if (!session) {
    const error = { code: -32001, message: "Session not found" };
    response.status(404).json({ jsonrpc: "2.0", id: null, error });
    return;
  }
  if (id !== undefined) correctRevision(request, session.revision);
  await session.transport.handleRequest(request, response, request.body);
});
app.listen(Number(port), "127.0.0.1");
