import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import {
  decodeMessage,
  encodeMessage,
  type Grpc,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  serviceOf,
} from "../../sdk/client/grpc.js";
import type { Rpc, RpcName } from "../../sdk/client/wire.js";
import { RunError } from "../../sdk/failure/failure.js";

/** An answer with a status other than OK. */
export class Refused extends Error {
  readonly status: "UNAUTHENTICATED" | "FAILED_PRECONDITION";

  constructor(status: Refused["status"], message: string) {
    super(message);
    this.status = status;
  }
}

/** Makes gRPC handlers of functions of values: the token first, codecs on both sides, errors as statuses. */
export class Handlers {
  readonly #grpc: Grpc;
  readonly #token: Buffer;

  constructor(grpc: Grpc, token: string) {
    this.#grpc = grpc;
    this.#token = digest(`Bearer ${token}`);
  }

  /** A handler of one request with one reply. */
  unary<Request, Reply>(rpc: Rpc<Request, Reply>, answer: (request: Request) => Promise<Reply> | Reply) {
    const serialize = this.#serializer(rpc);
    const handle = async (call: ServerUnaryCall<unknown, Buffer>, callback: sendUnaryData<Buffer>) => {
      try {
        this.#admit(call.metadata);
        const reply = await answer(decodeMessage(rpc.name, rpc.request, call.request));
        callback(null, encodeMessage(rpc.name, rpc.reply, reply, serialize));
      } catch (error) {
        callback(this.#status(error));
      }
    };
    return (call: ServerUnaryCall<unknown, Buffer>, callback: sendUnaryData<Buffer>) => void handle(call, callback);
  }

  /** A handler of one request with a stream of replies. A slow reader holds the source back: nothing piles up here. */
  stream<Request, Reply>(
    rpc: Rpc<Request, Reply>,
    answers: (request: Request, signal: AbortSignal) => AsyncIterable<Reply>,
  ) {
    const serialize = this.#serializer(rpc);
    const handle = async (call: ServerWritableStream<unknown, Buffer>) => {
      const gone = new AbortController();
      call.once("cancelled", () => gone.abort());
      try {
        this.#admit(call.metadata);
        for await (const reply of answers(decodeMessage(rpc.name, rpc.request, call.request), gone.signal)) {
          const room = call.write(encodeMessage(rpc.name, rpc.reply, reply, serialize));
          if (!room) await once(call, "drain", { signal: gone.signal });
        }
        call.end();
      } catch (error) {
        if (!gone.signal.aborted) call.emit("error", this.#status(error));
      }
    };
    return (call: ServerWritableStream<unknown, Buffer>) => void handle(call);
  }

  #admit(metadata: { get(key: string): (string | Buffer)[] }): void {
    // Digests have equal lengths, so that comparing them takes the same time for every wrong token.
    if (timingSafeEqual(digest(String(metadata.get("authorization")[0] ?? "")), this.#token)) return;
    throw new Refused("UNAUTHENTICATED", "the token is missing or is not this run's");
  }

  #serializer(rpc: RpcName): (wire: object) => Buffer {
    const method = serviceOf(this.#grpc, rpc.service)[rpc.name];
    if (method === undefined) throw new Error(`${rpc.name} is not in the proto files`);
    return method.responseSerialize;
  }

  #status(error: unknown): { code: number; details: string } {
    const { status } = this.#grpc.js;
    const details = error instanceof Error ? error.message : String(error);
    if (error instanceof Refused) return { code: status[error.status], details };
    const corrupt = error instanceof RunError && error.failure.code === "store_corrupt";
    return { code: corrupt ? status.DATA_LOSS : status.INTERNAL, details };
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
