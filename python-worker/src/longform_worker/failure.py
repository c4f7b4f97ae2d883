"""Failures as a code and facts. The sentence for people is written by the client."""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

FailureCode = Literal[
    "user_cancel",
    "spec_refused",
    "data_refused",
    "model_refused",
    "environment_missing",
    "disk_full",
    "address_in_use",
    "launch_failed",
    "loss_diverged",
    "gate_missed",
    "oom_killed",
    "device_oom",
    "signal",
    "exit_code",
    "node_lost",
    "stalled",
    "judge_unreachable",
    "user_code",
    "run_busy",
    "store_corrupt",
    "internal",
    "preempted",
]

FAILURE_CODES: tuple[FailureCode, ...] = get_args(FailureCode)


class EngineFailure(Exception):
    """A job cannot go on, for a known reason.

    ``raise EngineFailure("data_refused", "the file is no image", row="a7", file="p.png", found="text")``

    code: one of the closed list; the names of ``FailureCode`` in the proto without prefix, in lower case.
    detail: what was found, one line.
    field_path: dotted path of the job's field that is to blame, such as ``training.steps``.
    facts: further facts by name; values are turned into text.
    """

    def __init__(self, code: FailureCode, detail: str, *, field_path: str = "", **facts: object) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: FailureCode = code
        self.detail = readable(detail)
        self.field_path = readable(field_path)
        self.facts = {name: readable(str(value)) for name, value in facts.items()}

    @classmethod
    def mismatch(
        cls, code: FailureCode, where: object, expected: str, found: str, *, field_path: str = "", **facts: object
    ) -> "EngineFailure":
        """What is at a place (a file, a row in it, …) and what belongs there. ``where`` is for the sentence alone."""
        detail = f"{where}: expected {expected}; found {found}."
        return cls(code, detail, field_path=field_path, expected=expected, found=found, **facts)

    @classmethod
    def of_fields(cls, fields: Mapping[str, Any]) -> "EngineFailure":
        """The failure whose ``fields`` these are."""
        code: FailureCode = fields["code"].removeprefix("FAILURE_CODE_").lower()
        return cls(code, fields["detail"], field_path=fields["field_path"], **fields["facts"])

    def fields(self) -> dict[str, object]:
        """The fields of the proto message ``Failure``, enum by its full name."""
        return {
            "code": f"FAILURE_CODE_{self.code.upper()}",
            "detail": self.detail,
            "field_path": self.field_path,
            "facts": dict(self.facts),
        }


def spec_name(field_path: str) -> str:
    """A job's field as a spec names it: ``training.gate.extra_rounds`` is ``gate.extraRounds``."""
    within = field_path.partition(".")[2]
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), within)


def readable(text: str) -> str:
    """The text with what UTF-8 cannot carry (bytes of a file name that are no text) written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
