#!/usr/bin/env bash
# A resource has a long URI, as one with a query in it can have. Can it be read?
#
# Versions: npm @modelcontextprotocol/client 2.4.0, @modelcontextprotocol/server 2.4.0 with @modelcontextprotocol/node
# 2.1.2, on Node.js 20.
# Seen: up to the limit of headers. With 2026-07-28 the client repeats the URI in the header `Mcp-Name`, and Node.js
# takes 16 KiB of headers: over that the answer is 431, without a word of JSON-RPC, before the SDK sees the request.
# With 2025-11-25 the same client reads the same resource from the same server, since the URI is in the body alone.
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
import { McpServer, ResourceTemplate, createMcpHandler } from "@modelcontextprotocol/server";
import { toNodeHandler } from "@modelcontextprotocol/node";

function build() {
  const server = new McpServer({ name: "s", version: "1" });
  const template = new ResourceTemplate("search://{+query}", { list: undefined });
  server.registerResource("search", template, {}, ({ href }) => ({ contents: [{ uri: href, text: "found" }] }));
  return server;
}
const server = createServer({ keepAliveTimeout: 60000 }, toNodeHandler(createMcpHandler(build)));
server.listen(0, "127.0.0.1", async () => {
  const url = new URL(`http://127.0.0.1:${server.address().port}`);
  for (const mode of ["legacy", "auto"]) {
    const client = new Client({ name: "c", version: "1" }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(url));
    for (const kilobytes of [8, 20]) {
      const uri = `search://x/${"a".repeat(kilobytes * 1000)}`;
      const read = await client.readResource({ uri }).then(
        ({ contents: [{ text }] }) => text,
        ({ name, data }) => `${name} ${data?.status}`,
      );
      console.log(`${client.getNegotiatedProtocolVersion()}, ${kilobytes} KB: ${read}`);
    }
  }
  process.exit();
});
JS
node run.mjs | tee seen
diff seen - <<'SEEN'
2025-11-25, 8 KB: found
2025-11-25, 20 KB: found
2026-07-28, 8 KB: found
2026-07-28, 20 KB: SdkHttpError 431
SEEN
