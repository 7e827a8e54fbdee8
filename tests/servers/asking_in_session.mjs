// A server of the TypeScript SDK of the first generation, with sessions, and a tool that asks its client in the midst of
// a call for a name, for its roots, and then for words of its model.
//
// Usage: node asking_in_session.mjs <npm prefix> <port>
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { resolve } from "node:path";

const [prefix, port] = process.argv.slice(2);
const require = createRequire(resolve(prefix, "package.json"));
const { McpServer } = require("@modelcontextprotocol/sdk/server/mcp.js");
const path = "@modelcontextprotocol/sdk/server/streamableHttp.js";
const { StreamableHTTPServerTransport } = require(path);
const {
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
} = require("@modelcontextprotocol/sdk/types.js");

const NAME = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };

function asking() {
  const server = new McpServer({ name: "asking", version: "1" });
  server.registerTool("greet", {}, async ({ sendRequest, sendNotification, _meta }) => {
    const progress = async (progress) => {
      const progressToken = _meta?.progressToken;
      if (progressToken === undefined) return;
      const params = { progressToken, progress, total: 2 };
      await sendNotification({ method: "notifications/progress", params });
    };
    const ask = (method, params, schema) => sendRequest({ method, params }, schema);
    const elicited = { message: "Your name?", requestedSchema: NAME };
    const named = await ask("elicitation/create", elicited, ElicitResultSchema);
    await progress(1);
    const { roots } = await ask("roots/list", undefined, ListRootsResultSchema);
    await progress(2);
    const content = { type: "text", text: `Greet ${named.content.name}` };
    const asked = { messages: [{ role: "user", content }], maxTokens: 10 };
    const words = await ask("sampling/createMessage", asked, CreateMessageResultSchema);
    const text = `${named.content.name} in ${roots[0].uri}: ${words.content.text}`;
    return { content: [{ type: "text", text }] };
  });
  return server;
}

const sessions = new Map();

async function opened() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  await asking().connect(transport);
  return transport;
}

createServer(async (request, response) => {
  const id = request.headers["mcp-session-id"];
  const transport = id === undefined ? await opened() : sessions.get(id);
  if (transport === undefined) {
    response.writeHead(404).end();
    return;
  }
  await transport.handleRequest(request, response);
}).listen(Number(port), "127.0.0.1");
