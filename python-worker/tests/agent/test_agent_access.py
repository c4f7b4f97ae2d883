"""Who may call: the run's token, and no runner that was replaced."""

import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

import grpc
import pytest
from agent_rig import Agent

from longform_worker.agent.settings import BadSettings, read_settings
from longform_worker.gen.worker_pb2 import HandshakeRequest


def refusal(call: Callable[[], object]) -> str:
    """The status that a call ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code().name


def test_the_agent_registers_with_its_address_and_the_token(agent: Agent) -> None:
    assert agent.registration.agent_id == "agent-0"
    assert agent.registration.pid == agent.process.pid
    assert agent.registration.epoch == agent.epoch
    assert agent.registration_metadata["authorization"] == f"Bearer {agent.token}"
    assert agent.registration_metadata["longform-epoch"] == str(agent.epoch)


@pytest.mark.parametrize("token", ["wrong", "0" * 32])
def test_a_wrong_token_is_refused(agent: Agent, token: str) -> None:
    assert refusal(lambda: agent.handshake(token=token)) == "UNAUTHENTICATED"


def test_a_call_without_token_is_refused_on_every_method(agent: Agent) -> None:
    methods = ["Handshake", "StartJob", "WatchJob", "CancelJob", "Shutdown"]
    for name in methods:
        call = agent.channel.unary_unary(f"/longform.v1.WorkerService/{name}")
        assert refusal(partial(call, b"", timeout=5)) == "UNAUTHENTICATED"
    stream = agent.channel.stream_stream("/longform.v1.WorkerService/Generate")
    assert refusal(lambda: list(stream(iter([]), timeout=5))) == "UNAUTHENTICATED"
    assert agent.handshake().pid == agent.process.pid


def test_an_unknown_method_is_refused_before_it_is_unknown(agent: Agent) -> None:
    call = agent.channel.unary_unary("/longform.v1.WorkerService/Nothing")
    assert refusal(partial(call, b"", timeout=5)) == "UNAUTHENTICATED"


def test_a_call_without_an_epoch_is_refused(agent: Agent) -> None:
    metadata = (("authorization", f"Bearer {agent.token}"),)
    assert refusal(lambda: agent.stub.Handshake(HandshakeRequest(), metadata=metadata)) == "INVALID_ARGUMENT"


def test_the_socket_is_only_for_its_owner(agent: Agent) -> None:
    assert stat.S_IMODE((agent.folder / "agent.sock").stat().st_mode) == 0o600


def test_a_successor_takes_over_and_the_runner_before_it_is_refused() -> None:
    with Agent() as agent:
        job_id = agent.start("stop")
        old_watch = agent.watch(job_id)
        next(old_watch)
        assert agent.handshake(epoch=7).epoch == 7
        assert refusal(lambda: list(old_watch)) == "FAILED_PRECONDITION"
        assert refusal(lambda: agent.cancel(job_id)) == "FAILED_PRECONDITION"
        new_watch = agent.watch(job_id, epoch=7)
        first = next(new_watch)
        assert (first.seq, first.epoch) == (1, 7)
        new_watch.cancel()


def test_an_agent_adopts_the_epoch_of_the_runner_it_registers_with() -> None:
    late = Agent()
    late.runner.epoch = 9
    with late as agent:
        agent.epoch = 9
        assert agent.handshake().epoch == 9
        assert refusal(lambda: agent.handshake(epoch=8)) == "FAILED_PRECONDITION"


def variables(tmp_path: Path, **changes: str) -> dict[str, str]:
    """A good environment of an agent, with changes."""
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("abc\n")
    return {
        "LONGFORM_RUNNER_ADDRESS": "unix:/run/r.sock",
        "LONGFORM_TOKEN_FILE": str(token),
        "LONGFORM_AGENT_ID": "a",
        "LONGFORM_EPOCH": "1",
        "LONGFORM_RUN_COOKIE": "c",
        "LONGFORM_AGENT_LISTEN": "127.0.0.1:0",
        "LONGFORM_ORPHAN_GRACE_MS": "30000",
        "LONGFORM_ENVIRONMENTS": '{"train": "/usr/bin/python3"}',
        **changes,
    }


def test_good_settings_are_read_and_the_token_is_not_shown(tmp_path: Path) -> None:
    settings = read_settings(variables(tmp_path))
    assert len(settings.token) == 3
    assert "abc" not in repr(settings)
    assert settings.orphan_grace_seconds == 30
    assert settings.live


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LONGFORM_AGENT_LISTEN", "0.0.0.0:7000", "loopback"),
        ("LONGFORM_AGENT_LISTEN", "unix:relative.sock", "absolute"),
        ("LONGFORM_AGENT_LISTEN", "unix:/" + "x" * 107, "107 bytes"),
        ("LONGFORM_RUNNER_ADDRESS", "example.org:443", "loopback"),
        ("LONGFORM_EPOCH", "0", "above zero"),
        ("LONGFORM_EPOCH", "one", "above zero"),
        ("LONGFORM_RUN_COOKIE", "", "not set"),
        ("LONGFORM_ENVIRONMENTS", "{", "JSON"),
        ("LONGFORM_ENVIRONMENTS", '{"train": 1}', "paths"),
        ("LONGFORM_TOKEN_FILE", "/nowhere/token", "No such file"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, name: str, value: str, expected: str) -> None:
    with pytest.raises(BadSettings, match=name) as caught:
        read_settings(variables(tmp_path, **{name: value}))
    assert expected in str(caught.value)


def test_a_token_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    values = variables(tmp_path)
    Path(values["LONGFORM_TOKEN_FILE"]).chmod(0o640)
    with pytest.raises(BadSettings, match="0600"):
        read_settings(values)
