"""From a template of the settings to an action, whatever does it: an HTTP call or a script."""

from typing import Protocol

from tools.actions.spec import ActionSpec, Done, DryRun, Happened
from tools.actions.templates import HttpAction, Script, TemplateArguments


class Doing(Protocol):
    """What carries a template out; the functions are those of ``ActionSpec``."""

    @property
    def repeatable(self) -> bool: ...

    @property
    def settles_seconds(self) -> float: ...

    def dry_run(self, arguments: TemplateArguments) -> DryRun: ...

    def run(self, arguments: TemplateArguments, key: str) -> Done: ...

    def happened(self, arguments: TemplateArguments, key: str) -> Happened: ...

    def undo(self, arguments: TemplateArguments, key: str, memo: str) -> Done: ...

    def undo_dry_run(self, arguments: TemplateArguments, memo: str) -> DryRun: ...


def template_action(template: HttpAction | Script, doing: Doing) -> ActionSpec[TemplateArguments]:
    """The action of a template."""
    return ActionSpec(
        name=template.name,
        summary=template.summary,
        risk=template.risk_class,
        remediations=template.remediations,
        arguments=TemplateArguments,
        fit=template.fit,
        dry_run=doing.dry_run,
        run=doing.run,
        happened=doing.happened,
        undo=doing.undo if template.undo else None,
        repeatable=doing.repeatable,
        undo_dry_run=doing.undo_dry_run if template.undo else None,
        settles_seconds=doing.settles_seconds,
        memo_of=lambda _, key: key,
    )
