/**
 * How often `work` reads a character by the named method of strings: steps instead of seconds. A spy
 * would keep a record of every one of a million calls.
 */
export function countedLooks(method: "codePointAt" | "charCodeAt", work: () => void): number {
  const original = Object.getOwnPropertyDescriptor(String.prototype, method);
  if (original === undefined) throw new Error(`String.prototype.${method} is missing`);
  const look = String.prototype[method];
  let looks = 0;
  const counting = function (this: string, index: number) {
    looks += 1;
    return look.call(this, index);
  };
  const prototype: object = String.prototype;
  Object.defineProperty(prototype, method, { ...original, value: counting });
  try {
    work();
  } finally {
    Object.defineProperty(prototype, method, original);
  }
  return looks;
}
