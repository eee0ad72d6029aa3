"""What the product is told so that it may act on the shop: the platform's actions, the policy, and who approves.

Only drills that are to end with an action tell it: all others end with the report, as if nobody could do anything.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

ROLL_BACK = "roll_back_release"
FLAG_BACK = "switch_flag_back"
RESIZE_POOL = "resize_pool"
APPROVER = "lab"
SLACK_MEMBER = "U0LAB"
TOKEN_ENV = "PCAUSE_TOKEN_LAB"  # noqa: S105 - the name of a variable
_SECRET_ENV = "PCAUSE_LAB_PLATFORM_SECRET"  # noqa: S105 - the name of a variable
_USUAL_POOL = 24
VERIFY_SECONDS = 60.0


@dataclass(frozen=True)
class Acting:
    """Where the platform listens, the secret that it shares with the product, and the token of the one approver."""

    platform_port: int
    secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    web_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the settings and the policy name."""
        return {_SECRET_ENV: self.secret, TOKEN_ENV: self.web_token}

    @property
    def actions(self) -> dict[str, Any]:
        """The setting ``actions``."""
        change: dict[str, object] = {"change": "{change}"}
        back: dict[str, object] = {"service": "{entity}", "value": "{before}"}
        roll_back = self._action(
            ROLL_BACK, "Roll the service back to the release before the change.", "/deploys/{entity}/rollback", change,
            "change={change}", remediations=["rollback"], change_kinds=["deploy", "commit"],
        )  # fmt: skip
        flag_back = self._action(  # the id of a flag's change is its key
            FLAG_BACK, "Switch the flag back to what it was.", "/flags/{change}", back, "service={entity}&value={before}",
            remediations=["flag_off"], change_kinds=["flag"],
        )  # fmt: skip
        # The shop's people know that more connections help inventory, whatever took them: it is offered with a rollback.
        resize = self._action(
            RESIZE_POOL, "Give the service its usual store connections.", "/pools/{entity}", {"size": _USUAL_POOL},
            f"size={_USUAL_POOL}", remediations=["scale", "rollback"], services=["inventory"],
        )  # fmt: skip
        return {"http": [roll_back, flag_back, resize]}

    @property
    def policy(self) -> dict[str, Any]:
        """The content of ``policy.yaml``: everything is asked of one person."""
        names = (ROLL_BACK, FLAG_BACK, RESIZE_POOL)
        return {
            "approvers": [{"name": APPROVER, "web_token_env": TOKEN_ENV, "slack": SLACK_MEMBER}],
            "rules": [{"action": name, "service": "*", "decision": "ask"} for name in names],
        }

    def _action(
        self, name: str, summary: str, path: str, body: dict[str, object], query: str, **when: list[str]
    ) -> dict[str, Any]:
        origin = f"http://127.0.0.1:{self.platform_port}"
        return {
            "name": name, "summary": summary, "risk": "reversible", "repeatable": True, "secret_env": _SECRET_ENV,
            "timeout_seconds": 45.0,  # a deploy answers when its process is ready
            "method": "POST", "url": f"{origin}{path}", "body": body,
            "dry_run": {"method": "GET", "url": f"{origin}{path}/dry-run?{query}"},
            "undo": {"method": "POST", "url": f"{origin}{path}/undo", "body": body},
            "check": {"url": f"{origin}/actions/{{key}}"},
            **when,
        }  # fmt: skip
