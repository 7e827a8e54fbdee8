#!/usr/bin/env bash
# A server says that it tells when its list of tools changes, and a client wants to hear of it. Both are of one SDK and
# one release, as they come. Does it hear?
#
# Versions: npm @modelcontextprotocol/client 2.4.0, @modelcontextprotocol/server 2.4.0 with @modelcontextprotocol/node
# 2.1.2.
# Seen: no. The client opens with `initialize`, and is told `listChanged: true`; for that revision the server has no
# stream to tell it on, GET is 405, and no one reports that. With `versionNegotiation` set to `auto` in the client it
# hears. Whoever trusts the capability keeps a list for ever.
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
const handler = createMcpHandler(build);
const server = createServer({ keepAliveTimeout: 60000 }, toNodeHandler(handler)).listen(0, "127.0.0.1", async () => {
  const url = new URL(`http://127.0.0.1:${server.address().port}`);
  const clients = [];
  for (const [name, options] of [["as it comes", {}], ["auto", { versionNegotiation: { mode: "auto" } }]]) {
    const seen = { name, heard: false, errors: 0 };
    const listChanged = { tools: { onChanged: () => { seen.heard = true; } } };
    const client = new Client({ name: "c", version: "1" }, { listChanged, ...options });
    client.onerror = () => { seen.errors += 1; };
    await client.connect(new StreamableHTTPClientTransport(url));
    clients.push({ client, seen });
  }
  for (let tries = 0; tries < 60 && !clients[1].seen.heard; tries++) {
    handler.notify.toolsChanged();
    await new Promise((done) => setTimeout(done, 1000));
  }
  for (const { client, seen: { name, heard, errors } } of clients) {
    const says = client.getServerCapabilities().tools.listChanged;
    console.log(`${name}: server says ${says}, client hears ${heard}, errors ${errors}`);
  }
  process.exit();
});
JS
node run.mjs | tee seen
diff seen - <<'SEEN'
as it comes: server says true, client hears false, errors 0
auto: server says true, client hears true, errors 0
SEEN
