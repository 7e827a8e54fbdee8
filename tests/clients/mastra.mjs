// A client of Mastra, driven line by line on stdin.
//
// Usage: node mastra.mjs <npm prefix> <endpoint>
//
//   tools        prints {"tools": [<name>, ...]}
//   call <tool>  prints {"call": <tool>, "text": <text>} or {"call": <tool>, "error": <text>}
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [npm, endpoint] = process.argv.slice(2);
const { MCPClient } = createRequire(join(npm, "package.json"))("@mastra/mcp");

// Mastra puts this name before those of the tools.
const NAME = "mux";

// Mastra logs what fails, which is in what is printed.
for (const level of ["log", "debug", "info", "warn", "error"]) {
  console[level] = () => {};
}
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const client = new MCPClient({ servers: { [NAME]: { url: new URL(endpoint) } } });
let tools = {};

const commands = {
  async tools() {
    tools = await client.listTools();
    return { tools: Object.keys(tools).map((name) => name.slice(NAME.length + 1)) };
  },
  async call(name) {
    try {
      const { content } = await tools[`${NAME}_${name}`].execute({}, {});
      return { call: name, text: content[0].text };
    } catch ({ message }) {
      return { call: name, error: message };
    }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [what, name] = line.split(" ");
  say(await commands[what](name));
}
await client.disconnect();
