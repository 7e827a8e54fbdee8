// The tools that the conformance suite calls, as data and functions. A tool takes its arguments and
// a client: what it may send and ask while it works.
import { setTimeout as sleep } from "node:timers/promises";

import { PNG, WAV, refusal } from "./content.mjs";

const text = (text) => ({ type: "text", text });
const image = { type: "image", data: PNG, mimeType: "image/png" };
const resource = (uri, mimeType, text) => ({ type: "resource", resource: { uri, mimeType, text } });
const content = (...content) => ({ content });

const string = (description) => ({ type: "string", description });
const object = (properties, required = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
});

// Every keyword that servers and gateways like to lose (SEP-1613, SEP-2106).
const JSON_SCHEMA_2020_12 = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

const DEFAULTS = object(
  {
    name: { type: "string", default: "John Doe" },
    age: { type: "integer", default: 30 },
    score: { type: "number", default: 95.5 },
    status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
    verified: { type: "boolean", default: true },
  },
  [],
);

const titled = (kind) =>
  ["First", "Second", "Third"].map((nth, at) => ({
    const: `value${at + 1}`,
    title: `${nth} ${kind}`,
  }));
const ENUMS = object(
  {
    untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
    titledSingle: { type: "string", oneOf: titled("Option") },
    legacyEnum: {
      type: "string",
      enum: ["opt1", "opt2", "opt3"],
      enumNames: ["Option One", "Option Two", "Option Three"],
    },
    untitledMulti: {
      type: "array",
      items: { type: "string", enum: ["option1", "option2", "option3"] },
    },
    titledMulti: { type: "array", items: { anyOf: titled("Choice") } },
  },
  [],
);

const elicit = (message, requestedSchema) => async (_, client) => {
  const { action, content: given } = await client.ask("elicitation/create", {
    message,
    requestedSchema,
  });
  const answer = `action=${action}, content=${JSON.stringify(given)}`;
  return content(text(`Elicitation completed: ${answer}`));
};

const TOOLS = {
  test_simple_text: {
    description: "Returns a text.",
    call: () => content(text("This is a simple text response for testing.")),
  },
  test_image_content: {
    description: "Returns an image.",
    call: () => content(image),
  },
  test_audio_content: {
    description: "Returns a sound.",
    call: () => content({ type: "audio", data: WAV, mimeType: "audio/wav" }),
  },
  test_embedded_resource: {
    description: "Returns a resource.",
    call: () =>
      content(
        resource(
          "test://embedded-resource",
          "text/plain",
          "This is an embedded resource content.",
        ),
      ),
  },
  test_multiple_content_types: {
    description: "Returns a text, an image and a resource.",
    call: () => {
      const data = JSON.stringify({ test: "data", value: 123 });
      return content(
        text("Multiple content types test:"),
        image,
        resource("test://mixed-content-resource", "application/json", data),
      );
    },
  },
  test_tool_with_logging: {
    description: "Logs while it works.",
    call: async (_, client) => {
      await client.log("info", "Tool execution started");
      await sleep(50);
      await client.log("info", "Tool processing data");
      await sleep(50);
      await client.log("info", "Tool execution completed");
      return content(text("Logged three messages."));
    },
  },
  test_logging_tool: {
    description: "Logs while it works.",
    call: async (_, client) => {
      await client.log("info", "working");
      return content(text("Done."));
    },
  },
  test_tool_with_progress: {
    description: "Reports progress while it works.",
    call: async (_, client) => {
      for (const progress of [0, 50, 100]) {
        if (progress > 0) await sleep(50);
        await client.progress(progress, 100);
      }
      return content(text("Reported progress three times."));
    },
  },
  test_error_handling: {
    description: "Fails.",
    call: () => ({
      isError: true,
      ...content(text("This tool intentionally returns an error for testing")),
    }),
  },
  test_sampling: {
    description: "Asks the client's model.",
    inputSchema: object({ prompt: string("The prompt to send to the LLM") }),
    call: async ({ prompt }, client) => {
      const { content: answer } = await client.ask("sampling/createMessage", {
        messages: [{ role: "user", content: text(prompt) }],
        maxTokens: 100,
      });
      return content(text(`LLM response: ${answer.text}`));
    },
  },
  test_elicitation: {
    description: "Asks the user.",
    inputSchema: object({ message: string("The message to show the user") }),
    call: async ({ message }, client) => {
      const requestedSchema = object({
        username: string("User's response"),
        email: string("User's email address"),
      });
      const { action, content: given } = await client.ask("elicitation/create", {
        message,
        requestedSchema,
      });
      const answer = `action: ${action}, content: ${JSON.stringify(given)}`;
      return content(text(`User response: <${answer}>`));
    },
  },
  test_elicitation_sep1034_defaults: {
    description: "Asks the user, with defaults.",
    call: elicit("Please review and update the form fields with defaults", DEFAULTS),
  },
  test_elicitation_sep1330_enums: {
    description: "Asks the user to select.",
    call: elicit("Please select options from the enum fields", ENUMS),
  },
  test_reconnection: {
    description: "Closes the stream of the call, and answers once the client is back or not.",
    call: async (_, client) => {
      await sleep(50);
      client.hangUp();
      await sleep(100);
      return content(text("Reconnection test completed successfully."));
    },
  },
  json_schema_2020_12_tool: {
    description: "Tool with JSON Schema 2020-12 features",
    inputSchema: JSON_SCHEMA_2020_12,
    call: (given) => content(text(JSON.stringify(given))),
  },
};

/** Handlers by method. */
export const handlers = {
  "tools/list": () => ({
    tools: Object.entries(TOOLS).map(([name, { description, inputSchema }]) => ({
      name,
      description,
      inputSchema: inputSchema ?? { type: "object" },
    })),
  }),
  "tools/call": async ({ name, arguments: given = {} }, client) => {
    const known = TOOLS[name];
    if (!known) throw refusal(-32602, `Unknown tool: ${name}`);
    try {
      return await known.call(given, client);
    } catch (error) {
      // A question to the client is no error where it is a result.
      if (error.asked) throw error;
      return { isError: true, ...content(text(String(error))) };
    }
  },
};
