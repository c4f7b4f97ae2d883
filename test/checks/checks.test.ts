import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { addressComplaints } from "../../scripts/checks/addresses.mjs";
import { pythonImports, typescriptImports } from "../../scripts/checks/library-doors.mjs";
import { protoComplaints } from "../../scripts/checks/proto.mjs";
import { exportedNames } from "../../scripts/checks/public-names.mjs";
import { undescribed } from "../../scripts/checks/spec-descriptions.mjs";
import { pytestCounts, vitestCounts } from "../../scripts/test-counts.mjs";

test("a proto whose parts lack comments, or whose enum starts elsewhere, is named line by line", () => {
  const proto = `syntax = "proto3";
message Bare {
  // Explained.
  optional string fine = 1;
  map<string, int32> bare = 2;
  oneof choice {
    // A nested block ends and the enclosing one goes on.
    bool also_fine = 3;
  }
}
// Explained.
enum Kind {
  // Explained.
  KIND_FIRST = 0;
  KIND_BARE = 1;
}
service Asks {
  rpc Ask(Bare) returns (stream Bare);
}`;
  expect(protoComplaints("a.proto", proto)).toEqual([
    "a.proto:2: Bare has no comment",
    "a.proto:5: bare has no comment",
    "a.proto:6: choice has no comment",
    "a.proto:14: enum Kind must start at ..._UNSPECIFIED = 0, not at KIND_FIRST",
    "a.proto:15: KIND_BARE has no comment",
    "a.proto:17: Asks has no comment",
    "a.proto:18: Ask has no comment",
  ]);
});

test("imports of libraries are found in every form, and only those", () => {
  const text = `import { z } from "zod";
import type {
  Client,
} from "@grpc/grpc-js/build/x";
import "side-effect/deep";
export * from "./own.js";
import fs from "node:fs";
const later = await import("zeromq");
const text = { from: "nowhere" };
import { experiment } from "longform";`;
  expect(typescriptImports(text)).toEqual(["zod", "@grpc/grpc-js", "side-effect", "zeromq"]);
  const python = `import os
import torch.nn.functional as F
from google.protobuf import message
from longform_worker.wire import Frame
from . import sibling
    from PIL import Image
late = importlib.import_module("safetensors.torch")`;
  expect(pythonImports(python)).toEqual(["torch", "google.protobuf", "PIL", "safetensors"]);
});

test("a spec field without a description is named by its path, through unions, lists and references", () => {
  const described = { type: "string", description: "Said." };
  const schema = {
    properties: {
      said: described,
      silent: { type: "number" },
      list: { description: "Said.", items: { properties: { silent: {} } } },
      either: { description: "Said.", anyOf: [described, { properties: { silent: {} } }] },
      shared: { $ref: "#/$defs/shared" },
    },
    $defs: { shared: { description: "Said.", properties: { deep: {} } } },
  };
  expect(undescribed(schema, "spec")).toEqual([
    "spec.silent has no description",
    "spec.list.silent has no description",
    "spec.either.silent has no description",
    "spec.shared.deep has no description",
  ]);
});

test("public names are read from declarations, types told from values", () => {
  const folder = mkdtempSync(join(tmpdir(), "longform-names-"));
  writeFileSync(join(folder, "more.d.ts"), "export declare function run(): void;\nexport interface Run {}\n");
  const text =
    'export { a, type B, c as d } from "./x.js";\nexport type { E } from "./y.js";\nexport * from "./more.js";\n';
  writeFileSync(
    join(folder, "index.d.ts"),
    `${text}/* export declare const hidden: 1; */\nexport declare const f: 1;\n`,
  );
  expect(exportedNames(join(folder, "index.d.ts")).toSorted()).toEqual([
    "a",
    "d",
    "f",
    "run",
    "type B",
    "type E",
    "type Run",
  ]);
  rmSync(folder, { recursive: true });
});

test("a home folder or a registry's host is named by line", () => {
  const home = ["", "home", "ann", ""].join("/");
  const host = ["https:/", ["registry", "npmjs", "org"].join("."), "zod"].join("/");
  expect(addressComplaints("a.md", `fine\n${home}runs\n${host}\n~/runs and runs/home/x/y`)).toEqual([
    `a.md:2: ${home} holds on one machine or network only`,
    `a.md:3: ${["registry", "npmjs", "org"].join(".")} holds on one machine or network only`,
  ]);
});

test("a test file that does not load counts as a failure, and so does a missing report", () => {
  const report = {
    numPassedTests: 2,
    numFailedTests: 1,
    numPendingTests: 1,
    numTodoTests: 0,
    testResults: [
      { status: "passed", assertionResults: [{ status: "passed" }] },
      { status: "failed", assertionResults: [{ status: "passed" }, { status: "failed" }] },
      { status: "failed", assertionResults: [] },
    ],
  };
  expect(vitestCounts(JSON.stringify(report))).toEqual({ passed: 2, failed: 2, skipped: 1 });
  expect(vitestCounts(undefined)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  const suite =
    '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1"></testsuite>';
  expect(pytestCounts(suite)).toEqual({ passed: 4, failed: 3, skipped: 3 });
  expect(pytestCounts(undefined)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
