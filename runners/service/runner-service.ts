import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import type { sendUnaryData, Server, ServerUnaryCall, ServerWritableStream, UntypedServiceImplementation } from "@grpc/grpc-js";
import { channelOptions, decodeMessage, encodeMessage, type Grpc, loadGrpc, serviceOf } from "../../sdk/client/grpc.js";
import { cancelRun, getRun, type RegisterAgentRequest, type RunEventLine, registerAgent, watchRun } from "../../sdk/client/runner-messages.js";
import type { Rpc } from "../../sdk/client/wire.js";
import { RunError } from "../../sdk/failure/failure.js";

/** What the service tells of a run. */
export interface ServedRun {
  readonly runId: string;
  readonly epoch: number;
  /** Number of the last stored event. */
  lastSeq(): number;
  /** Every stored event after a number, then the new ones, until the run has ended. */
  tail(afterSeq: number, signal: AbortSignal): AsyncIterable<RunEventLine>;
  /** Stores the wish to end the run; false when it had already ended. */
  cancel(reason: string): Promise<boolean>;
  /** Endpoint of the live view, empty when there is none. */
  liveEndpoint(): string;
}

export interface RunnerServiceOptions {
  /** The private socket that is always served. */
  readonly socketPath: string;
  /** A loopback address to serve as well, as host:port; port 0 takes a free one. */
  readonly listen?: string | undefined;
  /** Every call must carry it. */
  readonly token: string;
  readonly run: ServedRun;
}

class Refused extends Error {
  readonly status: "UNAUTHENTICATED" | "FAILED_PRECONDITION";

  constructor(status: Refused["status"], message: string) {
    super(message);
    this.status = status;
  }
}

/** Answers clients and agents of one run. */
export class RunnerService implements AsyncDisposable {
  /** The private socket, as a gRPC target. */
  readonly address: string;
  /** What `listen` was bound to. */
  readonly listening: string | undefined;
  readonly #server: Server;
  readonly #agents: Agents;

  private constructor(server: Server, agents: Agents, address: string, listening: string | undefined) {
    this.#server = server;
    this.#agents = agents;
    this.address = address;
    this.listening = listening;
  }

  /** @throws RunError `address_in_use` when an address cannot be bound, `spec_refused` for one that is not loopback. */
  static async start(options: RunnerServiceOptions): Promise<RunnerService> {
    const { listen, socketPath } = options;
    if (listen !== undefined && !/^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+$/.test(listen))
      throw new RunError({ code: "spec_refused", fieldPath: "--listen", facts: { found: listen, expected: "a loopback address such as 127.0.0.1:0" } });
    const grpc = await loadGrpc();
    const agents = new Agents();
    const server = new grpc.js.Server(channelOptions);
    addRunnerService(grpc, server, options, agents);
    try {
      // A socket that a killed runner left: the run's lease says that nobody serves it.
      await rm(socketPath, { force: true });
      const address = `unix:${socketPath}`;
      await bind(grpc, server, address);
      await chmod(socketPath, 0o600);
      const port = listen === undefined ? undefined : await bind(grpc, server, listen);
      return new RunnerService(server, agents, address, listen?.replace(/\d+$/, String(port)));
    } catch (error) {
      server.forceShutdown();
      throw error;
    }
  }

  /** Waits until an agent has reported for work. */
  async registered(agentId: string, signal: AbortSignal): Promise<RegisterAgentRequest> {
    return await this.#agents.get(agentId, signal);
  }

  /** Ends all streams and removes the socket. */
  async close(): Promise<void> {
    this.#server.forceShutdown();
    await rm(this.address.slice("unix:".length), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Who has reported for work, and who waits for it. */
class Agents {
  readonly #known = new Map<string, RegisterAgentRequest>();
  readonly #waiting = new Set<() => void>();

  add(agent: RegisterAgentRequest): void {
    this.#known.set(agent.agentId, agent);
    for (const wake of this.#waiting) wake();
  }

  async get(agentId: string, signal: AbortSignal): Promise<RegisterAgentRequest> {
    return await new Promise((resolve, reject) => {
      const look = () => {
        const agent = this.#known.get(agentId);
        if (agent === undefined && !signal.aborted) return;
        this.#waiting.delete(look);
        signal.removeEventListener("abort", look);
        if (agent === undefined) reject(signal.reason);
        else resolve(agent);
      };
      this.#waiting.add(look);
      signal.addEventListener("abort", look);
      look();
    });
  }
}

async function bind(grpc: Grpc, server: Server, address: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.bindAsync(address, grpc.js.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(new RunError({ code: "address_in_use", detail: error.message, facts: { address } }, { cause: error }));
    });
  });
}

function addRunnerService(grpc: Grpc, server: Server, { token, run }: RunnerServiceOptions, agents: Agents): void {
  const method = methods(grpc, token);
  const implementation: UntypedServiceImplementation = {
    GetRun: method.unary(getRun, () => ({
      runId: run.runId,
      epoch: run.epoch,
      lastSeq: run.lastSeq(),
      pid: process.pid,
      liveEndpoint: run.liveEndpoint(),
    })),
    WatchRun: method.stream(watchRun, ({ afterSeq }, signal) => run.tail(afterSeq, signal)),
    CancelRun: method.unary(cancelRun, async ({ reason }) => ({ accepted: await run.cancel(reason) })),
    RegisterAgent: method.unary(registerAgent, (agent) => {
      if (agent.epoch !== run.epoch)
        throw new Refused("FAILED_PRECONDITION", `the agent is of epoch ${agent.epoch}, this run is at epoch ${run.epoch}`);
      agents.add(agent);
      return { epoch: run.epoch };
    }),
  };
  const definition = Object.fromEntries(
    Object.entries(serviceOf(grpc, "RunnerService")).map(([name, { responseSerialize: _, ...rest }]) => [
      name,
      { ...rest, responseSerialize: (bytes: Buffer) => bytes },
    ]),
  );
  server.addService(definition, implementation);
}

/** Handlers between the wire and functions of values: token first, codecs on both sides. */
function methods(grpc: Grpc, token: string) {
  const expected = digest(`Bearer ${token}`);
  const admit = (call: { readonly metadata: { get(key: string): (string | Buffer)[] } }) => {
    if (timingSafeEqual(digest(String(call.metadata.get("authorization")[0] ?? "")), expected)) return;
    throw new Refused("UNAUTHENTICATED", "the token is missing or is not this run's");
  };
  const serializer = (rpc: Rpc<unknown, unknown>) => {
    const method = serviceOf(grpc, rpc.service)[rpc.name];
    if (method === undefined) throw new Error(`${rpc.name} is not in the proto files`);
    return method.responseSerialize;
  };
  return {
    unary<Request, Reply>(rpc: Rpc<Request, Reply>, answer: (request: Request) => Promise<Reply> | Reply) {
      const serialize = serializer(rpc);
      return (call: ServerUnaryCall<unknown, Buffer>, callback: sendUnaryData<Buffer>) => {
        const answered = async () => {
          admit(call);
          return encodeMessage(rpc.name, rpc.reply, await answer(decodeMessage(rpc.name, rpc.request, call.request)), serialize);
        };
        answered().then(
          (bytes) => callback(null, bytes),
          (error: unknown) => callback(statusOf(grpc, error)),
        );
      };
    },
    stream<Request, Reply>(rpc: Rpc<Request, Reply>, answers: (request: Request, signal: AbortSignal) => AsyncIterable<Reply>) {
      const serialize = serializer(rpc);
      return (call: ServerWritableStream<unknown, Buffer>) => {
        const gone = new AbortController();
        call.once("cancelled", () => gone.abort());
        const send = async () => {
          admit(call);
          for await (const reply of answers(decodeMessage(rpc.name, rpc.request, call.request), gone.signal)) {
            // A slow reader holds the source back: nothing piles up here.
            if (!call.write(encodeMessage(rpc.name, rpc.reply, reply, serialize))) await once(call, "drain", { signal: gone.signal });
          }
          call.end();
        };
        send().catch((error: unknown) => {
          if (!gone.signal.aborted) call.emit("error", statusOf(grpc, error));
        });
      };
    },
  };
}

function statusOf(grpc: Grpc, error: unknown) {
  const details = error instanceof Error ? error.message : String(error);
  if (error instanceof Refused) return { code: grpc.js.status[error.status], details };
  const corrupt = error instanceof RunError && error.failure.code === "store_corrupt";
  return { code: corrupt ? grpc.js.status.DATA_LOSS : grpc.js.status.INTERNAL, details };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
