// What servers send on their own: requests, which are answered, and notifications.

const NOTIFICATIONS = [
  "notifications/message",
  "notifications/resources/updated",
  "notifications/resources/list_changed",
  "notifications/prompts/list_changed",
  "notifications/tools/list_changed",
];

// How long anything may take, in milliseconds: far more than it needs on a busy machine.
const DEADLINE = 25_000;

// Notifications, which can be waited for.
export class Heard {
  #all = [];
  #waiting = [];

  constructor({ hear }) {
    for (const method of NOTIFICATIONS) {
      hear(method, (params) => {
        this.#all.push({ method, params });
        this.#waiting.forEach((look) => look());
      });
    }
  }

  // The first one, of now or later, that is wanted.
  until(method, wanted) {
    const found = () => this.#all.find((it) => it.method === method && wanted(it.params ?? {}));
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no such ${method}: ${JSON.stringify(this.#all)}`));
      const timer = setTimeout(late, DEADLINE);
      const look = () => {
        if (found()) {
          clearTimeout(timer);
          resolve(found().params ?? {});
        }
      };
      this.#waiting.push(look);
      look();
    });
  }

  // What the log messages so far say.
  logged() {
    const logged = this.#all.filter(({ method }) => method === "notifications/message");
    return logged.map(({ params }) => params.data);
  }

  counts() {
    const counts = {};
    for (const { method } of this.#all) {
      counts[method] = (counts[method] ?? 0) + 1;
    }
    return counts;
  }
}

// Requests of servers. Those of samplings and of the long form wait until one of each server is
// there, so that they are open at the same time.
export class Asked {
  all = [];
  roots = [{ uri: "file:///first", name: "first" }];

  constructor({ answer }, servers, listened) {
    // Those that are listened to know the roots of the beginning.
    this.rooted = meeting(listened);
    const [samplings, forms] = [meeting(servers), meeting(servers)];
    const record = (method, id, mode) => this.all.push({ method, id, mode });
    answer("roots/list", (_, id) => {
      record("roots/list", id);
      return { roots: this.roots };
    });
    answer("sampling/createMessage", async ({ messages: [{ content }], task }, id, store) => {
      record("sampling/createMessage", id, task && "task");
      const text = `answer to <${content.text}>`;
      const result = { model: "model", role: "assistant", content: { type: "text", text } };
      if (task) {
        const created = await store.createTask({ ttl: task.ttl });
        await store.storeTaskResult(created.taskId, "completed", result);
        return { task: created };
      }
      await samplings();
      return result;
    });
    answer("elicitation/create", async ({ mode, requestedSchema }, id) => {
      record("elicitation/create", id, mode ?? "form");
      if (mode === "url") {
        return { action: "accept" };
      }
      const { name, interpretation } = requestedSchema.properties;
      if (interpretation) {
        return { action: "accept", content: { interpretation: interpretation.oneOf[1].const } };
      }
      const turn = await forms();
      return { action: "accept", content: { [name ? "name" : "unknown"]: `Nobody ${turn}` } };
    });
  }
}

// Lets everybody through when all are there; returns who came as which.
function meeting(size) {
  let arrived = 0;
  let open;
  const all = new Promise((resolve) => (open = resolve));
  return async () => {
    const turn = ++arrived;
    if (turn === size) {
      open();
    }
    await all;
    return turn;
  };
}
