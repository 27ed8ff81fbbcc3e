"""`sdg user`: people who log in to the admin."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import CommandParser

from engine.issues import Issue
from sdg_project import access
from sdg_project.commands import DONE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.errors import Invalid
from sdg_project.roles import Role


class Command(SdgCommand):
    help = "Create a person who logs in to the admin. The password is asked for, or read from standard input."
    example = "sdg user create ada --role editor"

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        create = self.add_action(actions, "create", "make a user", self.example)
        create.add_argument("name", metavar="NAME")
        create.add_argument("--role", required=True, choices=[role.value for role in Role])

    def carry_out(self, options: dict[str, Any]) -> int:
        ready_database()
        user = access.create_user(options["name"], Role(options["role"]), password=_password())
        self.say(f'user "{user.get_username()}" is created, with the role {options["role"]}')
        return DONE


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("password: ")
    if getpass.getpass("again: ") != password:
        raise Invalid([Issue("INVALID_VALUE", "/password", "the two passwords differ")])
    return password
