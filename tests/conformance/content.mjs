// What the conformance suite expects of resources, prompts and completions, word for word where it
// says so. Nothing here knows the SDK: a handler takes `params` and gives the result.

// A red pixel, and 8 samples of silence.
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
export const WAV = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA==";

/** An error with a JSON-RPC code, as the SDK passes it on. */
export function refusal(code, message, data) {
  return Object.assign(new Error(message), { code, data });
}

const INVALID_PARAMS = -32602;
const RESOURCE_NOT_FOUND = -32002;

const RESOURCES = {
  "test://static-text": {
    name: "static-text",
    description: "A text that does not change.",
    mimeType: "text/plain",
    content: { text: "This is the content of the static text resource." },
  },
  "test://static-binary": {
    name: "static-binary",
    description: "An image that does not change.",
    mimeType: "image/png",
    content: { blob: PNG },
  },
  "test://watched-resource": {
    name: "watched-resource",
    description: "A text that can be subscribed to.",
    mimeType: "text/plain",
    content: { text: "This is the content of the watched resource." },
  },
};

const TEMPLATE = /^test:\/\/template\/([^/]+)\/data$/;

function read({ uri }) {
  const known = RESOURCES[uri];
  if (known) return { contents: [{ uri, mimeType: known.mimeType, ...known.content }] };
  const id = TEMPLATE.exec(uri)?.[1];
  if (id === undefined) throw refusal(RESOURCE_NOT_FOUND, "Resource not found", { uri });
  const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  return { contents: [{ uri, mimeType: "application/json", text }] };
}

const user = (content) => ({ role: "user", content });
const text = (text) => ({ type: "text", text });

const PROMPTS = {
  test_simple_prompt: {
    description: "A prompt without arguments.",
    messages: () => [user(text("This is a simple prompt for testing."))],
  },
  test_prompt_with_arguments: {
    description: "A prompt with two arguments.",
    arguments: [
      { name: "arg1", description: "First test argument", required: true },
      { name: "arg2", description: "Second test argument", required: true },
    ],
    messages: ({ arg1, arg2 }) => [
      user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
    ],
  },
  test_prompt_with_embedded_resource: {
    description: "A prompt with a resource in it.",
    arguments: [
      { name: "resourceUri", description: "URI of the resource to embed", required: true },
    ],
    messages: ({ resourceUri: uri }) => {
      const resource = {
        uri,
        mimeType: "text/plain",
        text: "Embedded resource content for testing.",
      };
      return [
        user({ type: "resource", resource }),
        user(text("Please process the embedded resource above.")),
      ];
    },
  },
  test_prompt_with_image: {
    description: "A prompt with an image in it.",
    messages: () => [
      user({ type: "image", data: PNG, mimeType: "image/png" }),
      user(text("Please analyze the image above.")),
    ],
  },
};

function prompt({ name, arguments: given = {} }) {
  const known = PROMPTS[name];
  if (!known) throw refusal(INVALID_PARAMS, `Unknown prompt: ${name}`);
  const missing = (known.arguments ?? []).find((argument) => given[argument.name] === undefined);
  if (missing) throw refusal(INVALID_PARAMS, `Missing argument: ${missing.name}`);
  return { description: known.description, messages: known.messages(given) };
}

function complete({ argument: { value } }) {
  const values = ["paris", "park", "party", "test", "testing"];
  const fitting = values.filter((candidate) => candidate.startsWith(value));
  return { completion: { values: fitting, total: fitting.length, hasMore: false } };
}

/** Handlers by method. */
export const handlers = {
  "resources/list": () => ({
    resources: Object.entries(RESOURCES).map(([uri, { content, ...rest }]) => ({ uri, ...rest })),
  }),
  "resources/templates/list": () => ({
    resourceTemplates: [
      {
        uriTemplate: "test://template/{id}/data",
        name: "template",
        description: "Data for an id.",
        mimeType: "application/json",
      },
    ],
  }),
  "resources/read": read,
  "resources/subscribe": () => ({}),
  "resources/unsubscribe": () => ({}),
  "prompts/list": () => ({
    prompts: Object.entries(PROMPTS).map(([name, { messages, ...rest }]) => ({ name, ...rest })),
  }),
  "prompts/get": prompt,
  "completion/complete": complete,
};
