"""The words of generators and runs."""

from __future__ import annotations

from enum import StrEnum


class GenerationMode(StrEnum):
    BATCH = "BATCH"


class EndCondition(StrEnum):
    RECORD_COUNT = "RECORD_COUNT"


class OnError(StrEnum):
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


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    PAUSED = "PAUSED"


class ShardState(StrEnum):
    READY = "READY"
    DONE = "DONE"
    FAILED = "FAILED"


class EndReason(StrEnum):
    """Why a run came to its end."""

    RECORD_COUNT = "RECORD_COUNT"
    SEQUENCE_END = "SEQUENCE_END"
    POOL_EXHAUSTED = "POOL_EXHAUSTED"
    ERROR = "ERROR"
