"""What the launcher tells an agent, through its environment."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

# sun_path has 108 bytes, one of them the end.
UNIX_PATH_LIMIT_BYTES = 107
LOOPBACK = ("127.", "localhost:", "[::1]:")


class BadSettings(Exception):
    """A variable is missing or does not fit; the message names it and says what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The agent's surroundings. Times in seconds; ``token`` never appears in a representation."""

    runner_address: str
    token: str = field(repr=False)
    agent_id: str
    epoch: int
    run_cookie: str
    listen: str
    orphan_grace_seconds: float
    environments: Mapping[str, str]
    live: bool


def read_settings(variables: Mapping[str, str] = os.environ) -> Settings:
    """The settings; raises BadSettings."""
    return Settings(
        runner_address=local_address(variables, "LONGFORM_RUNNER_ADDRESS"),
        token=read_token(Path(text(variables, "LONGFORM_TOKEN_FILE"))),
        agent_id=text(variables, "LONGFORM_AGENT_ID"),
        epoch=number(variables, "LONGFORM_EPOCH"),
        run_cookie=text(variables, "LONGFORM_RUN_COOKIE"),
        listen=local_address(variables, "LONGFORM_AGENT_LISTEN"),
        orphan_grace_seconds=number(variables, "LONGFORM_ORPHAN_GRACE_MS") / 1000,
        environments=read_environments(text(variables, "LONGFORM_ENVIRONMENTS")),
        live=variables.get("LONGFORM_LIVE") != "0",
    )


def text(variables: Mapping[str, str], name: str) -> str:
    """A variable that must not be empty."""
    value = variables.get(name, "")
    if not value:
        raise BadSettings(f"{name} is not set")
    return value


def number(variables: Mapping[str, str], name: str) -> int:
    """A variable that is a whole number above zero."""
    value = text(variables, name)
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise BadSettings(f"{name} is {value!r}, expected a whole number above zero")
    return int(value)


def local_address(variables: Mapping[str, str], name: str) -> str:
    """An address that does not leave this machine: without TLS, a token must not travel further."""
    value = text(variables, name)
    if value.startswith("unix:"):
        path = value.removeprefix("unix:")
        if not path.startswith("/") or len(os.fsencode(path)) > UNIX_PATH_LIMIT_BYTES:
            raise BadSettings(
                f"{name} is {value!r}, expected unix: and an absolute path of at most {UNIX_PATH_LIMIT_BYTES} bytes"
            )
        return value
    if not value.startswith(LOOPBACK):
        raise BadSettings(f"{name} is {value!r}, expected unix:/path or a loopback address such as 127.0.0.1:0")
    return value


def read_token(path: Path) -> str:
    """The run's token from a file that only its owner may read."""
    try:
        mode = path.stat().st_mode
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"LONGFORM_TOKEN_FILE: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadSettings(f"LONGFORM_TOKEN_FILE: {path} is open to others, expected mode 0600")
    if not token:
        raise BadSettings(f"LONGFORM_TOKEN_FILE: {path} is empty")
    return token


def read_environments(value: str) -> Mapping[str, str]:
    """Interpreters by name of environment."""
    try:
        found: object = json.loads(value)
    except ValueError as error:
        raise BadSettings(f"LONGFORM_ENVIRONMENTS is no JSON: {error}") from error
    pythons = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    environments = {name: python for name, python in pythons.items() if isinstance(python, str)}
    if not environments or len(environments) != len(pythons):
        raise BadSettings('LONGFORM_ENVIRONMENTS must be an object of paths such as {"train": "/path/python"}')
    return environments
