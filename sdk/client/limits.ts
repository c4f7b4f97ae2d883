// Limits of the borders between client, runner and worker agent; the agent's are in
// python-worker/src/longform_worker/agent/limits.py. Names that both files have, have equal values.

/** Largest message either side sends or takes, in bytes. A larger one is refused before it is sent. */
export const MAX_MESSAGE_BYTES = 16_777_216;

/** Silence on a connection after which it is probed. */
export const KEEPALIVE_INTERVAL_MS = 30_000;

/** Time a probe may stay unanswered before the connection counts as broken. */
export const KEEPALIVE_TIMEOUT_MS = 60_000;

/** Deadline of a call with one answer. */
export const CALL_DEADLINE_MS = 20_000;

/** Time between two signs of life that a runner asks of an agent. */
export const HEARTBEAT_INTERVAL_MS = 5_000;

/** Time without any answer after which an agent counts as lost. */
export const NODE_LOST_AFTER_MS = 30_000;

/** Waits between two attempts after a dropped stream: doubled from the first to the longest. */
export const FIRST_RECONNECT_DELAY_MS = 50;
export const LONGEST_RECONNECT_DELAY_MS = 2_000;

/** Time between the polite and the final signal when a job or an agent is ended. */
export const DEFAULT_GRACE_MS = 5_000;

/** When one process of a job has failed, the others have this long to say how they see it before they are ended. */
export const PEER_WORDS_MS = 3_000;

/** Time a new agent has to report for work. */
export const AGENT_START_DEADLINE_MS = 60_000;
