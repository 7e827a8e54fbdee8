// A user of the MCP Inspector's web UI, which was started for the gateway, in a headless Chromium.
//
// Usage: node inspector-ui.mjs <npm prefix> <chromium> <URL of the UI> <page to fetch> <screenshot>
//
// Prints one JSON object: what is on the page. The screenshot is taken after the last call: it has
// the end of the list of tools, the result, and the messages so far.
import { browse } from "./browser.mjs";

const [prefix, executablePath, ui, fetched, screenshot] = process.argv.slice(2);
const { origin } = new URL(ui);
const isOwn = (from) => from.startsWith(origin);
await browse({ prefix, executablePath, isOwn, viewport: { width: 1320, height: 866 } }, use);

async function use(page) {
  // What the browser asks elsewhere: not the gateway, but fonts on the web, which no test waits for.
  const elsewhere = new Set();
  await page.route((url) => url.origin !== origin, (route) => {
    elsewhere.add(new URL(route.request().url()).hostname);
    return route.abort();
  });

  await page.goto(ui);
  const main = page.getByRole("main");
  const header = page.getByRole("banner");
  // What a user clicks: the inputs themselves, a switch and a radio, have no size.
  await main.locator(".mantine-Switch-track").click();
  await header.getByText("Tools", { exact: true }).click();

  const tools = main.getByRole("button", { name: "__" });
  const cards = main.locator(".mantine-Card-root");
  const call = async (tool, field, value) => {
    await tools.filter({ hasText: tool }).click();
    await main.getByRole("textbox", { name: field }).fill(value);
    await main.getByRole("button", { name: "Execute Tool" }).click();
    const result = cards.filter({ has: page.getByRole("heading", { name: "Results" }) });
    await result.getByRole("button", { name: "Copy" }).waitFor();
    return result.innerText();
  };
  await tools.first().waitFor();
  const seen = {
    server: await header.getByRole("paragraph").innerText(),
    heading: await main.getByRole("heading", { name: "Tools" }).innerText(),
    tools: await tools.locator("p:last-child").allInnerTexts(),
    echo: await call("everything__echo", "message", "hello from a browser"),
    page: await call("fetch__fetch", "Url", fetched),
  };
  // The sign on the button is in no font that is likely to be there; the bar fades out by itself.
  const style = "[aria-label=Copy], .mantine-ScrollArea-scrollbar { visibility: hidden }";
  await page.screenshot({ path: screenshot, style, animations: "disabled" });

  // Without a session, log messages come first.
  await page.getByText("Protocol", { exact: true }).first().click();
  await cards.filter({ hasText: "client → server" }).first().waitFor();
  // The newest is first; each says when it was sent, what became of it, and what it was.
  const sent = await cards.filter({ hasText: "client → server" }).allInnerTexts();
  seen.messages = sent.map((card) => card.split(/\s*\n\s*/).slice(2).join(" ")).reverse();
  await header.getByRole("button", { name: "Disconnect from server" }).click();
  await main.getByText("Disconnected", { exact: true }).waitFor();
  return { ...seen, elsewhere: [...elsewhere] };
}
