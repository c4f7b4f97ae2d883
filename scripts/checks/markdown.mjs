import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { packageRoot } from "../environments.mjs";
import { projectFiles } from "./project-files.mjs";

/** Folders of the repository that a path in running text starts with. */
const topFolders = /^(sdk|runners|proto|python-worker|examples|test|bench|scripts|\.ci)\//;

/** @param {string} text */
const withoutBlocks = (text) => text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replaceAll(/[^\n]/g, ""));

/**
 * The anchors that a Markdown file offers, as GitHub makes them of its headings.
 * @param {string} file
 */
function anchorsOf(file) {
  const headings = [...withoutBlocks(readFileSync(join(packageRoot, file), "utf8")).matchAll(/^#+ +(.+)$/gm)];
  return headings.map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/**
 * @param {string} file
 * @param {string} link
 */
function brokenLink(file, link) {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? file : normalize(join(dirname(file), decodeURIComponent(path)));
  if (!existsSync(join(packageRoot, target))) return `${file}: link to ${link}, which does not exist`;
  if (anchor && target.endsWith(".md") && !anchorsOf(target).includes(anchor)) return `${file}: no heading for ${link}`;
  return undefined;
}

/**
 * @param {string} file
 * @param {Record<string, string>} scripts
 */
function complaintsAbout(file, scripts) {
  const whole = readFileSync(join(packageRoot, file), "utf8");
  const text = withoutBlocks(whole);
  const links = [...text.matchAll(/\[[^\]]*\]\(([^)\s]+)[^)]*\)/g)].map(([, link = ""]) => brokenLink(file, link));
  const paths = [...text.matchAll(/`([^`\s]+)`/g)]
    .map(([, path = ""]) => path.replace(/:\d+$/, ""))
    .filter((path) => topFolders.test(path) && !/[*<>{}…$]/.test(path) && !existsSync(join(packageRoot, path)))
    .map((path) => `${file}: names ${path}, which does not exist`);
  const commands = [...whole.matchAll(/\bnpm run ([\w:-]+)/g)]
    .filter(([, name = ""]) => !(name in scripts))
    .map(([, name]) => `${file}: npm run ${name} is no script of package.json`);
  return [...links.filter((line) => line !== undefined), ...paths, ...commands];
}

/** Every link, path and npm script that the Markdown names exists. */
export function markdownCheck() {
  /** @type {{ scripts: Record<string, string> }} */
  const { scripts } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  return projectFiles(/\.md$/).flatMap((file) => complaintsAbout(file, scripts));
}
