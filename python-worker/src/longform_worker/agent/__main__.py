"""``python -m longform_worker.agent``: one worker agent, told everything by its environment."""

from longform_worker.agent.main import main

if __name__ == "__main__":
    main()
