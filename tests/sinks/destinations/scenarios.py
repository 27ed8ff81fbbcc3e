"""Runs of several kinds that tests of crashes begin, break and carry to their end."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import xxhash

from engine.span import Span
from sinks.files.manifest import Manifest
from tests.support.file_runs import FileRun, carry, destination_of, plan_of_run, shown, tree

EARLIER = "00000000-eeee"
"""The run that was there before."""

_SINGLE = FileRun("", records=300, frame=64, shards=3)
_PARTS = FileRun("", path="out", records=300, frame=32, shards=2)

SCENARIOS: dict[str, tuple[FileRun, bool]] = {
    "jsonl": (_SINGLE, False),
    "gzip": (_SINGLE.but(path="shop/out.jsonl.gz"), True),
    "parquet": (_SINGLE.but(path="out.parquet", shards=2), False),
    "parts": (_PARTS.but(config={"format": "JSONL", "rollRecords": 50}), True),
    "parquet parts": (_PARTS.but(config={"format": "PARQUET", "rollRecords": 70, "checksum": "SHA256"}), False),
    "appended": (_PARTS.but(config={"format": "CSV", "rollRecords": 100, "beforeRun": "APPEND"}), True),
    # Shards that end in their first frame, in a later one, and before they begin.
    "stopped": (_SINGLE.but(path="out.csv.zst", ends=(40, 150, 192)), True),
    "stopped parquet": (_SINGLE.but(path="out.parquet", shards=2, ends=(128, 200)), False),
    "stopped parts": (_PARTS.but(config={"format": "PARQUET", "rollRecords": 50}, ends=(90, 240)), True),
    "rejecting": (_PARTS.but(config={"format": "AVRO", "rollRecords": 80}, ends=(160, 290), rejects=True), False),
}
"""Runs without a root, and whether an earlier run of other records was there before."""
_TAKEN_OVER = {"stopped parts"}


def begun(name: str, root: Path) -> FileRun:
    """A scenario's run at a root, in the state before its first step."""
    run, earlier = SCENARIOS[name]
    run = run.but(root=str(root))
    if earlier:
        carry(run.but(run_id=EARLIER, seed=9, records=360, ends=None))
    if name in _TAKEN_OVER:
        _leave_behind(run)
    return run


def _leave_behind(run: FileRun) -> None:
    """Some frames of the last shard, by a writer of an earlier epoch that has died."""
    plan, destination = plan_of_run(run), destination_of(run)
    destination.prepare()
    sink = destination.sink(run.shards - 1)
    next_record = sink.open(0)
    for _ in range(3):
        end = destination.delivery.cuts.frame_end(next_record)
        sink.write(plan.batch(Span(next_record, end - next_record)))
        sink.commit(end)
        next_record = end
    sink.close()
    destination.close()


@cache
def _undisturbed(name: str) -> tuple[Mapping[str, bytes], Mapping[str, bytes]]:
    with tempfile.TemporaryDirectory() as root:
        run = begun(name, Path(root))
        before = tree(root)
        carry(run)
        return before, tree(root)


def before(name: str) -> Mapping[str, bytes]:
    """All files before the run."""
    return _undisturbed(name)[0]


def undisturbed(name: str) -> Mapping[str, bytes]:
    """All files after the run, when nothing gets in its way."""
    return _undisturbed(name)[1]


def torn(name: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """What nobody should see in the middle of a scenario's run: broken files, and manifests that are not true."""
    for path, content in shown(files).items():
        whole = {before(name).get(path), undisturbed(name).get(path)}
        if content not in whole:
            yield f"{path} is neither the earlier nor the finished file"
        if path.endswith("manifest.json"):
            yield from untrue(files, path)


def untrue(files: Mapping[str, bytes], path: str) -> Iterator[str]:
    """What a manifest says that is not so."""
    manifest = Manifest.from_json(files[path])
    assert manifest is not None
    assert json.loads(files[path])["bytes"] == sum(file.bytes for file in manifest.files)
    folder = path.rpartition("/")[0]
    for file in manifest.files:
        content = files.get(f"{folder}/{file.name}" if folder else file.name)
        if content is None:
            yield f"{path} names {file.name}, which is not there"
        elif len(content) != file.bytes:
            yield f"{path} says that {file.name} has {file.bytes} bytes, it has {len(content)}"
        elif file.checksum not in {
            None,
            f"xxh128:{xxhash.xxh3_128_hexdigest(content)}",
            f"sha256:{hashlib.sha256(content).hexdigest()}",
        }:
            yield f"{path} has a wrong checksum for {file.name}"
