"""The words of generators and runs."""

from __future__ import annotations

from enum import StrEnum


class GenerationMode(StrEnum):
    """How fast records are made: as the destination takes them, or as a rate says."""

    BATCH = "BATCH"
    REALTIME = "REALTIME"


class EndCondition(StrEnum):
    RECORD_COUNT = "RECORD_COUNT"
    DURATION = "DURATION"
    MANUAL = "MANUAL"


class CountBasis(StrEnum):
    """Which records count towards the record count: all that were tried, or those that could be written."""

    GENERATED = "GENERATED"
    WRITTEN = "WRITTEN"


class ClockType(StrEnum):
    """Whether records take place when they are made, or from some other instant on."""

    SYSTEM = "SYSTEM"
    SIMULATED = "SIMULATED"


class OnError(StrEnum):
    """What a record that cannot be made or written does to its run."""

    CONTINUE = "CONTINUE"
    PAUSE = "PAUSE"
    STOP = "STOP"


class GeneratorStatus(StrEnum):
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


class RunOrigin(StrEnum):
    """Who carries a run: the command line itself, or the service's workers."""

    CLI = "CLI"
    SERVICE = "SERVICE"


class RunStatus(StrEnum):
    """Where a run stands; each word is also one of `GeneratorStatus`, which is that of the generator's last run."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


class DesiredState(StrEnum):
    """What workers are asked to do with a run; they look once a second."""

    RUN = "RUN"
    PAUSE = "PAUSE"
    STOP = "STOP"


class RunPhase(StrEnum):
    """How far the work of a run at its destination is: only `WRITING` has more than one worker."""

    PREPARING = "PREPARING"
    WRITING = "WRITING"
    ENDING = "ENDING"
    ENDED = "ENDED"


class ShardState(StrEnum):
    READY = "READY"
    DONE = "DONE"
    FAILED = "FAILED"


class EndReason(StrEnum):
    """Why a run came to its end."""

    RECORD_COUNT = "RECORD_COUNT"
    DURATION = "DURATION"
    SAFETY_LIMIT = "SAFETY_LIMIT"
    SEQUENCE_END = "SEQUENCE_END"
    POOL_EXHAUSTED = "POOL_EXHAUSTED"
    USER = "USER"
    ERROR = "ERROR"


class RunHealth(StrEnum):
    """Whether a running run gets on: RETRYING while its destination is away, WAITING while no worker has time."""

    OK = "OK"
    WAITING = "WAITING"
    RETRYING = "RETRYING"


class EscalateTo(StrEnum):
    """What too many bad records do to a run that goes on without them."""

    PAUSE = "PAUSE"
    STOP = "STOP"


class StartMode(StrEnum):
    """Whether a new run begins at record 0 (the default), or behind the last one's."""

    CONTINUE = "CONTINUE"


class ErrorClass(StrEnum):
    """What is wrong with a record that became a dead letter."""

    GENERATION = "GENERATION"
    SERIALIZATION = "SERIALIZATION"
    DELIVERY = "DELIVERY"
    DEPENDENCY = "DEPENDENCY"
