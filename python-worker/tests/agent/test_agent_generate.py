"""The Generate stream: many requests in flight, a stream that breaks, one that is closed."""

import asyncio
import subprocess
import sys
import time

import grpc
import pytest
from agent_rig import HERE, SOURCE, Agent, Conversation, wait_until
from test_agent_jobs import code

from longform_worker.agent.bridge import ReplyQueue
from longform_worker.gen.generation_pb2 import GenerateReply, GenerateRequest, TextDelta


def test_requests_in_flight_are_each_answered_and_a_half_close_ends_the_job_well(agent: Agent) -> None:
    job_id = agent.start_generation()
    talk = Conversation(agent, job_id)
    for number in range(20):
        talk.ask(f"r{number}", f"hello {number} 世界")
    finished: dict[str, str] = {}
    for reply in talk.replies():
        if reply.HasField("finished"):
            finished[reply.request_id] = reply.finished.text
        if len(finished) == 20:
            break
    talk.half_close()
    assert list(talk.replies()) == []
    assert finished == {f"r{number}": f"hello {number} 世界" for number in range(20)}
    events = agent.events(job_id)
    assert events[-1].done.generated.requests == 20
    assert any(event.HasField("ready") for event in events)


def test_deltas_of_one_request_join_to_its_text(agent: Agent) -> None:
    job_id = agent.start_generation()
    talk = Conversation(agent, job_id)
    talk.ask("r", "one two three four")
    replies: list[GenerateReply] = []
    for reply in talk.replies():
        replies.append(reply)
        if reply.HasField("finished"):
            break
    assert "".join(reply.delta.text for reply in replies) == "onetwothreefour"
    assert replies[-2].delta.tokens == 4
    talk.half_close()
    agent.events(job_id)


def test_a_broken_stream_leaves_the_job_running_for_the_next_one(agent: Agent) -> None:
    job_id = agent.start_generation()
    first = Conversation(agent, job_id)
    first.ask("a", "first answer")
    assert first.until_finished("a").finished.text == "first answer"
    first.break_off()
    time.sleep(0.6)
    second = Conversation(agent, job_id)
    second.ask("a", "first answer")
    second.ask("b", "second answer")
    assert second.until_finished("b").finished.text == "second answer"
    second.half_close()
    assert agent.events(job_id)[-1].done.generated.requests == 2


def test_a_runner_that_is_killed_breaks_its_stream_and_does_not_close_it(agent: Agent) -> None:
    job_id = agent.start_generation()
    program = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "import grpc, time\n"
        "from longform_worker.gen.generation_pb2 import GenerateRequest\n"
        "from longform_worker.gen.worker_pb2_grpc import WorkerServiceStub\n"
        "stub = WorkerServiceStub(grpc.insecure_channel(sys.argv[3]))\n"
        "def requests():\n"
        "    yield GenerateRequest(job_id=sys.argv[4], request_id='a', cancel=True)\n"
        "    time.sleep(60)\n"
        "metadata = (('authorization', 'Bearer ' + sys.argv[5]), ('longform-epoch', '5'))\n"
        "list(stub.Generate(requests(), metadata=metadata))\n"
    )
    arguments = [str(HERE), str(SOURCE), agent.registration.address, job_id, agent.token]
    for round_number in range(1, 4):
        with subprocess.Popen([sys.executable, "-c", program, *arguments]) as runner:
            try:
                wait_until(lambda n=round_number: agent.engine_log(job_id).count(b"request a") == n, "the request")
            finally:
                runner.kill()
    time.sleep(0.6)
    after = Conversation(agent, job_id)
    after.ask("b", "still here")
    assert after.until_finished("b").finished.text == "still here"
    after.half_close()
    assert agent.events(job_id)[-1].HasField("done")


def test_a_new_stream_takes_over_from_the_one_before(agent: Agent) -> None:
    job_id = agent.start_generation()
    first = Conversation(agent, job_id)
    first.ask("a", "hold")
    wait_until(lambda: agent.engine_log(job_id).count(b"request a"), "the request is there")
    second = Conversation(agent, job_id)
    second.ask("b", "mine")
    assert second.until_finished("b").finished.text == "mine"
    with pytest.raises(grpc.RpcError) as caught:
        list(first.replies())
    assert caught.value.code() == grpc.StatusCode.ABORTED
    first.half_close()
    second.half_close()
    assert agent.events(job_id)[-1].HasField("done")


def test_the_death_of_the_engine_ends_the_stream_and_the_job_says_why(agent: Agent) -> None:
    job_id = agent.start_generation()
    talk = Conversation(agent, job_id)
    talk.ask("a", "die")
    with pytest.raises(grpc.RpcError) as caught:
        list(talk.replies())
    assert caught.value.code() == grpc.StatusCode.ABORTED
    assert "SIGKILL" in str(caught.value.details())
    assert code(agent.events(job_id)[-1]) == "signal"
    talk.half_close()
    late = Conversation(agent, job_id)
    late.ask("b", "too late")
    with pytest.raises(grpc.RpcError, match="has ended"):
        list(late.replies())
    late.half_close()


def test_a_request_with_a_hole_ends_the_stream_and_names_the_field(agent: Agent) -> None:
    job_id = agent.start_generation()
    talk = Conversation(agent, job_id)
    talk.send(GenerateRequest(job_id=job_id, request_id="a", prompt="x"))
    with pytest.raises(grpc.RpcError, match="sampling") as caught:
        list(talk.replies())
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    talk.half_close()
    assert agent.cancel(job_id)
    agent.events(job_id)


def test_only_a_generation_takes_requests(agent: Agent) -> None:
    job_id = agent.start("stop")
    talk = Conversation(agent, job_id)
    talk.ask("a", "x")
    with pytest.raises(grpc.RpcError, match="is no generation"):
        list(talk.replies())
    talk.half_close()
    agent.cancel(job_id)
    agent.events(job_id)


def delta(request_id: str, text: str, tokens: int) -> GenerateReply:
    return GenerateReply(request_id=request_id, delta=TextDelta(text=text, tokens=tokens))


async def drained(queue: ReplyQueue) -> list[GenerateReply]:
    queue.close(None)
    replies: list[GenerateReply] = []
    while (reply := await queue.next()) is not None:
        replies.append(reply)
    return replies


def test_replies_that_wait_are_joined_per_request_and_stay_in_order() -> None:
    async def scenario() -> list[GenerateReply]:
        queue = ReplyQueue()
        for number in range(1000):
            queue.put(delta("a", "x", number + 1))
            queue.put(delta("b", "yz", number + 1))
        first = await queue.next()
        assert first is not None
        assert first.delta.text == "x" * 1000
        queue.put(delta("a", "more", 1001))
        return await drained(queue)

    replies = asyncio.run(scenario())
    assert [(reply.request_id, reply.delta.tokens) for reply in replies] == [("b", 1000), ("a", 1001)]
    assert replies[1].delta.text == "more"
