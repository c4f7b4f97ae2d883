"""What the interpreters of the environments hold, asked once and without importing any of it."""

import asyncio
import json
import subprocess
from collections.abc import Mapping

from longform_worker.agent.limits import ENVIRONMENT_PROBE_MS
from longform_worker.agent.process import in_thread
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
        self._asked: set[subprocess.Popen[bytes]] = set()
        self._probes = [asyncio.create_task(in_thread(self._report, name, python)) for name, python in pythons.items()]

    async def reports(self) -> list[EnvironmentReport]:
        """One report for each; without the version "python" when the interpreter does not start."""
        # Not gather: a caller that gives up would cancel the probes for all callers after it.
        await asyncio.wait(self._probes)
        return [probe.result() for probe in self._probes]

    def close(self) -> None:
        """Ends interpreters that have not answered yet."""
        for process in list(self._asked):
            process.kill()

    def _report(self, name: str, python: str) -> EnvironmentReport:
        """Runs the interpreter and asks for versions. One that is missing or broken is reported without any."""
        try:
            versions = self._versions(python)
        except (OSError, subprocess.SubprocessError, ValueError, LookupError):
            versions = {}
        return EnvironmentReport(name=name, python=python, versions=versions)

    def _versions(self, python: str) -> dict[str, str]:
        command = [python, "-I", "-c", PROBE, *LIBRARIES]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as process:
            self._asked.add(process)
            try:
                output, _ = process.communicate(timeout=ENVIRONMENT_PROBE_MS / 1000)
            finally:
                process.kill()
                self._asked.discard(process)
        # The last line: an interpreter's start-up files may print above it.
        return json.loads(output.splitlines()[-1])
