"""Generators, their runs and shards: the control database's account of what is going on.

The truth about how far a shard is stands at the destination; `Shard.next_record` is a copy for people to look at.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models

from engine.span import Span
from generators.enums import (
    DesiredState,
    ErrorClass,
    GenerationMode,
    GeneratorStatus,
    RunOrigin,
    RunPhase,
    RunStatus,
    ShardState,
)
from sdg_project.exact_json import ExactDecoder, ExactEncoder, VerbatimDecoder


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
    encrypted_secrets = models.TextField(blank=True, editable=False, help_text="Those of its destination's server.")
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
    number = models.PositiveIntegerField(default=1, help_text="Counts the runs of a generator.")
    owner = models.CharField(max_length=200, db_index=True, help_text="Who may replace what this run writes.")
    created_by = models.CharField(max_length=150, blank=True, help_text="Who started it.")
    name = models.CharField(max_length=200, help_text="Name of the generator.")
    spec = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)
    spec_hash = models.CharField(max_length=32)
    tables_hash = models.CharField(max_length=32)
    seed = models.BigIntegerField()
    record_count = models.BigIntegerField(null=True, blank=True, help_text="How many records it makes, if known.")
    status = models.CharField(max_length=16, choices=choices(RunStatus), default=RunStatus.RUNNING)
    desired_state = models.CharField(max_length=8, choices=choices(DesiredState), default=DesiredState.RUN)
    phase = models.CharField(max_length=16, choices=choices(RunPhase), default=RunPhase.PREPARING)
    end_reason = models.CharField(max_length=32, blank=True)
    accepted_letter = models.BigIntegerField(
        default=0, help_text="The last dead letter when a person let the run go on: thresholds count later ones."
    )
    pause_reason = models.CharField(max_length=32, blank=True)
    error = models.JSONField(null=True, blank=True)
    outputs = models.JSONField(default=list)
    active_seconds = models.FloatField(default=0.0, help_text="Time in which it was worked on, by the last progress.")
    counted_until = models.DateTimeField(null=True, blank=True, help_text="Up to when that is so, in the service.")
    begun_at = models.DateTimeField(null=True, blank=True, help_text="When a worker of the service first had it.")
    paused_seconds = models.FloatField(default=0.0, help_text="Time in which it rested, up to `paused_since`.")
    paused_since = models.DateTimeField(null=True, blank=True, help_text="Since when it is PAUSED or FAILED.")
    dropped = models.BigIntegerField(
        default=0, help_text="Records that stood behind a gap when it was stopped, and were taken away."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(help_text="The instant that relative dates and the clock refer to.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["generator"],
                condition=models.Q(status__in=[RunStatus.RUNNING, RunStatus.PAUSED]),
                name="one_live_run_per_generator",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"

    @property
    def first_record(self) -> int:
        """The number of its first record."""
        return int(self.spec.get("first_record", 0))

    @property
    def spans(self) -> list[Span]:
        """The record numbers of the run: all that it makes, or has made when nobody knew how many that would be.

        A run that was stopped has those that it had written by then.
        """
        if self.record_count is not None and self.status != RunStatus.STOPPED:
            return [Span(self.first_record, self.record_count)]
        return [Span(shard.first_record, shard.next_record - shard.first_record) for shard in self.shards.all()]


class Shard(models.Model):
    """A contiguous range of a run's record numbers, worked on by one owner at a time.

    In the service an owner holds a lease until `lease_until` by the database's clock, and renews it while it works.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    first_record = models.BigIntegerField()
    end_record = models.BigIntegerField()
    next_record = models.BigIntegerField(help_text="Copy of the destination's checkpoint.")
    made_record = models.BigIntegerField(default=0, help_text="Behind the last record made and not yet committed.")
    rejected = models.BigIntegerField(default=0, help_text="Records before `next_record` that are dead letters.")
    bytes_written = models.BigIntegerField(default=0)
    passed_over = models.JSONField(
        default=dict, help_text="How many records before `next_record` had keys without rows, by pool."
    )
    state = models.CharField(max_length=16, choices=choices(ShardState), default=ShardState.READY)
    owner = models.CharField(max_length=100, blank=True, db_index=True, help_text="Who works on it, if somebody does.")
    epoch = models.PositiveIntegerField(default=0, help_text="Grows with every claim.")
    lease_until = models.DateTimeField(null=True, blank=True)
    lost_claims = models.PositiveIntegerField(default=0, help_text="Owners that died since the last progress.")
    about_from = models.BigIntegerField(null=True, blank=True, help_text="First record being made, after lost claims.")
    about_count = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True, help_text="When to try again.")
    retries = models.PositiveIntegerField(default=0, help_text="Attempts since the destination was last reached.")
    retrying_since = models.DateTimeField(null=True, blank=True)
    due_since = models.DateTimeField(null=True, blank=True, help_text="When it last began to wait for a worker.")
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When workers were last told of it.")
    last_error = models.JSONField(null=True, blank=True)
    gauges = models.JSONField(default=dict, help_text="Recent progress and latencies, for the metrics.")
    progressed_at = models.DateTimeField(null=True, blank=True)

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

    @property
    def wanted(self) -> Span:
        """Those that are still wanted: time may have ended the run before its range does."""
        count = self.run.record_count
        end = self.end_record if count is None else min(self.end_record, self.run.first_record + count)
        return Span(self.first_record, end - self.first_record)


class DeadLetter(models.Model):
    """A record that could not be made or written; there once, however often its batch was made."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="dead_letters")
    record_number = models.BigIntegerField()
    error_class = models.CharField(max_length=16, choices=choices(ErrorClass))
    code = models.CharField(max_length=40)
    message = models.TextField()
    field = models.CharField(max_length=400, blank=True)
    record = models.JSONField(
        null=True, blank=True, encoder=ExactEncoder, decoder=VerbatimDecoder, help_text="What could be made of it."
    )
    occurred_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["record_number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "record_number"], name="one_dead_letter_per_record"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} record {self.record_number}"


class Worker(models.Model):
    """A process that works on shards; alive while it beats."""

    id = models.CharField(primary_key=True, max_length=100, help_text="Host, process id and start of the process.")
    host = models.CharField(max_length=64)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=32)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    is_leaving = models.BooleanField(default=False, help_text="Asked to end at its next commit.")

    class Meta:
        ordering: ClassVar[list[str]] = ["started_at", "id"]

    def __str__(self) -> str:
        return self.id
