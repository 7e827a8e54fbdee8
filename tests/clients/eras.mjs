// Clients of the TypeScript SDKs side by side, each in the era that it is told or finds, at servers that
// have a part of what server-everything has.
//
// Usage: node eras.mjs <npm prefix> <endpoint> <clients, with commas> <server>...
//
// A client is "<sdk: v1 | v2 | remote>:<mode: legacy | auto | a revision>"; `remote` is the second
// generation before mcp-remote, which it speaks to on stdio. A server is what it is for round.mjs.
//
// Prints one line of JSON for each client, what it saw: {"client": ..., "seen": ...}, or
// {"client": ..., "failed": ...}. Whatever comes on stdin has all of them look once more, briefly.
import { createInterface } from "node:readline";
import { make } from "./sdks.mjs";
import { lists, look, steps } from "./steps.mjs";
import { Heard } from "./watch.mjs";

const [npm, endpoint, clients, ...args] = process.argv.slice(2);
const servers = args.map((arg) => {
  const [names, uris] = arg.split(",");
  return { names, uris };
});

// What it sees of all servers together and, with these steps, of each.
async function round({ session, stateless }) {
  const { client, heard } = session;
  const seen = {
    revision: session.revision(),
    instructions: client.getInstructions(),
    ...(await lists(client)),
  };
  // In a session log messages are asked for once, else in each request.
  if (!stateless) {
    await steps.level(session);
  }
  const all = async (server) => {
    if (stateless) {
      const name = `${server.names}trigger-long-running-operation`;
      const _meta = { "io.modelcontextprotocol/logLevel": "debug" };
      await session.call({ name, arguments: { duration: 0, steps: 1 }, _meta });
    }
    const of = {};
    for (const step of ["echo", "progress", "prompts", "links"]) {
      of[step] = await steps[step](session, server);
    }
    return of;
  };
  seen.servers = await Promise.all(servers.map(all));
  seen.logged = heard.logged();
  return seen;
}

async function looks({ session, requests }) {
  const seen = await lists(session.client);
  const each = await Promise.all(servers.map((server) => look(session, server)));
  return { ...seen, servers: each, requests };
}

async function open(name) {
  const [sdk, mode] = name.split(/:(.*)/);
  const requests = { opening: 0, inSession: 0 };
  const watched = (url, init) => {
    const { method } = init.method === "POST" ? JSON.parse(init.body) : {};
    requests.opening += ["initialize", "server/discover"].includes(method) ? 1 : 0;
    requests.inSession += new Headers(init.headers).has("mcp-session-id") ? 1 : 0;
    return fetch(url, init);
  };
  const negotiated = ["legacy", "auto"].includes(mode) ? mode : { pin: mode };
  const session = make(sdk, npm, endpoint, {}, { fetch: watched }, negotiated);
  session.heard = new Heard(session);
  await session.client.connect(session.transport);
  return { session, requests, stateless: session.revision() >= "2026-07-28" };
}

const say = (line) => console.log(JSON.stringify(line));

async function take(client, step) {
  try {
    const seen = await step();
    say({ client, seen });
  } catch (error) {
    say({ client, failed: `${error.stack}`, code: error.code, data: error.data });
  }
}

const opened = {};
const names = clients.split(",");
const first = (name) =>
  take(name, async () => {
    opened[name] = await open(name);
    return { ...(await round(opened[name])), requests: opened[name].requests };
  });
await Promise.all(names.map(first));
for await (const _ of createInterface({ input: process.stdin })) {
  await Promise.all(names.map((name) => take(name, () => looks(opened[name]))));
}
for (const { session } of Object.values(opened)) {
  await session.transport.terminateSession?.();
  await session.client.close();
}
