#!/usr/bin/env bash
# A list whose pages never end: with the same or other items on each page, and the same or another cursor.
#
# Versions: npm @modelcontextprotocol/client 2.4.0; PyPI fastmcp 4.1.2.
# Seen: TypeScript notices only a page that comes again whole, items and cursor; in any other case it asks
# 64 times and then rejects the list, so that no tool is left. fastmcp notices a cursor that comes again; with
# ever new cursors it asks 250 times and rejects the list, too. A gateway that seals cursors makes each one
# new, so that no client can notice: it has to end such a walk itself.
# Fails if one of them behaves otherwise.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --ignore-scripts @modelcontextprotocol/client@2.4.0 >/dev/null
python3 -m venv py && py/bin/pip install --quiet fastmcp==4.1.2

cat >server.mjs <<'JS'
// Logs a line for each page that it is asked for.
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
const tool = { name: "tool", inputSchema: { type: "object" } };
const count = (file) => readFileSync(file, "utf8").split("\n").length;
const results = {
  initialize: () => ({ protocolVersion: "2025-11-25", capabilities: { tools: {} },
    serverInfo: { name: "s", version: "1" } }),
  "tools/list": (path) => {
    appendFileSync("asked", "page\n");
    const page = count("asked");
    return {
      tools: [{ ...tool, name: path.startsWith("/same-items") ? "tool" : `tool${page}` }],
      nextCursor: path.endsWith("/same-cursor") ? "same" : `cursor${page}`,
    };
  },
};
createServer(async (request, response) => {
  if (request.method !== "POST") return response.writeHead(405).end();
  let body = "";
  for await (const chunk of request) body += chunk;
  const { id, method } = JSON.parse(body);
  if (id === undefined) return response.writeHead(202).end();
  const result = results[method]?.(request.url);
  const answer = result ? { result } : { error: { code: -32601, message: "no such method" } };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
JS
cat >typescript.mjs <<'JS'
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
const client = new Client({ name: "c", version: "1" });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
console.log(await client.listTools().then((it) => `${it.tools.length} tools`, () => "rejected"));
process.exit();
JS
cat >python.py <<'PY'
import asyncio, sys
from fastmcp import Client

async def main():
    async with Client(sys.argv[1]) as client:
        print(len(await client.list_tools()), "tools")

asyncio.run(main())
PY
node server.mjs >port &
until [[ -s port ]]; do sleep 0.1; done
ask() {
  local said
  : >asked
  said=$("${@:2}" "http://127.0.0.1:$(<port)/$1" 2>/dev/null || echo "rejected")
  echo "$said, $(wc -l <asked) requests"
}
seen=$(for list in same-items/same-cursor other-items/same-cursor same-items/other-cursor; do
  echo "TypeScript, $list: $(ask $list node typescript.mjs)"
  echo "fastmcp, $list: $(ask $list py/bin/python python.py)"
done)
echo "$seen"
diff <(echo "$seen") - <<'SEEN'
TypeScript, same-items/same-cursor: 1 tools, 2 requests
fastmcp, same-items/same-cursor: 2 tools, 2 requests
TypeScript, other-items/same-cursor: rejected, 64 requests
fastmcp, other-items/same-cursor: 2 tools, 2 requests
TypeScript, same-items/other-cursor: rejected, 64 requests
fastmcp, same-items/other-cursor: rejected, 250 requests
SEEN
