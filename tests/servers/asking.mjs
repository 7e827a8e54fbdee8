// A server of the TypeScript SDK of the second generation that has no sessions (2026-07-28), and a tool that asks its
// client for a name and for its roots, and then, when it has these, for words of its model.
//
// Usage: node asking.mjs <npm prefix> <port>
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { resolve } from "node:path";

const [prefix, port] = process.argv.slice(2);
const require = createRequire(resolve(prefix, "package.json"));
const {
  McpServer,
  acceptedContent,
  createMcpHandler,
  inputRequired,
} = require("@modelcontextprotocol/server");
const { toNodeHandler } = require("@modelcontextprotocol/node");
const { z } = require("zod");

const NAME = z.object({ name: z.string() });

function asking() {
  const server = new McpServer({ name: "asking", version: "1" });
  server.registerTool("greet", { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
    const answers = mcpReq.inputResponses ?? {};
    if (answers.words) {
      const known = mcpReq.requestState();
      return { content: [{ type: "text", text: `${known}: ${answers.words.content.text}` }] };
    }
    const named = acceptedContent(answers, "name", NAME);
    if (!named) {
      const elicited = { message: "Your name?", requestedSchema: NAME };
      const name = inputRequired.elicit(elicited);
      return inputRequired({ inputRequests: { name, roots: inputRequired.listRoots() } });
    }
    const [root] = answers.roots.roots;
    const content = { type: "text", text: `Greet ${named.name}` };
    const asked = { messages: [{ role: "user", content }], maxTokens: 10 };
    return inputRequired({
      inputRequests: { words: inputRequired.createMessage(asked) },
      requestState: `${named.name} in ${root.uri}`,
    });
  });
  return server;
}

const handler = createMcpHandler(asking, { legacy: "reject" });
createServer(toNodeHandler(handler)).listen(Number(port), "127.0.0.1");
