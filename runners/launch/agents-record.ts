import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { WireClient } from "../../sdk/client/grpc.js";
import { DEFAULT_GRACE_MS } from "../../sdk/client/limits.js";
import { readJsonFile } from "../../sdk/run-folder/json-file.js";
import { startTicks } from "../../sdk/run-folder/process-identity.js";
import { replaceFile } from "../store/durable-file.js";
import { shutdown } from "../workers/messages.js";
import { endProcessesOfRun } from "./processes.js";

const AgentRecord = z.strictObject({
  agentId: z.string(),
  address: z.string(),
  pid: z.number().int(),
  /** With the pid, the identity of the process. */
  startTicks: z.number().optional(),
  epoch: z.number().int(),
  tokenFile: z.string(),
  cookie: z.string(),
});
/** An agent that a runner has started and not yet ended. */
export type AgentRecord = z.output<typeof AgentRecord>;

const AgentRecords = z.array(AgentRecord);

/** The change of a record that is under way: agents of several nodes start and end at the same time. */
let changing: Promise<void> = Promise.resolve();

/** Adds an agent to the run's record, so that a successor of this runner can end it. */
export async function recordAgent(runDir: string, agent: AgentRecord): Promise<void> {
  await changeRecords(runDir, (records) => [...records, agent]);
}

/** Takes an agent that has ended off the record. */
export async function forgetAgent(
  runDir: string,
  { agentId, epoch }: Pick<AgentRecord, "agentId" | "epoch">,
): Promise<void> {
  await changeRecords(runDir, (records) =>
    records.filter((agent) => agent.agentId !== agentId || agent.epoch !== epoch),
  );
}

/**
 * Ends what runners of earlier epochs have left: each agent by its own Shutdown with the new epoch, which
 * fences it as well, and whatever then still carries the run's cookie by signals.
 */
export async function shutDownPredecessors(runDir: string, epoch: number): Promise<void> {
  const left = (await readRecords(runDir)).filter((agent) => agent.epoch < epoch);
  await Promise.all(left.map((agent) => endPredecessor(runDir, agent, epoch)));
}

async function endPredecessor(runDir: string, agent: AgentRecord, epoch: number): Promise<void> {
  if (startTicks(agent.pid) === agent.startTicks) await askToEnd(agent, epoch);
  await endProcessesOfRun(agent.cookie, DEFAULT_GRACE_MS);
  await rm(agent.tokenFile, { force: true });
  await forgetAgent(runDir, agent);
}

async function askToEnd({ address, tokenFile }: AgentRecord, epoch: number): Promise<void> {
  try {
    const token = (await readFile(tokenFile, "utf8")).trim();
    await using client = await WireClient.open({ address, token, epoch });
    await client.unary(shutdown, { graceMs: DEFAULT_GRACE_MS }, { deadlineMs: 2 * DEFAULT_GRACE_MS });
  } catch {
    // An agent that does not answer is ended by signals.
  }
}

async function readRecords(runDir: string): Promise<AgentRecord[]> {
  return (await readJsonFile(recordsPath(runDir), AgentRecords)) ?? [];
}

async function changeRecords(
  runDir: string,
  change: (records: readonly AgentRecord[]) => readonly AgentRecord[],
): Promise<void> {
  const changed = changing.then(async () => await writeRecords(runDir, change(await readRecords(runDir))));
  changing = changed.catch(() => undefined);
  await changed;
}

async function writeRecords(runDir: string, records: readonly AgentRecord[]): Promise<void> {
  const path = recordsPath(runDir);
  if (records.length === 0) return await rm(path, { force: true });
  await replaceFile(path, `${JSON.stringify(records, null, 2)}\n`, 0o600);
}

function recordsPath(runDir: string): string {
  return join(runDir, "agents.json");
}
