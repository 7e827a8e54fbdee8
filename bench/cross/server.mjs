// The other upstream: servers of the official TypeScript SDK, which answer what they are told to.
//
// Usage: node server.mjs <npm prefix> <content> <listeners>
//
// The content is JSON: {"tools": [...], "call": {...}}. Prints the address of each listener, a line each;
// ends when its standard input does.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [prefix, file, listeners] = process.argv.slice(2);
const require = createRequire(resolve(prefix, "package.json"));
const sdk = (module) => require(`@modelcontextprotocol/sdk/${module}.js`);
const { Server } = sdk("server/index");
const { StreamableHTTPServerTransport } = sdk("server/streamableHttp");
const types = sdk("types");

const { tools, call } = JSON.parse(readFileSync(file, "utf8"));
const sessions = new Map();

async function open() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: true,
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  const server = new Server({ name: "bench", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler(types.ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(types.CallToolRequestSchema, () => call);
  await server.connect(transport);
  return transport;
}

async function serve(request, response) {
  const id = request.headers["mcp-session-id"];
  const transport = id === undefined ? await open() : sessions.get(id);
  if (transport) await transport.handleRequest(request, response);
  else response.writeHead(404).end();
}

for (let number = 0; number < Number(listeners); number++) {
  const server = createServer(serve);
  server.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${server.address().port}`));
}
process.stdin.resume().on("end", () => process.exit());
