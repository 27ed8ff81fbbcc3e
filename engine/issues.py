"""Issues: what is wrong with a definition or a request, where, and what would be accepted; and every code there is."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

CODES: dict[str, str] = {
    "CASE_NOT_COVERED": "A value of the condition has no case and there is no default.",
    "COLUMN_NOT_FOUND": "The pool has no such column.",
    "CONNECTION_CHANGED": "The connection leads elsewhere than when the run was started.",
    "CONTROL_DB_DOWN": "The control database does not answer.",
    "DEPENDENCY_CYCLE": "Fields depend on each other in a circle.",
    "DEST_AUTH": "The destination does not let the user in, or not do this.",
    "DEST_FULL": "The destination has no room.",
    "DEST_REGRESSED": "The destination holds less than was written to it.",
    "DEST_SCHEMA": "The destination cannot take records of this form.",
    "DEST_UNAVAILABLE": "The destination cannot be reached or written.",
    "DISTRIBUTION_OUTSIDE_RANGE": "The distribution has (almost) no mass between min and max.",
    "DUPLICATE_FIELD": "Two fields have one name, or differ only in upper and lower case.",
    "DUPLICATE_KEY": "A key stands twice in one object.",
    "DUPLICATE_VALUE": "A value is listed twice.",
    "END_CONDITION_INCOMPATIBLE": "The end condition does not fit the mode or another property.",
    "EVAL_ERROR": "A formula has no result for a record.",
    "EXPRESSION_NOT_ALLOWED": "The formula holds something that formulas must not hold.",
    "EXPRESSION_SYNTAX": "The formula cannot be read.",
    "EXPRESSION_TOO_COMPLEX": "The formula, or what it makes, is or may become larger than is possible.",
    "EXTRA_MAPPING": "A mapping makes a field that the schema does not have.",
    "FENCED": "Somebody else has taken over the shard.",
    "IDEMPOTENCY_CONFLICT": "The Idempotency-Key was used for another request.",
    "HOST_NOT_ALLOWED": "The service may not connect to the host.",
    "INTERNAL": "Something went wrong that is no fault of the request.",
    "INVALID_REQUEST": "Several things are wrong with the request.",
    "INVALID_STEP": "The step does not fit the range.",
    "INVALID_SYNTAX": "The document cannot be read.",
    "INVALID_TRANSITION": "The action is not possible in this status.",
    "INVALID_VALUE": "The value is not one of those accepted.",
    "INVALID_WEIGHTS": "Weights must be finite, not negative, as many as values, with a sum above 0.",
    "IN_USE": "Something else still uses it.",
    "JSON_TOO_DEEP": "The document is nested too deeply or has too many parts.",
    "KEY_LOOKUP_ON_SAMPLE": "Keys are looked up in a sample, which may lack them.",
    "KEY_NOT_INDEXED": "Keys are looked up in a large pool that has no index of them.",
    "MANY_PARTS": "The run is cut into very many files.",
    "METHOD_NOT_ALLOWED": "The address does not know the method.",
    "MISSING_PARAM": "A required property is missing.",
    "NAME_CHANGED": "The format cannot hold the name as it is.",
    "NAME_TAKEN": "The name is in use.",
    "NEGATIVE_RATE": "The rate would fall below 0.",
    "NEVER_EMITTED": "A value can never occur.",
    "NON_DETERMINISTIC": "Two runs with one seed will differ.",
    "NON_FINITE": "A number must be finite.",
    "NON_IDEMPOTENT_SINK": "The destination cannot tell what it has already, so that records may be there twice.",
    "NOT_ACCEPTABLE": "The answer cannot be given in the form that was asked for.",
    "NOT_AUTHENTICATED": "The request carries no valid token or session.",
    "NOT_FOUND": "There is no such thing.",
    "NOT_PERMITTED": "The role does not allow it.",
    "NO_SAFETY_LIMIT": "Nothing ends the run but somebody who stops it.",
    "NO_TIME_MASS": "The seasonality leaves no instant between from and to.",
    "NO_WORKER": "There is no process that could do the work.",
    "NULL_IGNORED": "null counts as absent where the word NULL may have been meant.",
    "ORDER_NOT_GUARANTEED": "The jitter can swap neighbouring instants.",
    "PADDING_OVERFLOW": "Numbers will become longer than the padding.",
    "PATH_CONFLICT": "A field is both a value and an object.",
    "POISON": "Making one record kills the process again and again.",
    "POOL_EMPTY": "The pool has no rows.",
    "POOL_FILTER_EMPTY": "No row of the pool passes the filter.",
    "POOL_HIDES_BUILTIN": "A pool has the name of a built-in one, which is not used any more.",
    "POOL_NOT_FOUND": "There is no such pool.",
    "POOL_NOT_READY": "The pool has no usable version.",
    "POOL_TOO_LARGE": "The pool has more rows or bytes than its limits allow.",
    "PROPERTY_NOT_ALLOWED": "The property does not apply here.",
    "QUOTA": "It is more than one request may ask for.",
    "RANGE_INVERTED": "A lower bound is above its upper bound.",
    "READ_ONLY": "The property is set by the service.",
    "RECORD_INVALID": "A record cannot be made or written.",
    "REQUIRED_FIELD_NULLABLE": "A required or key field may be null or missing.",
    "REQUIRED_FIELD_UNMAPPED": "A required field of the schema has no mapping.",
    "RERUN_WOULD_COLLIDE": "The destination already holds what another run wrote.",
    "ROUNDED": "Values lose digits when they become what is written.",
    "SECRET_REQUIRED": "The secret must be sent again.",
    "SEQUENCE_OVERFLOW": "The sequence ends before the records do.",
    "SOURCE_NOT_POOL_REFERENCE": "The field that a value is derived from is no POOL_REFERENCE.",
    "SOURCE_UNAVAILABLE": "The source of the pool cannot be reached.",
    "SPEC_VERSION": "The run was made by another version, whose values would differ.",
    "SUFFIX_MISMATCH": "The suffix of the path stands for another format or compression.",
    "THROTTLED": "There were too many requests in a minute.",
    "TOO_LARGE": "The request or the document has more bytes than are read.",
    "TYPE_MISMATCH": "The value has the wrong type.",
    "UNIQUE_DISTRIBUTION_CONFLICT": "Distinct values can only be drawn uniformly.",
    "UNIQUE_EXHAUSTED": "There are no further distinct values.",
    "UNIQUE_IMPOSSIBLE": "There are fewer distinct values than records.",
    "UNIQUE_TIGHT": "Most of the distinct values will be used.",
    "UNIVERSE_NOT_FOUND": "There is no such universe.",
    "UNKNOWN_FIELD": "There is no such field.",
    "UNKNOWN_FUNCTION": "There is no such function.",
    "UNKNOWN_PROPERTY": "There is no such property.",
    "UNMAPPED_COLUMN": "A field of the schema has no mapping.",
    "UNSUPPORTED_MEDIA_TYPE": "The body has a type that is not read here.",
    "VALUE_TOO_LONG": "A value is longer than the field allows.",
}
"""Every code with its sentence: the documentation and the OpenAPI document are made from this."""

UNREACHABLE = frozenset({"CONTROL_DB_DOWN", "DEST_FULL", "DEST_REGRESSED", "DEST_UNAVAILABLE", "SOURCE_UNAVAILABLE"})
"""Codes about a destination, a source or a database that is away, full, or has lost something. All others are about the
input, or about the making of a record."""

PAUSING = frozenset(
    {
        "CONNECTION_CHANGED",
        "DEST_FULL",
        "DEST_REGRESSED",
        "DEST_UNAVAILABLE",
        "RERUN_WOULD_COLLIDE",
        "SECRET_REQUIRED",
    }
)
"""Codes after which a run waits until somebody has mended the world around it. After all others it has failed."""


class Severity(StrEnum):
    ERROR = "ERROR"
    WARNING = "WARNING"
    INFO = "INFO"


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem at one place; `path` is a JSON Pointer (RFC 6901) into the document.

    `params` is what the document says there, normalised, where that is known; `offset` is the character of a text to
    which the issue points, counted from 0.
    """

    code: str
    path: str
    message: str
    hint: str | None = None
    field: str | None = None
    severity: Severity = Severity.ERROR
    params: str = ""
    offset: int | None = None

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"{self.code} is no issue code")

    @property
    def id(self) -> str:
        """Eight hex digits: the same for all runs of a definition, whatever the sentence says, until its part changes.

        So somebody can acknowledge a warning that tells of numbers which differ from run to run.
        """
        text = "\0".join((self.code, self.path, self.params))
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def as_json(self) -> dict[str, str | int | None]:
        """The issue as the API and ``--json`` show it; with an `offset` where it has one."""
        place = {} if self.offset is None else {"offset": self.offset}
        return {
            "id": self.id,
            "severity": self.severity.value,
            "code": self.code,
            "path": self.path,
            "field": self.field,
            "message": self.message,
            "hint": self.hint,
            **place,
        }


def told_apart(issues: Iterable[Issue]) -> list[Issue]:
    """The issues of one answer, each with an id of its own: those that would share one are numbered in their order."""
    seen: Counter[str] = Counter()
    apart = []
    for issue in issues:
        earlier = seen[issue.id]
        seen[issue.id] += 1
        apart.append(replace(issue, params=f"{issue.params}\0{earlier}") if earlier else issue)
    return apart


def issue_from_json(document: Mapping[str, Any]) -> Issue:
    """The issue that `Issue.as_json` has shown."""
    names = ("code", "path", "message", "hint", "field")
    severity, offset = Severity(document["severity"]), document.get("offset")
    return Issue(**{name: document[name] for name in names}, severity=severity, offset=offset)


def pointer(*parts: str | int) -> str:
    """A JSON Pointer from its parts."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the closest known word, or None when nothing is close."""
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return f'did you mean "{by_lower[close[0]]}"?' if close else None
