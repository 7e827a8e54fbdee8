// A part of what server-everything has, under the same names, on the TypeScript SDK of the second
// generation, which serves the revision without sessions. One tool logs, which that of
// server-everything does not.
//
// Usage: node everything.mjs <npm prefix> <port> <eras: both | stateless>
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { resolve } from "node:path";

const [prefix, port, eras] = process.argv.slice(2);
const require = createRequire(resolve(prefix, "package.json"));
const { McpServer, ResourceTemplate, createMcpHandler } = require("@modelcontextprotocol/server");
const { toNodeHandler } = require("@modelcontextprotocol/node");
const { z } = require("zod");

const DYNAMIC = "demo://resource/dynamic";
const FEATURES = "demo://resource/static/document/features.md";

function resource(kind, id) {
  const uri = `${DYNAMIC}/${kind.toLowerCase()}/${id}`;
  const made = (what) => `Resource ${id}: This is a ${what} created at ${new Date().toISOString()}`;
  return kind === "Text"
    ? { uri, mimeType: "text/plain", text: made("plaintext resource") }
    : { uri, mimeType: "text/plain", blob: Buffer.from(made("base64 blob")).toString("base64") };
}

const text = (text) => ({ type: "text", text });
const say = (content) => ({ messages: [{ role: "user", content }] });
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function tools(server) {
  const tool = (name, inputSchema, run) =>
    server.registerTool(name, { inputSchema: z.object(inputSchema) }, async (args, context) => ({
      content: await run(args, context.mcpReq),
    }));

  tool("echo", { message: z.string() }, ({ message }) => [text(`Echo: ${message}`)]);

  const work = { duration: z.number(), steps: z.number() };
  tool("trigger-long-running-operation", work, async ({ duration, steps }, request) => {
    await request.log("info", "begun");
    const progressToken = request._meta?.progressToken;
    for (let progress = 1; progress <= steps; progress += 1) {
      await wait(duration / steps);
      if (progressToken !== undefined) {
        const params = { progressToken, progress, total: steps };
        await request.notify({ method: "notifications/progress", params });
      }
    }
    const done = `Long running operation completed. Duration: ${duration} seconds, Steps: ${steps}.`;
    return [text(done)];
  });

  tool("get-resource-links", { count: z.number() }, ({ count }) => {
    const link = (_, at) => {
      const { uri, mimeType } = resource(at % 2 === 0 ? "Blob" : "Text", at + 1);
      return { type: "resource_link", uri, mimeType, name: `Resource ${at + 1}` };
    };
    return [text(`Here are ${count} resource links`), ...Array.from({ length: count }, link)];
  });

  const reference = { resourceType: z.enum(["Text", "Blob"]), resourceId: z.number() };
  tool("get-resource-reference", reference, ({ resourceType, resourceId }) => [
    { type: "resource", resource: resource(resourceType, resourceId) },
  ]);
}

function prompts(server) {
  const prompt = (name, args, make) =>
    server.registerPrompt(name, { argsSchema: z.object(args) }, (given) => say(make(given)));

  server.registerPrompt("simple-prompt", {}, () =>
    say(text("This is a simple prompt without arguments.")),
  );
  prompt("args-prompt", { city: z.string(), state: z.string() }, ({ city, state }) =>
    text(`What's weather in ${city}, ${state}?`),
  );
  const reference = { resourceType: z.enum(["Text", "Blob"]), resourceId: z.string() };
  prompt("resource-prompt", reference, ({ resourceType, resourceId }) => ({
    type: "resource",
    resource: resource(resourceType, resourceId),
  }));
}

function resources(server) {
  server.registerResource("features", FEATURES, { mimeType: "text/markdown" }, ({ href }) => ({
    contents: [{ uri: href, mimeType: "text/markdown", text: "# Everything Server" }],
  }));
  for (const kind of ["Text", "Blob"]) {
    const template = `${DYNAMIC}/${kind.toLowerCase()}/{resourceId}`;
    server.registerResource(kind, new ResourceTemplate(template, {}), {}, (_, { resourceId }) => ({
      contents: [resource(kind, resourceId)],
    }));
  }
}

function everything() {
  const server = new McpServer(
    { name: "everything", version: "1" },
    { capabilities: { logging: {} }, instructions: "A part of the Everything Server." },
  );
  tools(server);
  prompts(server);
  resources(server);
  return server;
}

const legacy = eras === "stateless" ? "reject" : "stateless";
const handler = createMcpHandler(everything, { legacy });
createServer(toNodeHandler(handler)).listen(Number(port), "127.0.0.1");
