#!/usr/bin/env bash
# A server lists a good tool and one whose `inputSchema` is `{}`. Which clients
# still show the good one?
#
# Versions: npm @modelcontextprotocol/sdk 1.32.2, @modelcontextprotocol/client 2.4.0; PyPI mcp 2.3.0.
# Seen: none. Every SDK validates the result as a whole and rejects the list for the one tool, so the user
# has no tool at all; it is the same when `inputSchema` is missing. A gateway that joins the lists of several
# servers must therefore never pass on a malformed item: it would take the other servers' tools along.
# Fails if one of them behaves otherwise.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --ignore-scripts @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0 >/dev/null
python3 -m venv py && py/bin/pip install --quiet mcp==2.3.0

cat >server.mjs <<'JS'
// The second tool of `/empty` has an empty schema; that of `/none` has none.
import { createServer } from "node:http";
const good = { name: "good", inputSchema: { type: "object" } };
const lists = { "/empty": [good, { name: "bad", inputSchema: {} }], "/none": [good, { name: "bad" }] };
const results = {
  initialize: () => ({ protocolVersion: "2025-11-25", capabilities: { tools: {} },
    serverInfo: { name: "s", version: "1" } }),
  "tools/list": (path) => ({ tools: lists[path] }),
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
cat >one.mjs <<'JS'
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
const client = new Client({ name: "c", version: "1" });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
const shown = await client.listTools().then((it) => it.tools.map((tool) => tool.name).join(), () => "rejected");
console.log(shown);
process.exit();
JS
sed -e 's#^import { Client }.*#import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";#' \
  -e '/client\/streamableHttp/d' one.mjs >two.mjs
cat >three.py <<'PY'
import asyncio, sys
from mcp import Client

async def main():
    async with Client(sys.argv[1], mode="legacy") as client:
        try:
            print(",".join(tool.name for tool in (await client.list_tools()).tools))
        except Exception:
            print("rejected")

asyncio.run(main())
PY
node server.mjs >port &
until [[ -s port ]]; do sleep 0.1; done
at=http://127.0.0.1:$(<port)
seen=$(for path in empty none; do
  echo "TypeScript 1, $path: $(node one.mjs "$at/$path" 2>/dev/null)"
  echo "TypeScript 2, $path: $(node two.mjs "$at/$path" 2>/dev/null)"
  echo "Python 2, $path: $(py/bin/python three.py "$at/$path" 2>/dev/null)"
done)
echo "$seen"
diff <(echo "$seen") - <<'SEEN'
TypeScript 1, empty: rejected
TypeScript 2, empty: rejected
Python 2, empty: rejected
TypeScript 1, none: rejected
TypeScript 2, none: rejected
Python 2, none: rejected
SEEN
