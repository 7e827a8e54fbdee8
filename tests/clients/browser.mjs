// A page in a headless Chromium, for programs that are people.
import { createRequire } from "node:module";
import { join } from "node:path";

const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync";

// Opens a page, has it used, and prints as JSON what `use` returns, with what went wrong on the page. `isOwn` says
// whether an error on the console counts, by the URL that it came from.
export async function browse({ prefix, executablePath, isOwn, ...options }, use) {
  const { chromium } = createRequire(join(prefix, "package.json"))("playwright-core");
  const browser = await chromium.launch({ executablePath, args: FLAGS.split(" ") });
  try {
    const page = await browser.newPage(options);
    page.setDefaultTimeout(30_000);
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && isOwn(message.location().url)) errors.push(message.text());
    });
    const seen = await use(page);
    console.log(JSON.stringify({ ...seen, errors }));
  } finally {
    await browser.close();
  }
}
