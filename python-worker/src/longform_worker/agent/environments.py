"""What the interpreters of the environments hold, asked once and without importing any of it."""

import asyncio
import json
import subprocess
from collections.abc import Mapping

from longform_worker.agent.limits import ENVIRONMENT_PROBE_MS
from longform_worker.gen.worker_pb2 import EnvironmentReport

# Libraries whose version can change a result.
LIBRARIES = (
    "torch",
    "torchvision",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "pillow",
    "deepspeed",
    "peft",
    "vllm",
)

PROBE = """
import importlib.metadata, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class Environments:
    """The interpreters by name, and what is in them. Asking begins at once and goes on in threads."""

    def __init__(self, pythons: Mapping[str, str]) -> None:
        self.pythons = pythons
        self._probes = [
            asyncio.create_task(asyncio.to_thread(report, name, python)) for name, python in pythons.items()
        ]

    async def reports(self) -> list[EnvironmentReport]:
        """One report for each; without the version "python" when the interpreter does not start."""
        return list(await asyncio.gather(*self._probes))


def report(name: str, python: str) -> EnvironmentReport:
    """Runs the interpreter and asks for versions. One that is missing or broken is reported without any."""
    try:
        answer = subprocess.run(
            [python, "-I", "-c", PROBE, *LIBRARIES],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ENVIRONMENT_PROBE_MS / 1000,
            check=True,
        )
        versions: dict[str, str] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        versions = {}
    return EnvironmentReport(name=name, python=python, versions=versions)
