// A client of a TypeScript SDK on a full round through all that server-everything has, at one or
// several of them in one session.
//
// Usage: node round.mjs <npm prefix> <sdk: v1 | v2> <endpoint> <tool to cancel> <server>...
//
// A server is "<prefix of its names>,<prefix of its URIs>": "," for a server that is spoken to
// directly, "one__,one+" for one behind the gateway, "two__,two+,silent" for one there whose own
// stream does not come by GET. Prints a line of JSON for each step when it is done and, as the last, what the client saw.
import { make } from "./sdks.mjs";
import { cancel, lists, steps } from "./steps.mjs";
import { Asked, Heard } from "./watch.mjs";

const [npm, sdk, endpoint, slow, ...args] = process.argv.slice(2);
const servers = args.map((arg, at) => {
  const [names, uris, silent] = arg.split(",");
  return { names, uris, listened: !silent, label: `server-${at}` };
});

const capabilities = {
  sampling: {},
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};
if (sdk === "v1") {
  // That servers may have samplings done in the background.
  capabilities.tasks = { list: {}, cancel: {}, requests: { sampling: { createMessage: {} } } };
}
const session = make(sdk, npm, endpoint, capabilities);
const { client, transport } = session;
// Not a failure: progress that was under way when its call was cancelled, for instance.
const errors = new Set();
client.onerror = ({ message }) => errors.add(message.slice(0, 60));
session.heard = new Heard(session);
session.asked = new Asked(
  session,
  servers.length,
  servers.filter(({ listened }) => listened).length,
);
await client.connect(transport);

const seen = {
  revision: session.revision(),
  server: client.getServerVersion(),
  capabilities: client.getServerCapabilities(),
  ping: await client.ping(),
  ...(await lists(client)),
  servers: servers.map(() => ({})),
};
// Every step is taken at all servers at once.
for (const [name, step] of Object.entries(steps)) {
  const take = async (server, at) => {
    try {
      seen.servers[at][name] = await step(session, server);
    } catch (error) {
      const { code, data } = error;
      seen.servers[at][name] = { failed: error.message, code, data, stack: error.stack };
    }
  };
  await Promise.all(servers.map(take));
  console.log(JSON.stringify({ step: name }));
}
seen.cancelled = await cancel(session, slow);
seen.asked = session.asked.all;
seen.heard = session.heard.counts();
seen.errors = [...errors];
await transport.terminateSession();
await client.close();
console.log(JSON.stringify({ seen }));
