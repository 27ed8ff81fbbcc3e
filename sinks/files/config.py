"""The config of a FILE destination."""

from __future__ import annotations

import os
from typing import Any, cast

from pydantic import Field, create_model

from sinks.destinations.base import DestinationConfig
from sinks.encoding.base import EncoderOptions, encoders
from sinks.encoding.compression import Compression
from sinks.enums import BeforeRun, Checksum

_SUFFIXES = {".jsonl": "JSONL", ".ndjson": "JSONL", ".csv": "CSV", ".parquet": "PARQUET", ".avro": "AVRO"}
_COMPRESSIONS = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}


class FileKeys(DestinationConfig):
    """What every file has, whatever its format."""

    path: str = Field(
        min_length=1,
        max_length=1000,
        description="Path below the output folder; ${generatorName}, ${runId} and ${startedAt} are filled in.",
        examples=["shop/orders.jsonl"],
    )
    format: str | None = Field(default=None, description="JSONL, CSV, PARQUET or AVRO; else by the path's suffix.")
    compression: Compression | None = Field(
        default=None,
        description="NONE, GZIP or ZSTD; else by the suffix .gz, .zst. Not every reader of Avro knows ZSTD.",
    )
    checksum: Checksum = Field(default=Checksum.XXH128, description="Checksum of each file in the manifest.")
    before_run: BeforeRun = Field(
        default=BeforeRun.REPLACE,
        description="REPLACE what an earlier run of the same owner wrote, FAIL if it is there, APPEND parts to it.",
    )
    roll_records: int | None = Field(
        default=None,
        ge=1,
        description="Records of a part, exactly; path is then a folder. More than 10,000 parts are refused.",
    )
    roll_bytes: int | None = Field(default=None, ge=1, description="Bytes of a part, turned into records at start.")
    roll_seconds: int | None = Field(default=None, ge=1, description="Planned seconds of a part, turned into records.")


FileConfig: Any = cast(Any, create_model)(  # its bases are known when it is made, and not before
    "FileConfig",
    __base__=(FileKeys, *(kind.Options for kind in encoders.values() if kind.Options is not EncoderOptions)),
    __doc__="The config of a FILE destination: what every file has, and the dialects of the formats.",
)


def format_of(path: str) -> tuple[str | None, Compression]:
    """The format and the compression that a file name's suffixes stand for."""
    stem, suffix = os.path.splitext(path)
    compression = _COMPRESSIONS.get(suffix.lower(), Compression.NONE)
    if compression is not Compression.NONE:
        suffix = os.path.splitext(stem)[1]
    return _SUFFIXES.get(suffix.lower()), compression
