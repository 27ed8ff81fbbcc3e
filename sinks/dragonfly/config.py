"""The config of a DRAGONFLY destination."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from sinks.destinations.base import DestinationConfig
from sinks.enums import BeforeRun

OWN_PREFIX = "sdg:ck:"
"""Begins the keys of our own: of checkpoints, and of what has been written where."""


class DataType(StrEnum):
    STRING = "STRING"
    HASH = "HASH"
    LIST = "LIST"
    SET = "SET"
    ZSET = "ZSET"
    STREAM = "STREAM"
    JSON = "JSON"


class DragonflyKeys(DestinationConfig):
    """Which keys a run writes, and what they hold."""

    key_template: str = Field(
        min_length=1,
        max_length=1000,
        description="The key of a record; ${field} is filled in. The text before the first hole is what REPLACE"
        " removes. Where every record has a key of its own, the template must tell them apart.",
        examples=["order:${orderId}"],
    )
    data_type: DataType = Field(
        default=DataType.STRING,
        description="What a key holds: a STRING, HASH or JSON for each record, or a LIST, SET, ZSET or STREAM to which"
        " records are added. A HASH or an entry of a STREAM has no field where the record has null.",
    )
    value_template: str | None = Field(
        default=None,
        max_length=100_000,
        description="STRING, LIST, SET, ZSET: the text of a record; ${field} is filled in. Default: its JSON document.",
        examples=["${sku};${price}"],
    )
    score_field: str | None = Field(
        default=None,
        description="ZSET: the field with the score, a number or a TIMESTAMP (its milliseconds since 1970). Scores are"
        " doubles there.",
    )
    stream_max_len: int | None = Field(
        default=None, ge=1, description="STREAM: about how many entries are kept; the server removes older ones."
    )
    ttl_seconds: int | None = Field(
        default=None,
        ge=1,
        le=315_360_000,
        description="For how long a key is kept. Where all records share one key, from the end of the run on.",
    )
    ttl_jitter_seconds: int | None = Field(
        default=None,
        ge=1,
        le=315_360_000,
        description="At most so much is added to ttlSeconds, always the same for a record: they do not end at once.",
    )
    pipeline_size: int = Field(default=500, ge=1, le=1000, description="How many commands are sent together.")
    before_run: BeforeRun = Field(
        default=BeforeRun.FAIL,
        description="FAIL when an earlier run of the same owner is there, APPEND to it, or REPLACE: remove all keys"
        " that begin as the template does.",
    )
    allow_eviction: bool = Field(
        default=False,
        description="Write to a server that may remove keys when its memory is full; records are then lost silently.",
    )
