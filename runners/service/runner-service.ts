import { chmod, rm } from "node:fs/promises";
import {
  channelOptions,
  type Grpc,
  loadGrpc,
  type Server,
  serviceOf,
  type UntypedServiceImplementation,
} from "../../sdk/client/grpc.js";
import {
  cancelRun,
  getRun,
  type RegisterAgentRequest,
  type RunEventLine,
  registerAgent,
  watchRun,
} from "../../sdk/client/runner-messages.js";
import { RunError } from "../../sdk/failure/failure.js";
import { Handlers, Refused } from "./handlers.js";

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
      throw new RunError({
        code: "spec_refused",
        fieldPath: "--listen",
        facts: { found: listen, expected: "a loopback address such as 127.0.0.1:0" },
      });
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
      else
        reject(new RunError({ code: "address_in_use", detail: error.message, facts: { address } }, { cause: error }));
    });
  });
}

function addRunnerService(grpc: Grpc, server: Server, { token, run }: RunnerServiceOptions, agents: Agents): void {
  const handlers = new Handlers(grpc, token);
  const implementation: UntypedServiceImplementation = {
    GetRun: handlers.unary(getRun, () => ({
      runId: run.runId,
      epoch: run.epoch,
      lastSeq: run.lastSeq(),
      pid: process.pid,
      liveEndpoint: run.liveEndpoint(),
    })),
    WatchRun: handlers.stream(watchRun, ({ afterSeq }, signal) => run.tail(afterSeq, signal)),
    CancelRun: handlers.unary(cancelRun, async ({ reason }) => ({ accepted: await run.cancel(reason) })),
    RegisterAgent: handlers.unary(registerAgent, (agent) => {
      if (agent.epoch !== run.epoch)
        throw new Refused(
          "FAILED_PRECONDITION",
          `the agent is of epoch ${agent.epoch}, this run is at epoch ${run.epoch}`,
        );
      agents.add(agent);
      return { epoch: run.epoch };
    }),
  };
  const definition = Object.fromEntries(
    Object.entries(serviceOf(grpc, "RunnerService")).map(([name, method]) => [
      name,
      // The handlers have written the message already, to know its size.
      { ...method, responseSerialize: (bytes: Buffer) => bytes },
    ]),
  );
  server.addService(definition, implementation);
}
