// What a client does with server-everything, step by step. Each step returns what it saw, without
// what differs each time: so it has to see the same through the gateway.

const text = ({ content }) => content.map((it) => it.text ?? `[${it.type}]`).join("\n");

// A promise's failure, as data.
async function failure(promise) {
  try {
    return { unexpected: await promise };
  } catch ({ code, message, data }) {
    return { code, message, data };
  }
}

// What lists there are: how each is asked for, its member of the result, what its items are known by.
const LISTS = {
  tools: ["listTools", "tools", "name"],
  prompts: ["listPrompts", "prompts", "name"],
  resources: ["listResources", "resources", "uri"],
  templates: ["listResourceTemplates", "resourceTemplates", "uriTemplate"],
};

export const kinds = Object.keys(LISTS);

// What is there of one kind, of all servers together.
export async function list(client, kind) {
  const [method, member, key] = LISTS[kind];
  const all = [];
  let cursor;
  do {
    const page = await client[method](cursor === undefined ? {} : { cursor });
    all.push(...page[member].map((item) => item[key]));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return all;
}

// The same of every kind.
export async function lists(client) {
  const all = {};
  for (const kind of kinds) {
    all[kind] = await list(client, kind);
  }
  return all;
}

const tool = ({ call }, { names }, name, args = {}, options = undefined) =>
  call({ name: names + name, arguments: args }, options);

// Reads each resource that is shown in these contents once more: the URI that a client sees is the
// URI that it can use.
async function readAgain({ client }, { uris }, contents) {
  const read = [];
  for (const content of contents) {
    const uri = content.type === "resource_link" ? content.uri : content.resource?.uri;
    if (uri !== undefined) {
      const { contents } = await client.readResource({ uri });
      const [{ uri: same, text, blob }] = contents;
      const own = uri.startsWith(uris) && uri.slice(uris.length);
      // The end of the text says when it was made.
      const start = text?.slice(0, 40);
      read.push({ own, same: same === uri, start, blob: blob !== undefined });
    }
  }
  return read;
}

// Calls a tool that reports progress and cancels it then.
export async function cancel({ client, call }, name) {
  const patience = new AbortController();
  const args = { duration: 600, steps: 6000 };
  const onprogress = () => patience.abort("enough");
  const ended = call({ name, arguments: args }, { signal: patience.signal, onprogress });
  return { failure: await failure(ended), ping: await client.ping() };
}

// What one request of each kind shows of a server.
export async function look(session, server) {
  const { client } = session;
  const uri = `${server.uris}demo://resource/static/document/features.md`;
  const { contents } = await client.readResource({ uri });
  const { messages } = await client.getPrompt({ name: `${server.names}simple-prompt` });
  return {
    echo: await steps.echo(session, server),
    read: contents[0].text.slice(0, 19),
    prompt: messages[0].content.text,
  };
}

export const steps = {
  echo: async (session, server) => text(await tool(session, server, "echo", { message: "héllo" })),

  structured: async (session, server) => {
    const args = { location: "Chicago" };
    return (await tool(session, server, "get-structured-content", args)).structuredContent;
  },

  image: async (session, server) => text(await tool(session, server, "get-tiny-image")),

  annotated: async (session, server) => {
    const args = { messageType: "error", includeImage: false };
    return (await tool(session, server, "get-annotated-message", args)).content;
  },

  progress: async (session, server) => {
    const steps = [];
    const args = { duration: 0.4, steps: 4 };
    const onprogress = ({ progress, total }) => steps.push(`${progress}/${total}`);
    const options = { onprogress };
    const result = await tool(session, server, "trigger-long-running-operation", args, options);
    return { steps, text: text(result) };
  },

  level: ({ client }) => client.setLoggingLevel("debug"),

  sampling: async (session, server) => {
    const args = { prompt: `a prompt of ${server.label}`, maxTokens: 5 };
    return text(await tool(session, server, "trigger-sampling-request", args));
  },

  elicitation: async (session, server) =>
    text(await tool(session, server, "trigger-elicitation-request")),

  url: async (session, server) => {
    const args = { url: "https://example.com/", elicitationId: "an-id" };
    const asked = text(await tool(session, server, "trigger-url-elicitation", args));
    const refused = tool(session, server, "trigger-url-elicitation", { ...args, errorPath: true });
    const { code, message, data } = await failure(refused);
    return { asked, refused: { code, message, urls: data?.elicitations?.map(({ url }) => url) } };
  },

  // The server asks on its own stream, so only where that arrives.
  roots: async (session, server) => {
    if (!server.listened) {
      return null;
    }
    const list = async () => text(await tool(session, server, "get-roots-list"));
    const before = await list();
    await session.asked.rooted();
    session.asked.roots = [session.asked.roots[0], { uri: "file:///second", name: "second" }];
    await session.client.sendRootsListChanged();
    const { heard } = session;
    await heard.until("notifications/message", ({ data }) => `${data}`.includes("2 root(s)"));
    return { before, after: await list() };
  },

  prompts: async (session, server) => {
    const { client } = session;
    const get = async (name, args) => {
      const prompt = await client.getPrompt({ name: server.names + name, arguments: args });
      return prompt.messages.map(({ content }) => content);
    };
    const embedded = [
      ...(await get("resource-prompt", { resourceType: "Text", resourceId: "3" })),
      ...(await get("resource-prompt", { resourceType: "Blob", resourceId: "4" })),
    ];
    return {
      simple: text({ content: await get("simple-prompt") }),
      args: text({ content: await get("args-prompt", { city: "Bern", state: "BE" }) }),
      embedded: await readAgain(session, server, embedded),
    };
  },

  completion: async ({ client }, { names, uris }) => {
    const complete = async (ref, argument, context) =>
      (await client.complete({ ref, argument, context })).completion.values;
    const prompt = { type: "ref/prompt", name: `${names}completable-prompt` };
    const uri = `${uris}demo://resource/dynamic/text/{resourceId}`;
    return {
      argument: await complete(prompt, { name: "department", value: "E" }),
      context: await complete(
        prompt,
        { name: "name", value: "" },
        { arguments: { department: "Sales" } },
      ),
      template: await complete({ type: "ref/resource", uri }, { name: "resourceId", value: "7" }),
    };
  },

  resources: async (session, server) => {
    const uris = ["static/document/features.md", "dynamic/text/7", "dynamic/blob/8"];
    const links = uris.map((uri) => ({
      type: "resource_link",
      uri: `${server.uris}demo://resource/${uri}`,
    }));
    const read = await readAgain(session, server, links);
    const missing = session.client.readResource({ uri: `${server.uris}demo://nothing` });
    return { read, missing: await failure(missing) };
  },

  links: async (session, server) => {
    const { content: links } = await tool(session, server, "get-resource-links", { count: 4 });
    const { content: embedded } = await tool(session, server, "get-resource-reference", {
      resourceType: "Text",
      resourceId: 5,
    });
    return readAgain(session, server, [...links, ...embedded]);
  },

  zipped: async (session, server) => {
    const args = { name: `${server.label}.gz`, data: "data:text/plain,hello" };
    const zip = async (outputType) =>
      (await tool(session, server, "gzip-file-as-resource", { ...args, outputType })).content;
    const contents = [...(await zip("resourceLink")), ...(await zip("resource"))];
    const read = await readAgain(session, server, contents);
    if (server.listened) {
      await session.heard.until("notifications/resources/list_changed", () => true);
    }
    const { resources } = await lists(session.client);
    return { read, listed: resources.includes(contents[0].uri) };
  },

  subscription: async (session, server) => {
    const { client, heard } = session;
    const uri = `${server.uris}demo://resource/dynamic/text/9`;
    if (!server.listened) {
      return failure(client.subscribeResource({ uri }));
    }
    await client.subscribeResource({ uri });
    await tool(session, server, "toggle-subscriber-updates");
    await heard.until("notifications/resources/updated", (params) => params.uri === uri);
    const subscribed = ({ data }) => `${data}`.includes("Received Subscribe Resource request");
    await heard.until("notifications/message", subscribed);
    await tool(session, server, "toggle-subscriber-updates");
    return client.unsubscribeResource({ uri });
  },

  cancellation: (session, { names }) =>
    cancel(session, `${names}trigger-long-running-operation`),

  // A call that the server makes a task of, which asks back on the stream of `tasks/result`.
  task: async (session, server) => {
    if (session.tasks === undefined) {
      return null;
    }
    const { tasks } = session;
    const name = `${server.names}simulate-research-query`;
    const run = (args) => tasks.callToolStream({ name, arguments: args });
    const seen = { kinds: [] };
    let id;
    for await (const message of run({ topic: server.label, ambiguous: true })) {
      const kind = message.task?.status ?? message.type;
      // How often it says that it works depends on the time that this takes.
      if (kind !== seen.kinds.at(-1)) {
        seen.kinds.push(kind);
      }
      id ??= message.task?.taskId;
      seen.text = message.result && text(message.result);
    }
    const { tasks: listed } = await tasks.listTasks();
    seen.listed = listed.filter(({ taskId }) => taskId === id).map(({ status }) => status);
    seen.status = (await tasks.getTask(id)).status;
    for await (const message of run({ topic: "none" })) {
      if (message.type === "taskCreated") {
        seen.cancelled = (await tasks.cancelTask(message.task.taskId)).status;
      }
    }
    seen.unknown = (await failure(tasks.getTask("nobody's"))).code;
    return seen;
  },

  // A sampling that the client makes a task of; only where the server was told that it may.
  background: async (session, server) => {
    const { tools } = await lists(session.client);
    if (!tools.includes(`${server.names}trigger-sampling-request-async`)) {
      return null;
    }
    const args = { prompt: `a prompt of ${server.label}` };
    const done = text(await tool(session, server, "trigger-sampling-request-async", args));
    return { completed: done.includes("[COMPLETED]"), answered: done.includes(args.prompt) };
  },
};
