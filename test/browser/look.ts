/** What can be measured of how a page looks, and pictures of it for the documents. */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const IMAGE_BYTES_MAX = 200_000;

/** With UPDATE_SCREENSHOTS set: writes docs/images/<name>.png. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (!process.env["UPDATE_SCREENSHOTS"]) return;
  // Nothing hovered, nothing focused.
  await page.mouse.move(0, 0);
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  const image = await page.screenshot({ fullPage: true, animations: "disabled" });
  mkdirSync(IMAGES, { recursive: true });
  writeFileSync(`${IMAGES}${name}.png`, image);
  const { size } = statSync(`${IMAGES}${name}.png`);
  if (size > IMAGE_BYTES_MAX) throw new Error(`${name}.png has ${size} bytes`);
}

export function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
}

/** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3). Disabled controls do not count. */
export function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const painter = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    if (painter === null) throw new Error("no canvas");
    /** Red, green, blue and alpha of a colour in any notation, from 0 to 1. */
    function channels(colour: string): number[] {
      painter?.clearRect(0, 0, 1, 1);
      Object.assign(painter ?? {}, { fillStyle: colour });
      painter?.fillRect(0, 0, 1, 1);
      return Array.from(painter?.getImageData(0, 0, 1, 1).data ?? [], (value) => value / 255);
    }
    function luminance(colour: string): number {
      const [red = 0, green = 0, blue = 0] = channels(colour).map((value) =>
        value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    }
    function behind(element: Element | null): string {
      if (element === null) return "white";
      const { backgroundColor } = getComputedStyle(element);
      return (channels(backgroundColor)[3] ?? 0) > 0.99 ? backgroundColor : behind(element.parentElement);
    }
    const texts = Array.from(document.querySelectorAll("body *")).filter(
      (element) =>
        !element.matches(":disabled") &&
        Array.from(element.childNodes).some(
          ({ nodeType, textContent }) => nodeType === 3 && textContent?.trim(),
        ),
    );
    return texts.flatMap((element) => {
      const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      return contrast < 4.5 ? [`${contrast.toFixed(2)} ${element.textContent}`] : [];
    });
  });
}
