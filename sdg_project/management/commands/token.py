"""`sdg token`: tokens that open the API."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from sdg_project import access
from sdg_project.commands import DONE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.models import ApiToken
from sdg_project.roles import Role, role_of


class Command(SdgCommand):
    help = "Create, list and revoke the tokens that open the API. A token is shown once, when it is created."
    example = "sdg token create --name ci --role operator --days 30"

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        create = self.add_action(actions, "create", "print a new token, alone, on standard output", self.example)
        create.add_argument("--name", required=True, metavar="N", help="the service user that it stands for")
        create.add_argument("--role", required=True, choices=[role.value for role in Role])
        create.add_argument("--days", type=int, default=90, metavar="N", help="how long it is valid; default 90")
        summary = "list all tokens, without what opens the API"
        listing = self.add_action(actions, "list", summary, "sdg token list --json")
        listing.add_argument("--json", action="store_true", help="one JSON object per token")
        revoke = self.add_action(actions, "revoke", "let tokens open nothing any more", "sdg token revoke ci")
        revoke.add_argument("token", metavar="NAME_OR_ID", help="all of a name, or the one whose id begins so")

    def carry_out(self, options: dict[str, Any]) -> int:
        ready_database()
        match options["action"]:
            case "create":
                self.stdout.write(access.create_token(options["name"], Role(options["role"]), days=options["days"]))
            case "list":
                self._list([_row(token) for token in access.list_tokens()], as_json=options["json"])
            case "revoke":
                self.say(f"{access.revoke_tokens(options['token'])} revoked")
        return DONE

    def _list(self, rows: list[dict[str, Any]], *, as_json: bool) -> None:
        for row in rows:
            line = "  ".join(str(value) for value in row.values())
            self.stdout.write(json.dumps(row) if as_json else line)


def _row(token: ApiToken) -> dict[str, Any]:
    ended = token.revoked_at is not None or token.expires_at <= timezone.now()
    state = ("REVOKED" if token.revoked_at else "EXPIRED") if ended else "VALID"
    return {
        "id": str(token.pk),
        "name": token.user.get_username(),
        "role": role_of(token.user),
        "state": state,
        "createdAt": token.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expiresAt": token.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
