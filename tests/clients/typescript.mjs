// A client of the TypeScript SDK, to be run against the gateway.
//
// Usage: node typescript.mjs <npm prefix> <endpoint> <negotiation: legacy | auto> <page to fetch>
//
// Prints one JSON object: what the client saw.
import { createRequire } from "node:module";
import { join } from "node:path";

const [prefix, endpoint, mode, page] = process.argv.slice(2);
const require = createRequire(join(prefix, "package.json"));
const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");

const client = new Client(
  { name: "mcp-mux-tests", version: "1" },
  { versionNegotiation: { mode } },
);
const transport = new StreamableHTTPClientTransport(new URL(endpoint));
await client.connect(transport);

const { tools } = await client.listTools();
const text = async (name, args, options) => {
  const result = await client.callTool({ name, arguments: args }, options);
  return result.content[0].text;
};
const failure = async (call) => {
  try {
    await call();
  } catch (error) {
    return { code: error.code, message: error.message };
  }
};

const progress = [];
const seen = {
  era: client.getProtocolEra(),
  revision: client.getNegotiatedProtocolVersion(),
  tools: tools.map((tool) => tool.name),
  echo: await text("everything__echo", { message: "héllo" }),
  sum: await text("everything__get-sum", { a: 40, b: 2 }),
  slow: await text(
    "everything__trigger-long-running-operation",
    { duration: 1, steps: 4 },
    { onprogress: (step) => progress.push(step.progress) },
  ),
  progress,
  page: await text("fetch__fetch", { url: page }),
  unknown: await failure(() => client.callTool({ name: "nobody__echo", arguments: {} })),
};
if (seen.era === "legacy") {
  seen.ping = await client.ping();
  await transport.terminateSession();
}
await client.close();
console.log(JSON.stringify(seen));
