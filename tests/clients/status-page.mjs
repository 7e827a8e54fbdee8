// A person who looks at the status page, in a headless Chromium.
//
// Usage: node status-page.mjs <npm prefix> <chromium> <URL of the page> <light|dark> <screenshot>
//
// Prints one JSON object: what is on the page, and the least contrast of its texts.
import { browse } from "./browser.mjs";

const [prefix, executablePath, url, colorScheme, screenshot] = process.argv.slice(2);
// A browser asks for an icon by itself.
const isOwn = (from) => !from.endsWith("/favicon.ico");
const viewport = { width: 1280, height: 860 };
await browse({ prefix, executablePath, isOwn, colorScheme, viewport }, look);

async function look(page) {
  const dialogs = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    return dialog.dismiss();
  });
  await page.goto(url);
  const text = async (selector) => {
    const found = await page.locator(selector).innerText();
    return found.replace(/\s+/g, " ");
  };
  const seen = {
    warnings: await text(".warnings"),
    tools: await text("section:has(h2:text('Tools'))"),
    ...(await page.evaluate(measure)),
  };
  await page.screenshot({ path: screenshot, animations: "disabled" });
  return { ...seen, dialogs };
}

// Within the page.
function measure() {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const linear = channels(colour).slice(0, 3).map((it) => {
      const part = it / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    const isClear = channels(colour)[3] === 0;
    return isClear && element.parentElement ? behind(element.parentElement) : colour;
  };
  const contrast = (element) => {
    const [a, b] = [getComputedStyle(element).color, behind(element)].map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const texts = [...document.querySelectorAll("body *")].filter((element) =>
    [...element.childNodes].some((it) => it.nodeType === Node.TEXT_NODE && it.data.trim()),
  );
  return {
    contrast: Math.min(...texts.map(contrast)),
    background: getComputedStyle(document.body).backgroundColor,
    overflows: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  };
}
