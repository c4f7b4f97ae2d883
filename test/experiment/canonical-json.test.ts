import { expect, test } from "vitest";
import { canonicalJson, sha256, toJson } from "../../sdk/experiment/canonical-json.js";

test("equal values give equal text whatever the order of their keys", () => {
  expect(canonicalJson({ b: [1, { d: null, c: "é" }], a: true })).toBe('{"a":true,"b":[1,{"c":"é","d":null}]}');
  expect(canonicalJson({ a: true, b: [1, { c: "é", d: null }] })).toBe(
    canonicalJson({ b: [1, { d: null, c: "é" }], a: true }),
  );
});

test("what JSON has no place for is an error and never a null", () => {
  expect(() => canonicalJson(Number.NaN)).toThrow("no place in JSON");
  expect(() => canonicalJson({ a: [Number.POSITIVE_INFINITY] })).toThrow("no place in JSON");
});

test("undefined fields leave no trace", () => {
  expect(canonicalJson(toJson({ a: undefined, b: 1 }))).toBe('{"b":1}');
});

test("text and its bytes have one hash", () => {
  expect(sha256("long")).toBe(sha256(Buffer.from("long")));
  expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
