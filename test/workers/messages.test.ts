import { expect, test } from "vitest";
import { z } from "zod";
import { isType, loadGrpc, serviceOf } from "../../sdk/client/grpc.js";
import { runnerMessages, runnerRpcs } from "../../sdk/client/runner-messages.js";
import { type Message, timestamp } from "../../sdk/client/wire.js";
import { workerMessages, workerRpcs } from "../../runners/workers/messages.js";

const Descriptor = z.object({
  name: z.string(),
  field: z
    .array(
      z.object({ name: z.string(), type: z.string(), label: z.string(), typeName: z.string(), oneofIndex: z.number() }),
    )
    .default([]),
  oneofDecl: z.array(z.object({ name: z.string() })).default([]),
  value: z.array(z.object({ name: z.string(), number: z.number() })).default([]),
  nestedType: z.array(z.object({ name: z.string() })).default([]),
});
type Descriptor = z.output<typeof Descriptor>;
type Wire = Record<string, unknown>;

const grpc = await loadGrpc();
const { definitions } = grpc;
const codecs: Readonly<Record<string, Message>> = { ...runnerMessages, ...workerMessages };
const descriptors = new Map<string, Descriptor>();
const serializers = new Map<string, { serialize(wire: object): Buffer; deserialize(bytes: Buffer): object }>();
for (const [name, definition] of Object.entries(definitions)) {
  if (!name.startsWith("longform.v1.") || !isType(definition)) continue;
  descriptors.set(name.slice("longform.v1.".length), Descriptor.parse(definition.type));
  if ("serialize" in definition) serializers.set(name.slice("longform.v1.".length), definition);
}
const messageNames = [...serializers.keys()];

/** Fields of the message's oneof: exactly one of them may be set. */
function alternatives(name: string): readonly string[] {
  const declared = descriptorOf(name).oneofDecl.filter((oneof) => !oneof.name.startsWith("_"));
  expect(declared.length, `${name} has a oneof that this test does not know`).toBe(name in unionFields ? 1 : 0);
  return unionFields[name] ?? [];
}

/** Written here by hand from the proto, so that codec and test do not share a mistake. */
const unionFields: Readonly<Record<string, readonly string[]>> = {
  StartJobRequest: ["import", "model", "training", "generation", "audit", "read", "fetch"],
  JobDone: ["imported", "trained", "made", "generated", "audited", "read", "fetched"],
  Tuning: ["full", "lora"],
  JobEvent: ["phase", "progress", "rowsPlanned", "step", "gate", "checkpoint", "ready", "log", "done", "failed"],
  GenerateReply: ["delta", "finished"],
};

function descriptorOf(name: string): Descriptor {
  const descriptor = descriptors.get(name);
  if (descriptor === undefined) throw new Error(`no message ${name}`);
  return descriptor;
}

/** A message with every field set to something of its type; of a oneof, the `choice`-th. */
function filled(name: string, choice: number): Wire {
  const options = alternatives(name);
  const dropped = options.filter((_, index) => index !== choice % options.length);
  const { field } = descriptorOf(name);
  return Object.fromEntries(
    field.filter((one) => !dropped.includes(one.name)).map((one, index) => [one.name, filledField(one, index, choice)]),
  );
}

function filledField(field: Descriptor["field"][number], index: number, choice: number): unknown {
  // The entries of a map, which are no message of the files.
  if (["Facts", "Versions"].includes(field.typeName)) return { torch: "2.13", transformers: "5" };
  const one = filledValue(field, index, choice);
  return field.label === "LABEL_REPEATED" ? [one] : one;
}

function filledValue({ name, type, typeName }: Descriptor["field"][number], index: number, choice: number): unknown {
  switch (type) {
    case "TYPE_STRING":
      return name === "stream" ? "stderr" : `text ${index}`;
    case "TYPE_UINT32":
      return index + 7;
    case "TYPE_UINT64":
      return String(2 ** 53 - 1 - index);
    case "TYPE_DOUBLE":
      return index + 0.25;
    case "TYPE_BOOL":
      return true;
    case "TYPE_ENUM": {
      const values = descriptorOf(typeName).value.filter(({ number }) => number !== 0);
      return values[choice % values.length]?.name;
    }
    case "TYPE_MESSAGE":
      return typeName === "google.protobuf.Timestamp"
        ? { seconds: "1764057600", nanos: 125_000_000 }
        : filled(typeName, choice);
    default:
      throw new Error(`no value for ${type}`);
  }
}

test("every message of the proto has a codec, and every codec a message", () => {
  expect(Object.keys(codecs).toSorted()).toEqual(messageNames.toSorted());
});

test("every rpc of the proto is declared with the messages it takes and gives", () => {
  for (const [service, rpcs] of [
    ["RunnerService", runnerRpcs],
    ["WorkerService", workerRpcs],
  ] as const) {
    const methods = Object.entries(serviceOf(grpc, service)).map(([name, method]) => [
      name,
      Descriptor.parse(method.requestType.type).name,
      Descriptor.parse(method.responseType.type).name,
    ]);
    const nameOf = (codec: unknown) => Object.entries(codecs).find(([, one]) => one === codec)?.[0];
    expect(rpcs.map((rpc) => [rpc.name, nameOf(rpc.request), nameOf(rpc.reply)])).toEqual(methods);
  }
});

test.each(messageNames)("%s: each field crosses the wire and comes back; nothing is left over", (name) => {
  const codec = codecs[name];
  const wire = serializers.get(name);
  if (codec === undefined || wire === undefined) throw new Error(name);
  const choices = Math.max(1, alternatives(name).length, ...enumSizes(name));
  for (let choice = 0; choice < choices; choice += 1) {
    const sent = filled(name, choice);
    const received = wire.deserialize(wire.serialize(sent));
    expect(received, "the test's own message").toEqual(sent);
    const value = z.decode(codec, received);
    expect(wire.deserialize(wire.serialize(z.encode(codec, value)))).toEqual(sent);
  }
});

function enumSizes(name: string): number[] {
  return descriptorOf(name)
    .field.filter(({ type }) => type === "TYPE_ENUM")
    .map(({ typeName }) => descriptorOf(typeName).value.length - 1);
}

test.each(messageNames.filter((name) => descriptorOf(name).field.length > 0))(
  "%s: an unknown field and a missing one are refused",
  (name) => {
    const codec = codecs[name];
    if (codec === undefined) throw new Error(name);
    expect(codec.safeParse({ ...filled(name, 0), added: 1 }).success).toBe(false);
    const mayBeAbsent = [
      "StartJobRequest.ranks",
      "TrainingJob.gate",
      "TrainingResult.gateValue",
      "GenerateFinished.failure",
      "Failure.detail",
      "Failure.fieldPath",
    ];
    for (const field of Object.keys(filled(name, 0))) {
      const { [field]: _, ...rest } = filled(name, 0);
      expect(codec.safeParse(rest).success, `${name} without ${field}`).toBe(mayBeAbsent.includes(`${name}.${field}`));
    }
  },
);

test("an enum at zero, or with a name that the code does not know, is refused", () => {
  const { VisionPolicy } = workerMessages;
  const policy = filled("VisionPolicy", 0);
  expect(VisionPolicy.parse(policy).resize).toBe("keepAspect");
  for (const resize of ["RESIZE_RULE_UNSPECIFIED", "RESIZE_RULE_NEW", "keepAspect"])
    expect(VisionPolicy.safeParse({ ...policy, resize }).success).toBe(false);
});

test("a number beyond 2^53 is refused instead of rounded", () => {
  const { Progress } = workerMessages;
  expect(Progress.parse({ done: "9007199254740991", total: "1", unit: "rows" }).done).toBe(2 ** 53 - 1);
  for (const done of ["9007199254740993", "18446744073709551615", "-1", "1.5", 7])
    expect(Progress.safeParse({ done, total: "1", unit: "rows" }).success).toBe(false);
});

test("two members of a oneof, and none, are refused", () => {
  const { GenerateReply } = workerMessages;
  const [delta, finished] = [filled("GenerateReply", 0), filled("GenerateReply", 1)];
  expect(GenerateReply.safeParse({ ...delta, ...finished }).success).toBe(false);
  expect(GenerateReply.safeParse({ requestId: "a" }).success).toBe(false);
});

test("a time keeps its milliseconds", () => {
  const time = "2026-11-25T07:14:09.037Z";
  expect(z.decode(timestamp, z.encode(timestamp, time))).toBe(time);
});
