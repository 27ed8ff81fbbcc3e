"""What Kafka's client says when something fails, as what a test of a connection tells apart."""

from __future__ import annotations

import re
from collections.abc import Sequence

from confluent_kafka import KafkaError

from sinks.connections.base import ConnectionFailed
from sinks.enums import ConnectionOutcome

_O = ConnectionOutcome
AUTH = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED})
RIGHTS = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
_MECHANISMS = frozenset(
    {KafkaError.UNSUPPORTED_SASL_MECHANISM, KafkaError.ILLEGAL_SASL_STATE, KafkaError._UNSUPPORTED_FEATURE}
)


def failure(errors: Sequence[KafkaError]) -> ConnectionFailed:
    """Why there is no connection, by all that the client has said on the way; the first sure reason counts.

    Nothing of the client's own sentences is passed on: they name addresses and what servers have said.
    """
    codes = {error.code() for error in errors}
    texts = " ".join(error.str() for error in errors)
    if codes & AUTH:
        message = "the server does not accept the user or the password"
        return ConnectionFailed(_O.AUTH, message, "see security.mechanism, too")
    if codes & _MECHANISMS:
        return ConnectionFailed(_O.AUTH, "the server does not know this way to log in", "see security.mechanism")
    if codes & RIGHTS:
        return ConnectionFailed(_O.NO_RIGHT, "the user may not do this", "see the server's ACLs")
    if re.search(r"certificate verify failed|hostname mismatch", texts, re.IGNORECASE):
        message = "the server's certificate cannot be trusted for this host"
        return ConnectionFailed(_O.TLS, message, "see security.caCertificate")
    if KafkaError._SSL in codes or "SSL handshake failed" in texts:
        return ConnectionFailed(_O.TLS, "encryption cannot be agreed on with the server", "see security.protocol")
    if KafkaError._RESOLVE in codes:
        return ConnectionFailed(_O.DNS, "the name of a server has no address")
    if "Connection refused" in texts:
        return ConnectionFailed(_O.REFUSED, "nothing listens at that port of the host")
    if re.search(r"unreachable|No route to host", texts):
        return ConnectionFailed(_O.REFUSED, "there is no way to the host")
    if KafkaError._ALL_BROKERS_DOWN in codes:  # they were there, and went
        message = "the server ends the connection: it may want encryption or a password, or be no Kafka broker"
        return ConnectionFailed(_O.TLS, message, "see security.protocol")
    return ConnectionFailed(_O.TIMEOUT, "the server does not answer")
