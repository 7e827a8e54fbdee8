#!/usr/bin/env bash
# A server has three tools on three pages. How many does an agent framework give to its model?
#
# Versions: PyPI google-adk 2.13.0 with mcp 2.3.0; autogen-ext 0.7.5 with mcp 1.30.0; npm @mastra/mcp 2.0.0 with
# @mastra/core 1.71.0.
# Seen: google-adk and AutoGen ask once and never follow `nextCursor`, without a word about it; Mastra reads to the
# end. For the former, tools behind the first page do not exist, so a gateway that joins lists does well to answer
# with one page.
# Fails if one of them behaves otherwise.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --ignore-scripts @mastra/mcp@2.0.0 @mastra/core@1.71.0 >/dev/null 2>&1
python3 -m venv py && py/bin/pip install --quiet 'google-adk[mcp]==2.13.0' mcp==2.3.0
python3 -m venv py1 && py1/bin/pip install --quiet 'autogen-ext[mcp]==0.7.5' mcp==1.30.0

cat >server.mjs <<'JS'
import { createServer } from "node:http";
const results = {
  initialize: () => ({ protocolVersion: "2025-11-25", capabilities: { tools: {} },
    serverInfo: { name: "s", version: "1" } }),
  "tools/list": ({ cursor = "1" } = {}) => ({
    tools: [{ name: `tool${cursor}`, inputSchema: { type: "object" } }],
    nextCursor: cursor < 3 ? `${Number(cursor) + 1}` : undefined,
  }),
};
createServer(async (request, response) => {
  if (request.method !== "POST") return response.writeHead(405).end();
  let body = "";
  for await (const chunk of request) body += chunk;
  const { id, method, params } = JSON.parse(body);
  if (id === undefined) return response.writeHead(202).end();
  const result = results[method]?.(params);
  const answer = result ? { result } : { error: { code: -32601, message: "no such method" } };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
JS
cat >adk.py <<'PY'
import asyncio, logging, sys
from google.adk.tools.mcp_tool import McpToolset, StreamableHTTPConnectionParams

async def main():
    toolset = McpToolset(connection_params=StreamableHTTPConnectionParams(url=sys.argv[1]))
    print(len(await toolset.get_tools()))

logging.disable()
asyncio.run(main())
PY
cat >autogen.py <<'PY'
import asyncio, sys
from autogen_ext.tools.mcp import StreamableHttpServerParams, mcp_server_tools

print(len(asyncio.run(mcp_server_tools(StreamableHttpServerParams(url=sys.argv[1])))))
PY
cat >mastra.mjs <<'JS'
import { MCPClient } from "@mastra/mcp";
const client = new MCPClient({ servers: { s: { url: new URL(process.argv[2]) } } });
process.stdout.write(`${Object.keys(await client.listTools()).length}\n`);
process.exit();
JS
node server.mjs >port &
until [[ -s port ]]; do sleep 0.1; done
url=http://127.0.0.1:$(<port)/mcp
seen=$(
  echo "google-adk: $(NO_GCE_CHECK=true py/bin/python adk.py "$url" 2>/dev/null) of 3"
  echo "AutoGen: $(py1/bin/python autogen.py "$url" 2>/dev/null) of 3"
  echo "Mastra: $(node mastra.mjs "$url" 2>/dev/null) of 3"
)
echo "$seen"
diff <(echo "$seen") - <<'SEEN'
google-adk: 1 of 3
AutoGen: 1 of 3
Mastra: 3 of 3
SEEN
