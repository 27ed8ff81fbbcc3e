"""Known-bad DRAGONFLY destinations: the tests of crashes must find out each of them."""

from __future__ import annotations

from engine.batch import Batch
from sinks.destinations.dragonfly import DragonflyDestination
from sinks.dragonfly import scripts
from sinks.dragonfly.protocol import Client
from sinks.dragonfly.shard import ShardWriter


class _Early(ShardWriter):
    """Moves the checkpoint before what is before it is there."""

    def write(self, batch: Batch) -> None:
        client = self._open_client
        checkpoint = (self._checkpoint, self._epoch, batch.span.end, batch.span.end, 0, 0)
        client.call("EVAL", scripts.COMMIT, 1, *checkpoint)
        super().write(batch)


class _Blind(ShardWriter):
    """Adds to lists and streams without a look at their ends, and moves the checkpoint apart from that."""

    def write(self, batch: Batch) -> None:
        key = self._commands.key.literals[0]
        client: Client = self._open_client
        for value in self._commands.values(batch):
            client.call("RPUSH", key, value)


class EarlyCheckpoints(DragonflyDestination):
    writer = _Early


class Appending(DragonflyDestination):
    writer = _Blind


BROKEN = {"EarlyCheckpoints": EarlyCheckpoints, "Appending": Appending}
