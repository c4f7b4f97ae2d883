import { z } from "zod";
import { readJsonFile } from "../run-folder/json-file.js";
import { runPaths } from "../run-folder/run-paths.js";

/** `runner.json` of a run: how clients reach the runner that has it. */
export const RunnerRecord = z.strictObject({
  /** Its private socket, as a gRPC target. */
  address: z.string(),
  /** A loopback address that it serves as well. */
  listening: z.string().optional(),
  token: z.string(),
  pid: z.number().int(),
  epoch: z.number().int(),
  /** Endpoint of the live view, empty when there is none. */
  liveEndpoint: z.string(),
});
export type RunnerRecord = z.output<typeof RunnerRecord>;

/** How to reach the runner of a run; undefined when none has announced itself. */
export async function readRunnerRecord(runDir: string): Promise<RunnerRecord | undefined> {
  return await readJsonFile(runPaths(runDir).runner, RunnerRecord);
}
