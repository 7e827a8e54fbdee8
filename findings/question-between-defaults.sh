#!/usr/bin/env bash
# A tool asks its user for a name, and the client can ask one. Client and server are of one SDK and one release, both
# as they come. Is the user asked?
#
# Versions: npm @modelcontextprotocol/client 2.4.0, @modelcontextprotocol/server 2.4.0 with @modelcontextprotocol/node
# 2.1.2.
# Seen: no. The client opens with `initialize`, whatever the server could do; the server serves that revision without a
# session, where it has nobody to ask, and answers with `isError`. With `versionNegotiation` set to `auto` in the client
# the user is asked. A gateway that speaks the revision without sessions to such a server asks for both clients.
# Fails if one of them behaves otherwise.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
echo '{}' >package.json
npm install --silent --ignore-scripts @modelcontextprotocol/client@2.4.0 @modelcontextprotocol/server@2.4.0 \
  @modelcontextprotocol/node@2.1.2 zod@4.6.7 >/dev/null 2>&1

cat >run.mjs <<'JS'
import { createServer } from "node:http";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { McpServer, acceptedContent, createMcpHandler, inputRequired } from "@modelcontextprotocol/server";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { z } from "zod";

const NAME = z.object({ name: z.string() });
function build() {
  const server = new McpServer({ name: "s", version: "1" });
  server.registerTool("greet", { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
    const said = acceptedContent(mcpReq.inputResponses ?? {}, "name", NAME);
    if (said) return { content: [{ type: "text", text: `Hello ${said.name}` }] };
    const name = inputRequired.elicit({ message: "Your name?", requestedSchema: NAME });
    return inputRequired({ inputRequests: { name } });
  });
  return server;
}
const server = createServer({ keepAliveTimeout: 60000 }, toNodeHandler(createMcpHandler(build)));
server.listen(0, "127.0.0.1", async () => {
  const url = new URL(`http://127.0.0.1:${server.address().port}`);
  for (const [name, options] of [["as it comes", {}], ["auto", { versionNegotiation: { mode: "auto" } }]]) {
    const client = new Client({ name: "c", version: "1" }, { capabilities: { elicitation: {} }, ...options });
    let asked = 0;
    client.setRequestHandler("elicitation/create", async () => {
      asked += 1;
      return { action: "accept", content: { name: "Ann" } };
    });
    await client.connect(new StreamableHTTPClientTransport(url));
    const { isError = false } = await client.callTool({ name: "greet", arguments: {} });
    console.log(`${name}, ${client.getNegotiatedProtocolVersion()}: asked ${asked} times, isError ${isError}`);
  }
  process.exit();
});
JS
node run.mjs | tee seen
diff seen - <<'SEEN'
as it comes, 2025-11-25: asked 0 times, isError true
auto, 2026-07-28: asked 1 times, isError false
SEEN
