"""Generators, their runs and shards: the control database's account of what is going on.

The truth about how far a shard is stands at the destination; `Shard.next_record` is a copy for people to look at.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models

from engine.span import Span
from generators.enums import GenerationMode, GeneratorStatus, RunOrigin, RunStatus, ShardState
from sdg_project.exact_json import ExactDecoder, ExactEncoder


def choices(words: type[Any]) -> list[tuple[str, str]]:
    """An enum's words as the choices of a column."""
    return [(word.value, word.value.replace("_", " ").capitalize()) for word in words]


class Generator(models.Model):
    """A stored definition: one document, and beside it what lists are filtered and sorted by."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=600, unique=True, help_text="The name without regard to case.")
    status = models.CharField(
        max_length=16, choices=choices(GeneratorStatus), default=GeneratorStatus.CREATED, db_index=True
    )
    generation_mode = models.CharField(max_length=16, choices=choices(GenerationMode))
    destination_type = models.CharField(max_length=16)
    definition = models.JSONField(
        encoder=ExactEncoder, decoder=ExactDecoder, help_text="As it was sent, without what is read-only."
    )
    pool_fields = models.JSONField(default=dict, help_text="The pools that it uses, in lower case, with the fields.")
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="When the definition was last changed.")
    last_run = models.ForeignKey("Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering: ClassVar[list[str]] = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One execution of a definition. `spec`, frozen at start, is all that its records and its place depend on."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    origin = models.CharField(max_length=16, choices=choices(RunOrigin))
    generator = models.ForeignKey(
        Generator, on_delete=models.SET_NULL, null=True, blank=True, related_name="runs", help_text="Kept without it."
    )
    owner = models.CharField(max_length=200, db_index=True, help_text="Who may replace what this run writes.")
    name = models.CharField(max_length=200, help_text="Name of the generator.")
    spec = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)
    spec_hash = models.CharField(max_length=32)
    tables_hash = models.CharField(max_length=32)
    seed = models.BigIntegerField()
    record_count = models.BigIntegerField(help_text="How many records the run makes.")
    status = models.CharField(max_length=16, choices=choices(RunStatus), default=RunStatus.RUNNING)
    end_reason = models.CharField(max_length=32, blank=True)
    error = models.JSONField(null=True, blank=True)
    outputs = models.JSONField(default=list)
    active_seconds = models.FloatField(default=0.0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(help_text="The instant that relative dates and the clock refer to.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"


class Shard(models.Model):
    """A contiguous range of a run's record numbers, worked on by one owner at a time."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    first_record = models.BigIntegerField()
    end_record = models.BigIntegerField()
    next_record = models.BigIntegerField(help_text="Copy of the destination's checkpoint.")
    bytes_written = models.BigIntegerField(default=0)
    state = models.CharField(max_length=16, choices=choices(ShardState), default=ShardState.READY)
    owner = models.CharField(max_length=100, blank=True, help_text="Who works on it; empty when nobody does.")
    epoch = models.PositiveIntegerField(default=0, help_text="Grows with every claim.")
    lost_claims = models.PositiveIntegerField(default=0, help_text="Owners that died since the last progress.")

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "number"], name="one_shard_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} shard {self.number}"

    @property
    def span(self) -> Span:
        """The record numbers of the shard."""
        return Span(self.first_record, self.end_record - self.first_record)
