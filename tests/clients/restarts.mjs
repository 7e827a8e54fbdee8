// A client of the TypeScript SDK that keeps calling the tools of two servers while they are killed
// and restarted.
//
// Usage: node restarts.mjs <npm prefix> <endpoint> <tools, with commas> <upstream>...
//
// The first upstream is the one whose own stream comes by GET.
//
// It is told on stdin what happens: "down <upstream>" before that is killed, "up <upstream>" when
// it listens again, "log <upstream>" to have it send something on its own, "end". All but the last
// are repeated on stdout when taken note of. Every call is a line of JSON:
//
//   {"call": <upstream>, "tool": <name>,
//    "begun": "up" | "down", "error": <what it failed with, if it did>,
//    "outside": <whether it touched no moment when its upstream was down>}
//
// So is every answer to a GET, {"get": <status>, "resumed": <event id>}, every log message,
// {"heard": <level>}, and at the end, what the client sent in all.
import { createInterface } from "node:readline";
import { make } from "./sdks.mjs";

const [npm, endpoint, tools, ...upstreams] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));

const total = { initialize: 0, calls: 0 };
const sessions = new Set();

async function watched(url, init) {
  const session = new Headers(init.headers).get("mcp-session-id");
  if (session) {
    sessions.add(session);
  }
  if (init.method === "POST" && JSON.parse(init.body).method === "initialize") {
    total.initialize += 1;
  }
  const response = await fetch(url, init);
  if (init.method === "GET") {
    const resumed = new Headers(init.headers).get("last-event-id");
    say({ get: response.status, resumed });
  }
  return response;
}

// Without this the SDK gives the stream up after two tries, which a server may need longer for.
const reconnectionOptions = {
  initialReconnectionDelay: 200,
  maxReconnectionDelay: 1000,
  reconnectionDelayGrowFactor: 1.1,
  maxRetries: 1000,
};
const { client, transport, call, hear } = make("v1", npm, endpoint, {}, {
  fetch: watched,
  reconnectionOptions,
});
hear("notifications/message", ({ level }) => say({ heard: level }));
await client.connect(transport);

const states = Object.fromEntries(
  upstreams.map((name) => [name, { is: "up", turns: 0 }]),
);
let ended = false;

async function attempt(upstream, tool, args) {
  const state = states[upstream];
  const { is: begun, turns } = state;
  let error;
  try {
    const params = { name: `${upstream}__${tool}`, arguments: args };
    await call(params, { onprogress: () => {} });
  } catch ({ code, message, data }) {
    error = { code, message, data };
  }
  total.calls += 1;
  const outside = begun === "up" && turns === state.turns;
  say({ call: upstream, tool, begun, outside, error });
}

// The next call begins when the one before has ended, and not at once, which would only burn time.
async function repeat(upstream, tool, args) {
  while (!ended) {
    await attempt(upstream, tool, args);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const ARGUMENTS = {
  echo: { message: "hello" },
  "get-sum": { a: 1, b: 2 },
  "trigger-long-running-operation": { duration: 0.5, steps: 10 },
};
const running = upstreams.flatMap((upstream) =>
  tools.split(",").map((tool) => repeat(upstream, tool, ARGUMENTS[tool])),
);

for await (const line of createInterface({ input: process.stdin })) {
  const [what, upstream] = line.split(" ");
  if (what === "end") {
    break;
  }
  const state = states[upstream];
  if (what === "log") {
    await attempt(upstream, "toggle-simulated-logging", {});
  } else {
    state.is = what;
    state.turns += 1;
  }
  say({ [what]: upstream });
}
ended = true;
await Promise.all(running);
await transport.terminateSession();
await client.close();
say({ total: { ...total, sessions: sessions.size } });
