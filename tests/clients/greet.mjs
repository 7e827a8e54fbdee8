// A client that can be asked for everything calls the tool of tests/servers/asking.mjs, and prints what it was asked
// and what the tool has said.
//
// Usage: node greet.mjs <npm prefix> <v1 | v2> <endpoint> <tool> [legacy | auto | a revision]
import { make } from "./sdks.mjs";

const [npm, sdk, endpoint, tool, wanted = "legacy"] = process.argv.slice(2);
const mode = ["legacy", "auto"].includes(wanted) ? wanted : { pin: wanted };
const capabilities = { elicitation: { form: {} }, roots: {}, sampling: {} };
const { client, transport, answer, call } = make(sdk, npm, endpoint, capabilities, {}, mode);
const asked = [];
const answers = (method, result) =>
  answer(method, (params) => {
    asked.push(method);
    return result(params);
  });
answers("elicitation/create", () => ({ action: "accept", content: { name: "Ann" } }));
answers("roots/list", () => ({ roots: [{ uri: "file:///home", name: "home" }] }));
answers("sampling/createMessage", ({ messages: [{ content }] }) => ({
  model: "m",
  role: "assistant",
  content: { type: "text", text: `<${content.text}>` },
}));
await client.connect(transport);
const { content } = await call({ name: tool, arguments: {} });
console.log(JSON.stringify({ asked: asked.sort(), said: content[0].text }));
await client.close();
