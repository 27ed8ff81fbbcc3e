"""`sdg connection`: stored connections to servers. Secrets come from a prompt, a file or a variable, not from flags."""

from __future__ import annotations

import getpass
import json
import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from engine.issues import Issue
from sdg_project.arguments import whole_number
from sdg_project.commands import DONE, UNREACHABLE, WRONG, SdgCommand
from sdg_project.database import ready_database
from sdg_project.documents import STANDARD_INPUT
from sdg_project.errors import Invalid
from sdg_project.shape_issues import aliases
from sdg_project.text import amount
from sinks import services
from sinks.answer import connection_answer, tested_answer
from sinks.connections.base import connection_kinds
from sinks.connections.kafka import Mechanism, Protocol
from sinks.connections.postgres import Tls
from sinks.enums import ConnectionOutcome
from sinks.models import Connection

_WORLD = frozenset({ConnectionOutcome.DNS, ConnectionOutcome.REFUSED, ConnectionOutcome.TIMEOUT})
"""Outcomes that another hour may change: the server is away."""


class Command(SdgCommand):
    help = "Add, test, list and remove connections to servers that pools are read from and records are written to."
    example = "sdg connection add refdata --type POSTGRES --host db.example.org --database shop --user sdg"

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        add = self.add_action(actions, "add", "store a connection; the password is asked for", self.example)
        add.add_argument("name", metavar="NAME", help="letters, digits, dots, hyphens, underscores; at most 100")
        add.add_argument("--type", required=True, type=str.upper, choices=list(connection_kinds))
        add.add_argument("--host", metavar="H", help="name or address of the server")
        add.add_argument("--port", type=whole_number, metavar="N", help="default 5432, of DRAGONFLY 6379")
        add.add_argument("--database", metavar="D", help="its name, or its number in DRAGONFLY")
        add.add_argument("--user", metavar="U", help="who logs in")
        add.add_argument(
            "--tls",
            type=_tls,
            choices=list(Tls),
            help="default PREFER: encrypted if the server can; DISABLE in DRAGONFLY",
        )
        add.add_argument("--ca-file", metavar="F", help="certificates in PEM form that vouch for the server")
        add.add_argument("--bootstrap-servers", metavar="S", help="KAFKA: host:port of some brokers, parted by commas")
        add.add_argument("--protocol", type=str.upper, choices=list(Protocol), help="KAFKA: default PLAINTEXT")
        add.add_argument("--mechanism", type=str.upper, choices=list(Mechanism), help="KAFKA: default PLAIN")
        add.add_argument("--schema-registry", metavar="URL", help="KAFKA: where schemas are kept")
        _add_secret_flags(add)
        summary = "give a connection another password"
        secret = self.add_action(actions, "secret", summary, "sdg connection secret refdata --secret-env PGPASSWORD")
        secret.add_argument("name", metavar="NAME")
        _add_secret_flags(secret)
        summary = "encrypt all stored secrets by the first key of SDG_FIELD_KEYS, so that the others can go"
        self.add_action(actions, "reencrypt", summary, "sdg connection reencrypt")
        summary = "connect, and say what stands against it"
        test = self.add_action(actions, "test", summary, "sdg connection test refdata")
        test.add_argument("name", metavar="NAME")
        test.add_argument("--json", action="store_true", help="one JSON object")
        summary = "list all connections, without their secrets"
        listing = self.add_action(actions, "list", summary, "sdg connection list --json")
        listing.add_argument("--json", action="store_true", help="one JSON object per connection")
        remove = self.add_action(actions, "remove", "remove a connection", "sdg connection remove refdata")
        remove.add_argument("name", metavar="NAME")

    def carry_out(self, options: dict[str, Any]) -> int:
        ready_database()
        match options["action"]:
            case "add":
                made = services.add_connection(_document(options), by="command line")
                self.say(f'connection "{made.name}" is stored', f"sdg connection test {made.name}")
            case "secret":
                secrets = _secrets(options)
                self.say(f'the secret of connection "{services.set_secrets(options["name"], secrets).name}" is stored')
            case "reencrypt":
                changed = services.reencrypt_secrets()
                for one in changed:
                    self.say(f"{one} is encrypted by the first key now")
                self.say(f"{amount(len(changed), 'secret')} had another key than the first of SDG_FIELD_KEYS")
            case "test":
                return self._test(services.probe_connection(options["name"]), as_json=options["json"])
            case "list":
                for connection in services.list_connections():
                    self._tell(connection, as_json=options["json"])
            case "remove":
                services.remove_connection(options["name"])
                self.say(f'connection "{options["name"]}" is removed')
        return DONE

    def _test(self, tested: services.Tested, *, as_json: bool) -> int:
        if as_json:
            self.stdout.write(json.dumps(tested_answer(tested), ensure_ascii=False))
        else:
            found = f"{tested.message}: {tested.server}" if tested.server else tested.message
            self.say(f"{tested.outcome}: {found} ({tested.duration_ms} ms)", tested.hint)
        if tested.is_ok:
            return DONE
        return UNREACHABLE if tested.outcome in _WORLD else WRONG

    def _tell(self, connection: Connection, *, as_json: bool) -> None:
        answer = connection_answer(connection)
        if as_json:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        place = ", ".join(f"{name} {value}" for name, value in connection.config.items() if name != "caCertificate")
        users = ", ".join(f"{use['kind']} {use['name']}" for use in answer["usedBy"])
        self.stdout.write(f"{connection.name}  {connection.type}  {place}{f'  used by {users}' if users else ''}")


def _add_secret_flags(parser: CommandParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--secret-env", metavar="VAR", help="take the password from this variable of the environment")
    group.add_argument("--secret-file", metavar="F", help="take it from the first line of a file; - is standard input")
    group.add_argument("--no-secret", action="store_true", help="there is none")


def _document(options: dict[str, Any]) -> dict[str, Any]:
    """The definition that the command line describes, also with flags that its type then refuses."""
    config: dict[str, Any] = {name: options[name] for name in ("host", "port", "database", "user", "tls")}
    config["bootstrapServers"] = options["bootstrap_servers"]
    certificates = _read(options["ca_file"], "--ca-file") if options["ca_file"] is not None else None
    security = {name: options[name] for name in ("protocol", "mechanism")}
    if "username" in aliases(connection_kinds[options["type"]].Config):
        config["username"] = config.pop("user")
    if options["type"] == "KAFKA":
        security |= {"username": config.pop("user"), "caCertificate": certificates}
    else:
        config["caCertificate"] = certificates
    if options["type"] == "DRAGONFLY" and (number := options["database"]) is not None and number.isdecimal():
        config["database"] = int(number)
    config["security"] = {name: value for name, value in security.items() if value is not None} or None
    config["schemaRegistry"] = {"url": options["schema_registry"]} if options["schema_registry"] is not None else None
    return {
        "name": options["name"],
        "type": options["type"],
        "config": {name: value for name, value in config.items() if value is not None},
        "secrets": _secrets(options),
    }


def _secrets(options: dict[str, Any]) -> dict[str, str]:
    if options["no_secret"]:
        return {}
    if options["secret_env"] is not None:
        value = os.environ.get(options["secret_env"], "")
        source = f"the variable {options['secret_env']}"
    elif options["secret_file"] is not None:
        path = options["secret_file"]
        text = sys.stdin.readline() if path == STANDARD_INPUT else _read(path, "--secret-file")
        value, source = (text.splitlines() or [""])[0], "the first line"
    elif sys.stdin.isatty():
        value, source = getpass.getpass("password: "), "what was typed"
    else:
        message = "there is no terminal to ask for the password at"
        raise Invalid([Issue("MISSING_PARAM", "", message, "say --secret-env, --secret-file or --no-secret")])
    if not value:
        raise Invalid([Issue("MISSING_PARAM", "", f"{source} is empty, so there is no password", "or say --no-secret")])
    return {"password": value}


def _read(path: str, flag: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Invalid([Issue("INVALID_VALUE", "", f"{flag}: {path} cannot be read: {reason}")]) from error


# Types of arguments.


def _tls(text: str) -> str:
    return text.upper().replace("-", "_")
