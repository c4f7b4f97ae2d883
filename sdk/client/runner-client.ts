import { WireClient } from "./grpc.js";
import { cancelRun, type GetRunReply, getRun, type RunEventLine, watchRun } from "./runner-messages.js";

/** A client of a living runner. A call that cannot reach it throws `RpcError` with status UNAVAILABLE. */
export class RunnerClient implements AsyncDisposable {
  readonly #client: WireClient;

  private constructor(client: WireClient) {
    this.#client = client;
  }

  /** `address` and `token` are those of the run folder's `runner.json`. */
  static async open(runner: { readonly address: string; readonly token: string }): Promise<RunnerClient> {
    return new RunnerClient(await WireClient.open(runner));
  }

  /** Where the run stands. */
  async get(signal?: AbortSignal): Promise<GetRunReply> {
    return await this.#client.unary(getRun, {}, { signal });
  }

  /** Every stored event after a number, then the new ones, until the run has ended or the signal is given. */
  watch(afterSeq: number, signal: AbortSignal): AsyncGenerator<RunEventLine, void, undefined> {
    return this.#client.stream(watchRun, { afterSeq }, signal);
  }

  /** Asks to end the run. The wish is stored before this resolves; false when the run had already ended. */
  async cancel(reason: string, signal?: AbortSignal): Promise<boolean> {
    const { accepted } = await this.#client.unary(cancelRun, { reason }, { signal });
    return accepted;
  }

  /** Closes the connection; the run goes on. */
  async close(): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
