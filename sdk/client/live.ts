// The one door to ZeroMQ, loaded only by who watches or publishes. What comes through it may be lost
// and decides nothing; without the library there is no live view and everything else is the same.
import { isMainThread } from "node:worker_threads";
import type * as zeromq from "zeromq";
import { z } from "zod";

export type { Publisher, Subscriber } from "zeromq";
export type ZeroMq = typeof zeromq;

const number = z.number();

/** One thing to show: the end of a text that is being written, or an optimizer step. */
export const LiveFrame = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("text"), stage: z.string(), requestId: z.string(), text: z.string(), tokens: number }),
  z.object({
    kind: z.literal("step"),
    stage: z.string(),
    step: number,
    steps: number,
    loss: number,
    gradientNorm: number,
    learningRate: number,
    targetTokens: number,
    tokens: number,
    dataSeconds: number,
    forwardSeconds: number,
    backwardSeconds: number,
    updateSeconds: number,
    peakMemoryBytes: number,
  }),
]);
export type LiveFrame = z.output<typeof LiveFrame>;

/** What a runner publishes: frames numbered from 1, and how many were dropped or replaced by newer ones before. */
export const LiveMessage = z.object({ number: z.number(), dropped: z.number(), frame: LiveFrame });
export type LiveMessage = z.output<typeof LiveMessage>;

/** Frames that wait in a socket for a slow reader, and the size of one. */
export const LIVE_QUEUE_FRAMES = 100;
export const LIVE_FRAME_LIMIT_BYTES = 1 << 20;

/** The first part of each message. */
export const LIVE_TOPIC = "live";

/** The library; absent where it cannot load, is turned off by LONGFORM_LIVE=0, or would run in a worker thread. */
export async function loadZeroMq(): Promise<ZeroMq | undefined> {
  // A socket in a worker thread aborts the process when the thread ends (zeromq.js#411).
  if (process.env["LONGFORM_LIVE"] === "0" || !isMainThread) return undefined;
  try {
    return await import("zeromq");
  } catch {
    return undefined;
  }
}

/**
 * Calls `onFrame` with what a runner publishes until the signal is given, together with the number of frames
 * that this watcher has missed so far. Returns at once where there is no live view.
 */
export async function subscribeLive(
  endpoint: string,
  onFrame: (frame: LiveFrame, missed: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const library = endpoint === "" ? undefined : await loadZeroMq();
  if (library === undefined || signal.aborted) return;
  const socket = new library.Subscriber({
    linger: 0,
    receiveHighWaterMark: LIVE_QUEUE_FRAMES,
    maxMessageSize: LIVE_FRAME_LIMIT_BYTES,
  });
  const close = () => socket.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    socket.connect(endpoint);
    socket.subscribe(LIVE_TOPIC);
    let first: LiveMessage | undefined;
    let received = 0;
    for await (const [, body] of socket) {
      const message = parseJson(body, LiveMessage);
      if (message === undefined) continue;
      first ??= message;
      received += 1;
      const lost = message.number - first.number + 1 - received;
      onFrame(message.frame, lost + message.dropped - first.dropped);
    }
  } finally {
    signal.removeEventListener("abort", close);
    socket.close();
  }
}

/** The value in a frame; absent when it is not what is expected: a frame may be lost for any reason. */
export function parseJson<Value>(body: Buffer | undefined, schema: z.ZodType<Value>): Value | undefined {
  try {
    return schema.safeParse(JSON.parse(String(body))).data;
  } catch {
    return undefined;
  }
}
