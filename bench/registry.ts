import { coldStart } from "./cold-start.js";
import { eventCost } from "./event-cost.js";
import { lossMemory } from "./loss-memory.js";
import type { Bench } from "./measurement.js";
import { planMemory } from "./plan-memory.js";
import { sftThroughput } from "./sft-throughput.js";
import { stepOverhead } from "./step-overhead.js";

/** Every bench, in the order that they run. */
export const benches: readonly Bench[] = [coldStart, eventCost, lossMemory, stepOverhead, sftThroughput, planMemory];
