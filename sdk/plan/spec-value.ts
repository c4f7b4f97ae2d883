/** The value at a dotted path of plain data; undefined where the path leads nowhere. */
export function valueAt(data: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    const next: unknown = Reflect.get(value, key);
    return next;
  }, data);
}

/** Plain data with another value at a dotted path. */
export function withValue(data: unknown, path: string, value: unknown): unknown {
  const [key = "", ...rest] = path.split(".");
  const fields = typeof data === "object" && data !== null ? data : {};
  const inner: unknown = Reflect.get(fields, key);
  return { ...fields, [key]: rest.length === 0 ? value : withValue(inner, rest.join("."), value) };
}
