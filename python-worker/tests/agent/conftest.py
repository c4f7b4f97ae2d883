from collections.abc import Iterator

import pytest
from agent_rig import Agent


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """One agent for the tests of a file; each test has jobs of its own."""
    with Agent() as started:
        yield started
