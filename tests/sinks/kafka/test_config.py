"""The config of a KAFKA destination: what is refused, all at once and with its place."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sdg_project.shapes import issues_of
from sinks.kafka.config import KafkaConfig, ValueFormatName
from sinks.kafka.messages import message_issues
from sinks.messages.base import value_formats
from tests.support.kafka_runs import plan_of


@pytest.mark.parametrize(
    ("config", "paths"),
    [
        ({"topicSettings": {"partitions": 3}}, ["/topicSettings"]),
        ({"acks": "LEADER"}, ["/acks"]),
        ({"beforeRun": "REPLACE"}, ["/beforeRun"]),
        ({"valueTemplate": "${n}"}, ["/valueTemplate"]),
        ({"subjectStrategy": "RECORD_NAME"}, ["/subjectStrategy"]),
        ({"tombstoneField": "gone"}, ["/key"]),
        ({"partition": -1}, ["/partition"]),
        ({"topic": "a/b"}, ["/topic"]),
        ({"topic": "__consumer_offsets"}, ["/topic"]),
        ({"headers": {"": "x"}}, ["/headers/"]),
        ({"acks": "LEADER", "beforeRun": "REPLACE"}, ["/acks", "/beforeRun"]),
    ],
)
def test_what_does_not_fit_together_is_refused(config: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        KafkaConfig.model_validate({"topic": "orders", **config})

    assert sorted(one.path for one in issues_of(refused.value, model=KafkaConfig)) == paths


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"key": "${nothing}"}, ("UNKNOWN_FIELD", "/key")),
        ({"key": "${"}, ("INVALID_SYNTAX", "/key")),
        ({"headers": {"a": "${nothing}"}}, ("UNKNOWN_FIELD", "/headers/a")),
        ({"partition": "status"}, ("TYPE_MISMATCH", "/partition")),
        ({"partition": "nothing"}, ("UNKNOWN_FIELD", "/partition")),
        ({"recordTimestampField": "amount"}, ("TYPE_MISMATCH", "/recordTimestampField")),
        ({"tombstoneField": "status", "key": "${id}"}, ("TYPE_MISMATCH", "/tombstoneField")),
        ({"valueFormat": "STRING"}, ("MISSING_PARAM", "/valueTemplate")),
        ({"valueFormat": "STRING", "valueTemplate": "${nothing}"}, ("UNKNOWN_FIELD", "/valueTemplate")),
    ],
)
def test_what_does_not_fit_the_records_is_refused(config: dict[str, Any], found: tuple[str, str]) -> None:
    issues = message_issues(KafkaConfig.model_validate({"topic": "orders", **config}), plan_of(10).schema)

    assert [(one.code, one.path.removeprefix("/destination/config")) for one in issues] == [found]


def test_every_format_of_values_can_be_named() -> None:
    assert set(value_formats) == {name.value for name in ValueFormatName}
