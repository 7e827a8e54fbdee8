#!/usr/bin/env bash
# A server over stdio is quick: its progress notifications and the result are in the pipe together when its client
# reads. Does the caller hear of the progress?
#
# Versions: npm @modelcontextprotocol/sdk 1.32.2, @modelcontextprotocol/client 2.4.0.
# Seen: no. Both SDKs handle a notification one turn of the event loop later than the result, which takes the
# caller's `onprogress` with it. With 50 ms between the lines all of it arrives.
# Fails if one of them behaves otherwise.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --ignore-scripts \
  @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0 >/dev/null 2>&1

cat >server.mjs <<'JS'
// Answers a call with three progress notifications and the result: in one write, or one by one.
import { createInterface } from "node:readline";
const together = process.argv[2] === "together";
const line = (message) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
createInterface({ input: process.stdin }).on("line", async (text) => {
  const { id, method, params } = JSON.parse(text);
  if (method === "initialize") {
    const result = { protocolVersion: params.protocolVersion, capabilities: { tools: {} },
      serverInfo: { name: "s", version: "1" } };
    process.stdout.write(line({ id, result }));
  }
  if (method !== "tools/call") return;
  const { progressToken } = params._meta;
  const lines = [1, 2, 3].map((progress) =>
    line({ method: "notifications/progress", params: { progressToken, progress } }));
  lines.push(line({ id, result: { content: [] } }));
  for (const part of together ? [lines.join("")] : lines) {
    process.stdout.write(part);
    await new Promise((done) => setTimeout(done, 50));
  }
});
JS
cat >client.mjs <<'JS'
const [sdk, way] = process.argv.slice(2);
const v1 = sdk === "sdk-1.32.2";
const name = v1 ? "@modelcontextprotocol/sdk/client/" : "@modelcontextprotocol/client";
const { Client } = await import(v1 ? `${name}index.js` : name);
const { StdioClientTransport } = await import(v1 ? `${name}stdio.js` : `${name}/stdio`);
const client = new Client({ name: "c", version: "1" });
await client.connect(new StdioClientTransport({ command: process.execPath, args: ["server.mjs", way] }));
const heard = [];
const options = { onprogress: ({ progress }) => heard.push(progress) };
const call = { name: "t", arguments: {} };
await (v1 ? client.callTool(call, undefined, options) : client.callTool(call, options));
console.log(`${sdk}, ${way}: ${heard.join(" ") || "nothing"}`);
await client.close();
JS

for sdk in sdk-1.32.2 client-2.4.0; do
  for way in together one-by-one; do timeout 60 node client.mjs "$sdk" "$way"; done
done | tee seen
diff seen - <<'TXT'
sdk-1.32.2, together: nothing
sdk-1.32.2, one-by-one: 1 2 3
client-2.4.0, together: nothing
client-2.4.0, one-by-one: 1 2 3
TXT
