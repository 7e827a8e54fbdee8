// What the conformance suite calls to be asked back in the revision without sessions: a result that
// is a question, and the same call again with the answers. A server of sessions has the same, and asks
// in requests of its own.
const elicit = (message, name, type = "string") => ({
  method: "elicitation/create",
  params: {
    message,
    requestedSchema: { type: "object", properties: { [name]: { type } }, required: [name] },
  },
});
const sample = (text, maxTokens) => ({
  method: "sampling/createMessage",
  params: { messages: [{ role: "user", content: { type: "text", text } }], maxTokens },
});
const roots = { method: "roots/list", params: {} };

const name = elicit("What is your name?", "name");
const confirm = elicit("Please confirm", "ok", "boolean");

// The questions of each round, and what is said when all are answered. `state` says that the server
// keeps where it is in the client's hands; `declared`, that it asks only what the client can answer.
const TOOLS = {
  test_input_required_result_elicitation: {
    rounds: [{ user_name: name }],
    done: ({ user_name }) => `Hello, ${user_name.content.name}!`,
  },
  test_input_required_result_sampling: {
    rounds: [{ capital_question: sample("What is the capital of France?", 100) }],
    done: ({ capital_question }) => JSON.stringify(capital_question.content),
  },
  test_input_required_result_list_roots: {
    rounds: [{ client_roots: roots }],
    done: ({ client_roots }) => client_roots.roots.map(({ uri }) => uri).join(", "),
  },
  test_input_required_result_request_state: {
    state: true,
    rounds: [{ confirm }],
    done: () => "state-ok",
  },
  test_input_required_result_multiple_inputs: {
    state: true,
    rounds: [
      { user_name: name, greeting: sample("Generate a greeting", 50), client_roots: roots },
    ],
    done: ({ user_name }) => `Hello, ${user_name.content.name}!`,
  },
  test_input_required_result_multi_round: {
    state: true,
    rounds: [
      { step1: elicit("Step 1: What is your name?", "name") },
      { step2: elicit("Step 2: What is your favorite color?", "color") },
    ],
    done: ({ step2 }) => `The color is ${step2.content.color}.`,
  },
  test_input_required_result_tampered_state: {
    state: true,
    rounds: [{ confirm }],
    done: () => "state-ok",
  },
  test_input_required_result_capabilities: {
    declared: true,
    rounds: [{ user_name: name, greeting: sample("Generate a greeting", 50) }],
    done: () => "asked what could be answered",
  },
  test_missing_capability: {
    rounds: [{ greeting: sample("Generate a greeting", 50) }],
    done: () => "asked without permission",
  },
  test_streaming_elicitation: {
    rounds: [{ user_name: name }],
    done: ({ user_name }) => `Hello, ${user_name.content.name}!`,
  },
};

const PROMPTS = {
  test_input_required_result_prompt: {
    rounds: [{ user_context: elicit("What context should the prompt use?", "context") }],
    done: ({ user_context }) => `The context is ${user_context.content.context}.`,
  },
};

const CAPABILITIES = {
  "elicitation/create": "elicitation",
  "sampling/createMessage": "sampling",
  "roots/list": "roots",
};

function isAnswered({ method, params }, answer) {
  switch (method) {
    case "elicitation/create":
      return params.requestedSchema.required.every((name) => answer?.content?.[name] !== undefined);
    case "sampling/createMessage":
      return answer?.content !== undefined;
    default:
      return Array.isArray(answer?.roots);
  }
}

// Asks what is still to be asked, or returns the text of the end. `client` is what the client has
// sent: `capabilities`, `answers`, and `state`, which `mint` has made.
async function ask({ rounds, done, state, declared }, client, mint) {
  const can = ([, { method }]) => !declared || client.capabilities[CAPABILITIES[method]];
  const { answers } = client;
  let round = client.state?.round ?? 0;
  const questions = () => Object.entries(rounds[round]).filter(can);
  if (questions().every(([key, question]) => isAnswered(question, answers[key]))) {
    round += 1;
  }
  if (round === rounds.length) {
    return { text: done(answers) };
  }
  const asked = { resultType: "input_required", inputRequests: Object.fromEntries(questions()) };
  return { asked: state ? { ...asked, requestState: await mint({ round }) } : asked };
}

/** The tools and prompts, for lists. */
export const tools = Object.keys(TOOLS).map((name) => ({
  name,
  description: "Asks back.",
  inputSchema: { type: "object" },
}));
export const prompts = Object.keys(PROMPTS).map((name) => ({ name, description: "Asks back." }));

const known = (method, name) => ({ "tools/call": TOOLS, "prompts/get": PROMPTS })[method]?.[name];

function said(method, text) {
  const content = { type: "text", text };
  return method === "tools/call"
    ? { content: [content] }
    : { messages: [{ role: "user", content }] };
}

/** What a tool or prompt of this module answers; nothing if it is none. */
export async function answered(method, name, client, mint) {
  const questions = known(method, name);
  if (!questions) return undefined;
  const { asked, text } = await ask(questions, client, mint);
  return asked ?? said(method, text);
}

/** The same in a session, where `request` asks the client. */
export async function answeredInSession(method, name, request) {
  const questions = known(method, name);
  if (!questions) return undefined;
  const answers = {};
  for (const round of questions.rounds) {
    for (const [key, { method, params }] of Object.entries(round)) {
      answers[key] = await request(method, params);
    }
  }
  return said(method, questions.done(answers));
}
