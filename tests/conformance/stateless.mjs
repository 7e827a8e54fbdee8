// The server that the official conformance suite is run against for the revision without sessions:
// the TypeScript SDK of the second generation, which serves no other here.
//
// Usage: node stateless.mjs <npm prefix> <port>
//
// Prints what server.mjs prints.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { resolve } from "node:path";

import { handlers as contentHandlers } from "./content.mjs";
import { answered, prompts, tools } from "./questions.mjs";
import { handlers as toolHandlers } from "./tools.mjs";

const [prefix, port] = process.argv.slice(2);
const require = createRequire(resolve(prefix, "package.json"));
const { McpServer, createMcpHandler, createRequestStateCodec, fromJsonSchema } =
  require("@modelcontextprotocol/server");
const { localhostHostValidation, localhostOriginValidation, toNodeHandler } =
  require("@modelcontextprotocol/node");

const META = "io.modelcontextprotocol/";
const ROUTED = ["tools/call", "prompts/get", "completion/complete", "resources/read"];
const states = createRequestStateCodec({ key: randomBytes(32) });

const text = (text) => ({ content: [{ type: "text", text }] });
const REGION = {
  type: "object",
  properties: { region: { type: "string", "x-mcp-header": "Region" } },
  required: ["region"],
};

// What this revision has besides: changes of lists, arguments in the head.
const TOOLS = {
  test_trigger_tool_change: {
    description: "Says that the list of tools has changed.",
    call: () => handler.notify.toolsChanged(),
  },
  test_trigger_prompt_change: {
    description: "Says that the list of prompts has changed.",
    call: () => handler.notify.promptsChanged(),
  },
  test_argument_in_head: {
    description: "Has an argument that the head of a call repeats.",
    inputSchema: REGION,
    call: () => {},
  },
};

const HANDLERS = {
  ...toolHandlers,
  ...contentHandlers,
  "tools/list": () => {
    const more = Object.entries(TOOLS).map(([name, { description, inputSchema }]) => ({
      name,
      description,
      inputSchema: inputSchema ?? { type: "object" },
    }));
    return { tools: [...toolHandlers["tools/list"]().tools, ...tools, ...more] };
  },
  "tools/call": async (params, client) => {
    const known = TOOLS[params.name];
    if (!known) return toolHandlers["tools/call"](params, client);
    await known.call();
    return text("Done.");
  },
  "prompts/list": () => ({ prompts: [...contentHandlers["prompts/list"]().prompts, ...prompts] }),
};
for (const method of ["resources/subscribe", "resources/unsubscribe"]) delete HANDLERS[method];

/** What a tool may do with the client while it works. What it asks is its result until it is answered. */
function client({ log, notify, inputResponses, _meta }) {
  return {
    log,
    ask: async (method, params) => {
      const answer = inputResponses?.answer;
      if (answer) return answer;
      const asked = { resultType: "input_required", inputRequests: { answer: { method, params } } };
      throw Object.assign(new Error("asked"), { asked });
    },
    progress: async (progress, total) => {
      const progressToken = _meta?.progressToken;
      if (progressToken === undefined) return;
      const params = { progressToken, progress, total };
      await notify({ method: "notifications/progress", params });
    },
    hangUp: () => {},
  };
}

function mcpServer() {
  const capabilities = {
    tools: { listChanged: true },
    prompts: { listChanged: true },
    resources: {},
    completions: {},
    logging: {},
  };
  const options = {
    capabilities,
    instructions: "Made for the conformance suite.",
    requestState: { verify: states.verify },
  };
  const server = new McpServer({ name: "mcp-mux-conformance", version: "1" }, options);
  // So that the SDK knows what the head of a call has to repeat. The handlers below take its place.
  server.registerTool("test_argument_in_head", { inputSchema: fromJsonSchema(REGION) }, () => {});
  for (const [method, handle] of Object.entries(HANDLERS)) {
    server.server.setRequestHandler(method, async ({ params = {} }, { mcpReq }) => {
      if (ROUTED.includes(method)) console.log(JSON.stringify({ method, params }));
      const said = {
        capabilities: mcpReq.envelope[`${META}clientCapabilities`],
        answers: mcpReq.inputResponses ?? {},
        state: mcpReq.requestState(),
      };
      const result = await answered(method, params.name, said, states.mint);
      try {
        return result ?? (await handle(params, client(mcpReq)));
      } catch (error) {
        if (error.asked) return error.asked;
        throw error;
      }
    });
  }
  return server;
}

const handler = createMcpHandler(mcpServer, { legacy: "reject" });
const serve = toNodeHandler(handler);
const [isLocal, isFromHere] = [localhostHostValidation(), localhostOriginValidation()];
createServer((request, response) => {
  if (isLocal(request, response) && isFromHere(request, response)) serve(request, response);
}).listen(Number(port), "127.0.0.1");
