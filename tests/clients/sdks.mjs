// The two TypeScript SDKs, as far as the scripts here use them, in one shape.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

// The SDK of the first generation knows messages by schema, the second by method.
const SCHEMAS = {
  "elicitation/create": "ElicitRequestSchema",
  "roots/list": "ListRootsRequestSchema",
  "sampling/createMessage": "CreateMessageRequestSchema",
  "notifications/message": "LoggingMessageNotificationSchema",
  "notifications/prompts/list_changed": "PromptListChangedNotificationSchema",
  "notifications/resources/list_changed": "ResourceListChangedNotificationSchema",
  "notifications/resources/updated": "ResourceUpdatedNotificationSchema",
  "notifications/tools/list_changed": "ToolListChangedNotificationSchema",
};

const INFO = { name: "mcp-mux-tests", version: "1" };

// A client that is not connected yet. `options` are those of its transport; `mode` says what the
// second generation negotiates: the first knows nothing but sessions.
export function make(sdk, npm, endpoint, capabilities, options, mode = "legacy") {
  const require = createRequire(join(npm, "package.json"));
  return { v1, v2, remote }[sdk](require, new URL(endpoint), capabilities, options, mode);
}

function v1(require, url, capabilities, options) {
  const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
  const path = "@modelcontextprotocol/sdk/client/streamableHttp.js";
  const { StreamableHTTPClientTransport } = require(path);
  const types = require("@modelcontextprotocol/sdk/types.js");
  const { InMemoryTaskStore } = require("@modelcontextprotocol/sdk/experimental/tasks");
  const taskStore = capabilities.tasks && new InMemoryTaskStore();
  const client = new Client(INFO, { capabilities, taskStore });
  const transport = new StreamableHTTPClientTransport(url, options);
  return {
    client,
    transport,
    answer: (method, handler) =>
      client.setRequestHandler(types[SCHEMAS[method]], (request, extra) =>
        handler(request.params, extra.requestId, extra.taskStore),
      ),
    hear: (method, handler) =>
      client.setNotificationHandler(types[SCHEMAS[method]], ({ params }) => handler(params)),
    call: (params, options) => client.callTool(params, undefined, options),
    tasks: client.experimental.tasks,
    revision: () => transport.protocolVersion,
  };
}

function v2(require, url, capabilities, options, mode) {
  const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
  const transport = new StreamableHTTPClientTransport(url, options);
  return second(require, transport, capabilities, mode);
}

// On stdio, before mcp-remote. What that keeps in files is its own, so that several do not share it.
function remote(require, { href }, capabilities, _, mode) {
  const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");
  const files = mkdtempSync(join(tmpdir(), "mcp-remote-"));
  process.on("exit", () => rmSync(files, { recursive: true }));
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(dirname(require.resolve("mcp-remote/package.json")), "dist/proxy.js"), href],
    env: { ...process.env, MCP_REMOTE_CONFIG_DIR: files },
    stderr: "ignore",
  });
  return second(require, transport, capabilities, mode);
}

function second(require, transport, capabilities, mode) {
  const { Client } = require("@modelcontextprotocol/client");
  const versionNegotiation = { mode };
  const client = new Client(INFO, { capabilities, versionNegotiation });
  return {
    client,
    transport,
    answer: (method, handler) =>
      client.setRequestHandler(method, (request, context) =>
        handler(request.params, context.mcpReq.id),
      ),
    hear: (method, handler) =>
      client.setNotificationHandler(method, ({ params }) => handler(params)),
    call: (params, options) => client.callTool(params, options),
    // Those of 2025-11-25 are not in this SDK.
    tasks: undefined,
    revision: () => client.getNegotiatedProtocolVersion(),
  };
}
