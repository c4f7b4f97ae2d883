"""``python -m longform_worker.engines``: one engine, started by the worker agent."""

from longform_worker.engines.main import main

if __name__ == "__main__":
    main()
