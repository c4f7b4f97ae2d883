"""``python -m longform_worker.engines``: one engine, started by the worker agent."""

import os
import sys

from longform_worker.engines.main import main


def run() -> int:
    """The exit code of the engine."""
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


if __name__ == "__main__":
    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is written and sent. Taking torch and transformers down again would cost another second or more.
    os._exit(code)
