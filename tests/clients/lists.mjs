// A client of a TypeScript SDK that lists what there is of every kind.
//
// Usage: node lists.mjs <npm prefix> <sdk: v1 | v2> <endpoint>
//
// Prints one JSON object: for each kind what its items are known by, or {"failed": <why>}.
import { make } from "./sdks.mjs";
import { kinds, list } from "./steps.mjs";

const [npm, sdk, endpoint] = process.argv.slice(2);
const { client, transport } = make(sdk, npm, endpoint, {});
await client.connect(transport);

const seen = {};
for (const kind of kinds) {
  seen[kind] = await list(client, kind).catch(({ message }) => ({ failed: message }));
}
await transport.terminateSession();
await client.close();
console.log(JSON.stringify(seen));
