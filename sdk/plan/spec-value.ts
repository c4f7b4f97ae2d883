/** The value at a dotted path of plain data; undefined where the path leads nowhere. */
export function valueAt(data: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    const next: unknown = Reflect.get(value, key);
    return next;
  }, data);
}
