"""What every kind of stored connection has in common, the registry of kinds, and what a test of one can find."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

from sdg_project.hosts import HostPolicy
from sdg_project.registry import Kind, Registry
from sdg_project.shapes import Params
from sinks.enums import ConnectionOutcome

C = TypeVar("C", bound=Params)


class ConnectionFailed(Exception):
    """There is no connection; the sentence tells no secret, no address and nothing that a server has said."""

    def __init__(self, outcome: ConnectionOutcome, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.outcome, self.hint = outcome, hint


class ConnectionKind(Kind, ABC, Generic[C]):
    """A server that may be connected to: its config, which may be shown, and its secrets, which never are."""

    Config: ClassVar[type[Params]]
    secret_names: ClassVar[tuple[str, ...]]
    """The secrets that there can be."""
    bound: ClassVar[frozenset[str]]
    """Properties of the config, as documents name them, that say to whom the secrets are told: who changes one of them
    must know the secrets."""

    def __init__(
        self,
        config: C,
        secrets: Mapping[str, str],
        *,
        policy: HostPolicy,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """`variables` are those of the environment that the secrets come from, where a file names them."""
        self.config, self.secrets, self.policy, self.variables = config, secrets, policy, variables

    @abstractmethod
    def probe(self, *, timeout_s: float) -> str:
        """Connect and say what is there, such as ``PostgreSQL 17.2``; raises ConnectionFailed."""


connection_kinds: Registry[ConnectionKind[Params]] = Registry("connection type", "sinks.connections")
