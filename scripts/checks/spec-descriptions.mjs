import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { packageRoot } from "../environments.mjs";

/**
 * @typedef {{ description?: string, properties?: Record<string, Node>, $ref?: string, const?: unknown, $defs?: Record<string, Node> } & Record<string, unknown>} Node
 */

/**
 * @param {unknown} value
 * @returns {value is Node}
 */
const isNode = (value) => typeof value === "object" && value !== null;

/**
 * The paths of fields without a description.
 * @param {Node} root
 * @param {string} name
 */
export function undescribed(root, name) {
  /** @type {Set<string>} */
  const found = new Set();
  /** @type {Set<string>} */
  const seen = new Set();
  /** @param {Node} node */
  const target = (node) => (node.$ref ? root.$defs?.[node.$ref.replace("#/$defs/", "")] : undefined);
  /** @param {Node} schema @param {string} path */
  const walk = (schema, path) => {
    if (schema.$ref) {
      if (seen.has(schema.$ref)) return;
      seen.add(schema.$ref);
      walk(target(schema) ?? {}, path);
      return;
    }
    for (const [key, field] of Object.entries(schema.properties ?? {})) {
      if (!field.description && !target(field)?.description) found.add(`${path}.${key} has no description`);
      walk(field, `${path}.${key}`);
    }
    for (const key of ["anyOf", "oneOf", "allOf", "items", "prefixItems", "additionalProperties"]) {
      for (const member of [schema[key]].flat()) if (isNode(member)) walk(member, path);
    }
  };
  walk(root, name);
  return [...found];
}

/** Every field of every spec says what it means. */
export async function specDescriptionsCheck() {
  /** @type {{ specKinds: Record<string, { schema: z.ZodType }> }} */
  const { specKinds } = await import(pathToFileURL(join(packageRoot, "dist", "sdk", "spec", "index.js")).href);
  return Object.entries(specKinds).flatMap(([name, { schema }]) => {
    /** @type {Node} */
    const json = JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })));
    return undescribed(json, name);
  });
}
