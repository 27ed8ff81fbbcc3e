"""Templates: bundles that come with SDG, to be run as they are or to start one's own from; named ``template:NAME``."""

from __future__ import annotations

from pathlib import Path

from engine.issues import did_you_mean
from sdg_project.errors import NotFound

MARK = "template:"
"""What a template's name begins with where it stands in place of a file's."""

_FOLDER = Path(__file__).parent / "bundles" / "templates"


def template_names() -> list[str]:
    """The names of all templates, in alphabetical order."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def template_path(name: str) -> Path:
    """The file of a template; raises NotFound with a close name."""
    names = template_names()
    if name not in names:
        hint = did_you_mean(name, names) or f"there are {', '.join(names)}"
        raise NotFound(f'there is no template "{name}"', hint=hint)
    return _FOLDER / f"{name}.yaml"


def template_text(name: str) -> str:
    """A template as it is written, with its comments; raises NotFound."""
    return template_path(name).read_text(encoding="utf-8")


def template_description(name: str) -> str:
    """What a template is, in a line: the first of its comments; raises NotFound."""
    return template_text(name).partition("\n")[0].removeprefix("#").strip()
