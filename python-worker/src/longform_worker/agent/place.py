"""Where a process stands among the processes of its job, and where they meet."""

import socket
from dataclasses import dataclass

from longform_worker.agent.codec import Hole, plain, refused
from longform_worker.gen.worker_pb2 import StartJobRequest

LOOPBACK_ADDRESS = "127.0.0.1"
# Of whoever started the agent; a process without a place has none of them, and so needs no port.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One rank of a job of several processes. ``address`` and ``port`` are where all of them meet.

    ``local_rank`` counts those of this agent.
    """

    rank: int
    local_rank: int
    world_size: int
    local_world_size: int
    address: str
    port: int

    def variables(self) -> dict[str, str]:
        """The usual variables, as torch.distributed reads them."""
        variables = {
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.local_rank),
            "WORLD_SIZE": str(self.world_size),
            "LOCAL_WORLD_SIZE": str(self.local_world_size),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
        }
        if self.address == LOOPBACK_ADDRESS:
            # The ranks of all agents are on this machine and share its accelerators.
            variables.update(LOCAL_RANK=str(self.rank), LOCAL_WORLD_SIZE=str(self.world_size))
            # Left alone, gloo takes the interface of the host's name, if that has one.
            variables["GLOO_SOCKET_IFNAME"] = "lo"
        return variables


def places_of(request: StartJobRequest) -> tuple[Place, ...]:
    """The places that this agent fills; none for a job of one process. Raises EngineFailure naming the field."""
    if not request.HasField("ranks"):
        return ()
    ranks = request.ranks
    try:
        plain(ranks, "ranks")  # every field is there
        whole_number("ranks.local_ranks", ranks.local_ranks, 1, ranks.world_size)
        whole_number("ranks.first_rank", ranks.first_rank, 0, ranks.world_size - ranks.local_ranks)
        whole_number("ranks.rendezvous.port", ranks.rendezvous.port, 1, HIGHEST_PORT)
        if not ranks.rendezvous.address:
            raise Hole("ranks.rendezvous.address", "nothing", "a host name or an address")
    except Hole as hole:
        raise refused(hole) from hole
    return tuple(
        Place(
            rank=ranks.first_rank + local_rank,
            local_rank=local_rank,
            world_size=ranks.world_size,
            local_world_size=ranks.local_ranks,
            address=ranks.rendezvous.address,
            port=ranks.rendezvous.port,
        )
        for local_rank in range(ranks.local_ranks)
    )


def whole_number(path: str, found: int, least: int, most: int) -> None:
    """Raises Hole when a number is out of its bounds."""
    if not least <= found <= most:
        raise Hole(path, str(found), f"a whole number from {least} to {most}")


def free_port(address: str) -> int:
    """A port that was free there a moment ago; an empty address means every interface."""
    with socket.create_server((address, 0)) as server:
        return server.getsockname()[1]
