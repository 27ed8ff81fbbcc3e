"""What Kafka's client raises in the middle of a run, as errors of sinks."""

from __future__ import annotations

from confluent_kafka import KafkaError

from sinks.errors import SinkError, TerminalSinkError, TransientSinkError
from sinks.kafka.failures import AUTH, RIGHTS

FENCED = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED})
"""Another producer with the same transactional id is there, or the transaction has taken too long."""
_NO_TOPIC = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})
_NOT_TAKEN = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.POLICY_VIOLATION,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.INVALID_COMMIT_OFFSET_SIZE,
    }
)


def sink_error(error: KafkaError, *, topic: str) -> SinkError:
    """What a run does about an error: it waits, or a person has to mend something."""
    code = error.code()
    if code in AUTH:
        return TerminalSinkError("DEST_AUTH", f'topic "{topic}": the server does not accept the user or the password')
    if code in RIGHTS:
        return TerminalSinkError("DEST_AUTH", f'topic "{topic}": the user has no right to do this ({error.name()})')
    if code in _NO_TOPIC:
        return TerminalSinkError("DEST_SCHEMA", f'topic "{topic}" is not there any more, or has fewer partitions')
    if code in _NOT_TAKEN:
        return TerminalSinkError("DEST_SCHEMA", f'topic "{topic}" does not take the messages ({error.name()})')
    return TransientSinkError(
        "DEST_UNAVAILABLE", f'topic "{topic}": the cluster does not take messages ({error.name()})'
    )
