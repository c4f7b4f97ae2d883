"""Every limit of the border between runner and agent. What sdk/client/limits.ts has too is equal; a test compares.

Keep lines of the form NAME = number. MS are milliseconds, BYTES bytes.
"""

# The longest message either side sends or accepts.
MAX_MESSAGE_BYTES = 16777216

# A silent connection is asked whether it lives, and given up.
KEEPALIVE_INTERVAL_MS = 30000
KEEPALIVE_TIMEOUT_MS = 60000

# A peer that asks more often than this is cut off.
MIN_RECEIVED_PING_INTERVAL_MS = 10000

# Deadline of a call that is answered at once.
CALL_DEADLINE_MS = 20000

# The wait before a failed registration is tried again: doubled from the first to the last.
REGISTER_BACKOFF_FIRST_MS = 100
REGISTER_BACKOFF_LAST_MS = 5000

# An interpreter that has not told its versions by then counts as one that does not start.
ENVIRONMENT_PROBE_MS = 60000

# An engine that said how it ended, or let go of its connection, has this long to leave.
ENGINE_EXIT_GRACE_MS = 10000

# After an engine's end: time for what it printed to arrive, and for what it left behind to die.
OUTPUT_DRAIN_MS = 5000
SWEEP_MS = 5000

# Time between the polite and the final signal where nobody named one.
DEFAULT_GRACE_MS = 5000

# When one process of a job has failed, the others have this long to say how they see it before they are ended.
PEER_WORDS_MS = 3000

# Log lines as events: the longest one, and how many bytes and lines at once and a second.
# Everything is in the engine's log file, whatever passes here.
LOG_LINE_MAX_BYTES = 8192
LOG_BURST_BYTES = 262144
LOG_BYTES_PER_SECOND = 16384
LOG_BURST_LINES = 1000
LOG_LINES_PER_SECOND = 50

# Bytes of log lines kept in memory for one job, for replay.
LOG_KEPT_BYTES = 33554432

# A line that is overwritten in place (a progress bar) is shown this often.
LOG_FOLD_INTERVAL_MS = 1000

# Lines of the log that a failure carries, and the longest of them.
LOG_TAIL_LINES = 20
LOG_TAIL_LINE_BYTES = 1000

# Frames of the live view that wait for a slow watcher before frames are dropped.
LIVE_QUEUE_FRAMES = 1000
