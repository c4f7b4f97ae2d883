import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { renderReport } from "longform/report";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { smallReport } from "./small-report.js";

test("equal data give equal bytes, and nothing of a text becomes markup", () => {
  const page = renderReport(smallReport());
  expect(page).toBe(renderReport(smallReport()));
  expect(page).not.toContain("<script");
  expect(page).not.toContain("<img src=x");
  expect(page).toContain("Short &amp; &quot;quoted&quot; &lt;img src=x onerror=alert(1)&gt;.");
  expect(page).toContain("Two stages &amp; &lt;b&gt;no&lt;/b&gt; markup.");
});

test("every number stands beside its n, and what is missing is counted", () => {
  const page = renderReport(smallReport());
  expect(page).toContain("3 of 4");
  expect(page).toContain("3 stop, 1 error");
  expect(page).toContain("1 unparsable");
  for (const profile of ["strict", "paper-eq6", "paper-code"]) expect(page).toContain(profile);
});

const browser = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));

test.skipIf(browser === undefined)(
  "a browser shows it without an error, at every width and in the dark (needs Chromium)",
  { timeout: 120_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "longform-report-"));
    const launched = await chromium.launch({
      executablePath: browser ?? "",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    try {
      const file = join(folder, "report.html");
      await writeFile(file, renderReport(smallReport()));
      const page = await launched.newPage({ colorScheme: "dark" });
      const problems: string[] = [];
      page.on("console", (message) => problems.push(message.text()));
      page.on("pageerror", (error) => problems.push(String(error)));
      await page.goto(pathToFileURL(file).href);
      for (const width of [1200, 420]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
      }
      expect(
        await page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)"),
      ).toBe(true);
      expect(await page.locator("svg.chart").count()).toBe(3);
      expect(
        await page.locator("polyline.bold").evaluate((line) => line.getBoundingClientRect().width),
      ).toBeGreaterThan(50);
      expect(problems).toEqual([]);
    } finally {
      await launched.close();
      await rm(folder, { recursive: true });
    }
  },
);
