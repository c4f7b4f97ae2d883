// The one door to gRPC: nothing else imports @grpc/grpc-js or @grpc/proto-loader, and both are loaded
// only when something connects, because together they double the start of a command.
import { once } from "node:events";
import type * as grpcJs from "@grpc/grpc-js";
import type {
  AnyDefinition,
  EnumTypeDefinition,
  MessageTypeDefinition,
  PackageDefinition,
  ServiceDefinition,
} from "@grpc/proto-loader";
import { z } from "zod";
import { RunError } from "../failure/failure.js";
import * as limits from "./limits.js";
import { protoFolder } from "./package-root.js";
import type { Message, Rpc, RpcName } from "./wire.js";

export type {
  sendUnaryData,
  Server,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** A call that ended with another status than OK, by the status's name ("UNAVAILABLE"). */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly rpc: string;
  readonly status: string;
  readonly detail: string;

  constructor(rpc: string, status: string, detail: string) {
    super(`${rpc}: ${status}: ${detail}`);
    this.rpc = rpc;
    this.status = status;
    this.detail = detail;
  }
}

/** Client, server and the services of `proto/longform/v1`. */
export interface Grpc {
  readonly js: typeof grpcJs;
  readonly definitions: PackageDefinition;
}

let loading: Promise<Grpc> | undefined;

/** Loads the libraries and the proto files, once. */
export async function loadGrpc(): Promise<Grpc> {
  loading ??= (async () => {
    const [js, loader] = await Promise.all([import("@grpc/grpc-js"), import("@grpc/proto-loader")]);
    // Errors are thrown; printing them as well would spoil the terminal of whoever embeds this.
    if (process.env["GRPC_VERBOSITY"] === undefined) js.setLogVerbosity(js.logVerbosity.NONE);
    const definitions = await loader.load(["longform/v1/runner.proto", "longform/v1/worker.proto"], {
      includeDirs: [protoFolder],
      keepCase: false,
      // Numbers beyond 2^53 would be rounded without a word; the codecs check the digits instead.
      longs: String,
      enums: String,
      // An absent field must differ from a zero.
      defaults: false,
      arrays: true,
      objects: true,
      // Would add a "_name" to every optional field, because proto3 calls each of them a oneof.
      oneofs: false,
    });
    return { js, definitions };
  })();
  return await loading;
}

/** The definition of one service. */
export function serviceOf(grpc: Grpc, name: RpcName["service"]): ServiceDefinition {
  const definition = grpc.definitions[`longform.v1.${name}`];
  if (definition === undefined || isType(definition)) throw new Error(`${name} is not in the proto files`);
  return definition;
}

/** Whether a definition is a message or an enum and no service. */
export function isType(
  definition: AnyDefinition,
): definition is MessageTypeDefinition<object, object> | EnumTypeDefinition {
  return typeof definition["format"] === "string";
}

function methodOf(grpc: Grpc, rpc: RpcName) {
  const method = serviceOf(grpc, rpc.service)[rpc.name];
  if (method === undefined) throw new Error(`${rpc.service}.${rpc.name} is not in the proto files`);
  return method;
}

/** Options that both ends of every connection share. */
export const channelOptions = {
  "grpc.max_send_message_length": limits.MAX_MESSAGE_BYTES,
  "grpc.max_receive_message_length": limits.MAX_MESSAGE_BYTES,
  "grpc.keepalive_time_ms": limits.KEEPALIVE_INTERVAL_MS,
  "grpc.keepalive_timeout_ms": limits.KEEPALIVE_TIMEOUT_MS,
  // grpc.enable_channelz stays on: without it grpc-js 1.14.7 does not keep its sessions, and a server
  // that was shut down goes on answering over the connections it has.
};

const clientOptions = {
  ...channelOptions,
  // A repeated call could be applied twice, and the buffer for it grows with a long stream
  // (grpc-node#2371): what is safe to repeat is repeated by runners/workers/watch.ts alone.
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.initial_reconnect_backoff_ms": limits.FIRST_RECONNECT_DELAY_MS,
  "grpc.max_reconnect_backoff_ms": limits.LONGEST_RECONNECT_DELAY_MS,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_http_proxy": 0,
};

/** What is said on the wire for a value. Refuses a value that does not fit the contract, and one that is too large. */
export function encodeMessage<Value>(
  name: string,
  message: Message<Value>,
  value: Value,
  serialize: (wire: object) => Buffer,
): Buffer {
  const wire = z.safeEncode(message, value);
  if (!wire.success) {
    const issue = wire.error.issues[0];
    throw new RunError({
      code: "spec_refused",
      detail: `${name}: ${z.prettifyError(wire.error)}`,
      fieldPath: issue?.path.join(".") ?? "",
    });
  }
  const bytes = serialize(wire.data);
  if (bytes.length <= limits.MAX_MESSAGE_BYTES) return bytes;
  const facts = { bytes: bytes.length, limit: limits.MAX_MESSAGE_BYTES };
  throw new RunError({ code: "data_refused", detail: `a message of ${name} is larger than what one may be`, facts });
}

/** The value that was said on the wire. What does not fit the contract is a defect, never a guess. */
export function decodeMessage<Value>(name: string, message: Message<Value>, wire: unknown): Value {
  const value = message.safeParse(wire);
  if (value.success) return value.data;
  throw new RunError({
    code: "internal",
    detail: `a message of ${name} does not fit the contract: ${z.prettifyError(value.error)}`,
  });
}

/** A stream in both directions. */
export interface Duplex<Request, Reply> {
  /** What the other side says, until it ends the stream; a broken stream is an {@link RpcError}. */
  readonly replies: AsyncIterable<Reply>;
  /** Resolves when there is room for more. Throws when the stream has ended. */
  write(request: Request): Promise<void>;
  /** Says that nothing more will be written. */
  end(): void;
}

/** A client of one service at one address. */
export class WireClient implements AsyncDisposable {
  readonly address: string;
  readonly #grpc: Grpc;
  readonly #client: grpcJs.Client;
  readonly #metadata: grpcJs.Metadata;

  private constructor(address: string, grpc: Grpc, metadata: grpcJs.Metadata) {
    this.address = address;
    this.#grpc = grpc;
    this.#metadata = metadata;
    this.#client = new grpc.js.Client(address, grpc.js.credentials.createInsecure(), clientOptions);
  }

  /** Makes a client; the connection is made by the first call. `epoch` is that of the caller's runner. */
  static async open(options: {
    readonly address: string;
    readonly token: string;
    readonly epoch?: number;
  }): Promise<WireClient> {
    const grpc = await loadGrpc();
    const metadata = new grpc.js.Metadata();
    metadata.set("authorization", `Bearer ${options.token}`);
    if (options.epoch !== undefined) metadata.set("longform-epoch", String(options.epoch));
    return new WireClient(options.address, grpc, metadata);
  }

  /** One request, one reply, within a deadline. */
  async unary<Request, Reply>(
    rpc: Rpc<Request, Reply>,
    request: Request,
    options: { readonly signal?: AbortSignal | undefined; readonly deadlineMs?: number } = {},
  ): Promise<Reply> {
    const { signal, deadlineMs = limits.CALL_DEADLINE_MS } = options;
    signal?.throwIfAborted();
    const method = methodOf(this.#grpc, rpc);
    const bytes = encodeMessage(rpc.name, rpc.request, request, method.requestSerialize);
    const reply = await new Promise<unknown>((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        sameBytes,
        method.responseDeserialize,
        bytes,
        this.#metadata,
        { deadline: Date.now() + deadlineMs },
        (error, answer) => {
          signal?.removeEventListener("abort", abort);
          if (error) reject(signal?.aborted ? signal.reason : this.#rpcError(rpc.name, error));
          else resolve(answer);
        },
      );
      const abort = () => call.cancel();
      signal?.addEventListener("abort", abort, { once: true });
    });
    return decodeMessage(rpc.name, rpc.reply, reply);
  }

  /** One request, a stream of replies. The reader sets the pace. */
  async *stream<Request, Reply>(
    rpc: Rpc<Request, Reply>,
    request: Request,
    signal: AbortSignal,
  ): AsyncGenerator<Reply, void, undefined> {
    signal.throwIfAborted();
    const method = methodOf(this.#grpc, rpc);
    const bytes = encodeMessage(rpc.name, rpc.request, request, method.requestSerialize);
    const call = this.#client.makeServerStreamRequest(
      method.path,
      sameBytes,
      method.responseDeserialize,
      bytes,
      this.#metadata,
    );
    yield* this.#replies(rpc, call, signal);
  }

  /** Streams in both directions. */
  duplex<Request, Reply>(rpc: Rpc<Request, Reply>, signal: AbortSignal): Duplex<Request, Reply> {
    signal.throwIfAborted();
    const method = methodOf(this.#grpc, rpc);
    const call = this.#client.makeBidiStreamRequest(method.path, sameBytes, method.responseDeserialize, this.#metadata);
    const ended = new AbortController();
    for (const event of ["end", "error", "close"])
      call.once(event, () => ended.abort(new RpcError(rpc.name, "UNAVAILABLE", "the stream has ended")));
    return {
      replies: this.#replies(rpc, call, signal),
      write: async (request) => {
        const bytes = encodeMessage(rpc.name, rpc.request, request, method.requestSerialize);
        ended.signal.throwIfAborted();
        if (call.write(bytes)) return;
        await once(call, "drain", { signal: ended.signal });
      },
      end: () => call.end(),
    };
  }

  async *#replies<Reply>(
    rpc: RpcName & { readonly reply: Message<Reply> },
    call: grpcJs.ClientReadableStream<object> | grpcJs.ClientDuplexStream<Buffer, object>,
    signal: AbortSignal,
  ): AsyncGenerator<Reply, void, undefined> {
    const abort = () => call.cancel();
    signal.addEventListener("abort", abort, { once: true });
    // A cancelled call emits "error" once more after nobody iterates any longer.
    call.on("error", () => undefined);
    try {
      for await (const wire of call) yield decodeMessage(rpc.name, rpc.reply, wire);
      signal.throwIfAborted();
    } catch (error) {
      signal.throwIfAborted();
      throw this.#rpcError(rpc.name, error);
    } finally {
      signal.removeEventListener("abort", abort);
      call.cancel();
    }
  }

  #rpcError(rpc: string, error: unknown): unknown {
    if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "number") return error;
    const detail = "details" in error && typeof error.details === "string" ? error.details : error.message;
    return new RpcError(rpc, this.#grpc.js.status[error.code] ?? "UNKNOWN", detail);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
  }
}

function sameBytes(bytes: Buffer): Buffer {
  return bytes;
}
