// A user of the MCP Inspector's web UI, which was started for the gateway, in a headless Chromium: calls tools that ask for
// something, and answers.
//
// Usage: node inspector-asked.mjs <npm prefix> <chromium> <URL of the UI>
//
// Prints one JSON object: the result of each call, and what went wrong on the page.
import { createRequire } from "node:module";
import { join } from "node:path";

const [prefix, executablePath, ui] = process.argv.slice(2);
const require = createRequire(join(prefix, "package.json"));
const { chromium } = require("playwright-core");

const flags =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync";
const browser = await chromium.launch({ executablePath, args: flags.split(" ") });
try {
  console.log(JSON.stringify(await use(await browser.newPage())));
} finally {
  await browser.close();
}

async function use(page) {
  const origin = new URL(ui).origin;
  await page.setViewportSize({ width: 1320, height: 866 });
  page.setDefaultTimeout(30_000);
  // Fonts on the web, which no test waits for.
  await page.route((url) => url.origin !== origin, (route) => route.abort());
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));

  await page.goto(ui);
  const main = page.getByRole("main");
  const header = page.getByRole("banner");
  await main.locator(".mantine-Switch-track").click();
  await header.getByText("Tools", { exact: true }).click();

  const tools = main.getByRole("button", { name: "__" });
  const cards = main.locator(".mantine-Card-root");
  // The dialog in which a server's question is answered, with what is written there first.
  const answer = async (button, field, text) => {
    const dialog = page.getByRole("dialog").filter({ has: page.getByRole("button", { name: button }) });
    await dialog.locator(field).first().fill(text);
    await dialog.getByRole("button", { name: button, exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
  };
  const name = () => answer("Submit", "input:not([type]), textarea", "Ann of the browser");
  const words = () => answer("Send Response", "textarea", "words of the browser");
  const call = async (tool, fill, ...answers) => {
    await tools.filter({ has: page.getByText(tool, { exact: true }) }).click();
    await fill();
    await main.getByRole("button", { name: "Execute Tool" }).click();
    for (const it of answers) await it();
    const result = cards.filter({ has: page.getByRole("heading", { name: "Results" }) });
    await result.getByRole("button", { name: "Copy" }).first().waitFor();
    return result.innerText();
  };
  const nothing = async () => {};
  const prompt = () => main.getByRole("textbox", { name: "Prompt" }).fill("say something");
  await tools.first().waitFor();
  return {
    elicited: await call("everything__trigger-elicitation-request", nothing, name),
    sampled: await call("everything__trigger-sampling-request", prompt, words),
    fastmcp2: await call("fastmcp2__greet", nothing, name, words),
    fastmcp3: await call("fastmcp3__greet", nothing, name, words),
    errors,
  };
}
