#!/usr/bin/env bash
# A server has forgotten a session and answers 404, as the protocol says, with a JSON-RPC error as its body. Does an
# agent framework open a new session?
#
# Versions: PyPI google-adk 2.13.0 with mcp 2.3.0; npm @mastra/mcp 2.0.0 with @mastra/core 1.71.0.
# Seen: the status decides nothing, the words of the body do. google-adk opens a new session for the code -32600
# with exactly `Session terminated`, and leaves the call that found out to its caller. Mastra opens one and calls
# again where the text of the error has `HTTP 404`, which its SDK does not put there itself. With any other words
# every later call fails, too. A gateway whose sessions can end has to say both.
# Fails if one of them behaves otherwise.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --ignore-scripts @mastra/mcp@2.0.0 @mastra/core@1.71.0 >/dev/null 2>&1
python3 -m venv py && py/bin/pip install --quiet 'google-adk[mcp]==2.13.0' mcp==2.3.0

cat >server.mjs <<'JS'
// Serves one call in its first session, forgets it, and serves every other session. The path is the error.
import { createServer } from "node:http";
let sessions = 0;
let forgotten;
const results = {
  initialize: () => ({ protocolVersion: "2025-11-25", capabilities: { tools: {} },
    serverInfo: { name: "s", version: "1" } }),
  "tools/list": () => ({ tools: [{ name: "tool", inputSchema: { type: "object" } }] }),
  "tools/call": (session) => {
    if (session === "session-1") forgotten = session;
    return { content: [{ type: "text", text: "called" }] };
  },
};
createServer(async (request, response) => {
  if (request.method !== "POST") return response.writeHead(405).end();
  let body = "";
  for await (const chunk of request) body += chunk;
  const { id, method } = JSON.parse(body);
  if (id === undefined) return response.writeHead(202).end();
  const session = request.headers["mcp-session-id"];
  const answer = (status, member, headers = {}) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ jsonrpc: "2.0", id, ...member }));
  };
  if (session && session === forgotten) {
    return answer(404, { error: JSON.parse(decodeURIComponent(request.url.slice(1))) });
  }
  const result = results[method]?.(session);
  if (!result) return answer(200, { error: { code: -32601, message: "no such method" } });
  const opened = method === "initialize" ? { "mcp-session-id": `session-${++sessions}` } : {};
  answer(200, { result }, opened);
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
JS
cat >adk.py <<'PY'
import asyncio, logging, sys
from google.adk.tools.mcp_tool import McpToolset, StreamableHTTPConnectionParams

async def main():
    toolset = McpToolset(connection_params=StreamableHTTPConnectionParams(url=sys.argv[1]))
    [tool] = await toolset.get_tools()
    calls = [await tool.run_async(args={}, tool_context=None) for _ in range(3)]
    print(*("fails" if "error" in call else "succeeds" for call in calls))

logging.disable()
asyncio.run(main())
PY
cat >mastra.mjs <<'JS'
import { MCPClient } from "@mastra/mcp";
const client = new MCPClient({ servers: { s: { url: new URL(process.argv[2]) } } });
const { s_tool: tool } = await client.listTools();
const calls = [];
for (let i = 0; i < 3; i++) calls.push(await tool.execute({}, {}).then(() => "succeeds", () => "fails"));
process.stdout.write(`${calls.join(" ")}\n`);
process.exit();
JS
sed -i '1i for (const level of ["log", "debug", "info", "warn", "error"]) console[level] = () => {};' mastra.mjs

# Arguments: the error, and the client.
ask() {
  local server said
  : >port
  node server.mjs >port &
  server=$!
  until [[ -s port ]]; do sleep 0.1; done
  said=$(NO_GCE_CHECK=true "${@:2}" \
    "http://127.0.0.1:$(<port)/$(node -p 'encodeURIComponent(process.argv[1])' "$1")" 2>/dev/null || echo "stops")
  kill "$server"
  echo "$said"
}
seen=$(for error in '{"code":-32001,"message":"Session not found"}' \
  '{"code":-32600,"message":"Session terminated"}' \
  '{"code":-32600,"message":"Session terminated","data":{"reason":"HTTP 404: forgotten"}}'; do
  echo "google-adk, $error: $(ask "$error" py/bin/python adk.py)"
  echo "Mastra, $error: $(ask "$error" node mastra.mjs)"
done)
echo "$seen"
diff <(echo "$seen") - <<'SEEN'
google-adk, {"code":-32001,"message":"Session not found"}: succeeds fails fails
Mastra, {"code":-32001,"message":"Session not found"}: succeeds fails fails
google-adk, {"code":-32600,"message":"Session terminated"}: succeeds fails succeeds
Mastra, {"code":-32600,"message":"Session terminated"}: succeeds fails fails
google-adk, {"code":-32600,"message":"Session terminated","data":{"reason":"HTTP 404: forgotten"}}: succeeds fails succeeds
Mastra, {"code":-32600,"message":"Session terminated","data":{"reason":"HTTP 404: forgotten"}}: succeeds succeeds succeeds
SEEN
