#!/usr/bin/env bash
# A client asks a server for a method that this server does not have. Can its caller tell that from a failure?
#
# Versions: npm @modelcontextprotocol/client 2.4.0 and, on the other side, @modelcontextprotocol/server 2.4.0 with
# @modelcontextprotocol/node 2.1.2.
# Seen: with 2025-11-25 yes, by the code -32601. With 2026-07-28 the server says the same code, in an answer with the
# status 404 as that revision asks for, and the client of the same release throws it away: the caller gets an error of
# HTTP. Whoever falls back on -32601 does so no more. Other errors, which come with 400, keep their code.
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
import { McpServer, createMcpHandler } from "@modelcontextprotocol/server";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { z } from "zod";

function build() {
  const server = new McpServer({ name: "s", version: "1" });
  server.registerTool("tool", { inputSchema: z.object({}) }, async () => ({ content: [] }));
  return server;
}
const server = createServer({ keepAliveTimeout: 60000 }, toNodeHandler(createMcpHandler(build)));
server.listen(0, "127.0.0.1", async () => {
  const url = new URL(`http://127.0.0.1:${server.address().port}`);
  for (const mode of ["legacy", "auto"]) {
    const client = new Client({ name: "c", version: "1" }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(url));
    const asked = { ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: "" } };
    const { code, name } = await client.complete(asked).catch((error) => error);
    console.log(`${client.getNegotiatedProtocolVersion()}: ${name} ${code}`);
  }
  process.exit();
});
JS
node run.mjs | tee seen
diff seen - <<'SEEN'
2025-11-25: ProtocolError -32601
2026-07-28: SdkHttpError CLIENT_HTTP_NOT_IMPLEMENTED
SEEN
