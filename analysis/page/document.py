"""A study as one HTML page that opens from a disk: no script, no font and no file but itself."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.frames import DEFAULT_ROOT
from analysis.page.answer import answer_section, progress_section
from analysis.page.blocks import Section
from analysis.page.confirmed import Confirmed, confirmed_section, ladder_section
from analysis.page.contrast import Findings, contrast_section
from analysis.page.provenance import (
    beside_sections,
    caveats_section,
    provenance_section,
    sharing_section,
)
from analysis.page.targets import target_section
from analysis.phase_rows import phase_rows
from analysis.snapshot import Snapshot, read_snapshot

if TYPE_CHECKING:
    from markupsafe import Markup

TEMPLATE = "page.html"

_CODE = re.compile(r"`([^`]+)`")


def report_page(study: str, root: Path | str = DEFAULT_ROOT) -> str:
    """The whole report of a study as HTML; it may be running.

    The numbers are those of ``report_text``. The same study gives the same bytes.

    Args:
        study: name of the study.
        root: folder of all studies and phases.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    return page_of(read_snapshot(study, root))


def page_of(snapshot: Snapshot) -> str:
    """The page of a study as it was at one moment."""
    return _rendered(snapshot.record.name, _sections(snapshot))


def _sections(snapshot: Snapshot) -> list[Section]:
    findings, confirmed = Findings.of(snapshot), Confirmed.of(snapshot)
    chooses = snapshot.record.confirms or snapshot.record.plan.budget.trials_per_target
    return [
        answer_section(snapshot, findings, confirmed),
        progress_section(snapshot),
        *([confirmed_section(confirmed)] if confirmed else []),
        *([ladder_section(snapshot)] if chooses else []),
        *([contrast_section(snapshot, findings)] if findings else []),
        *(target_section(snapshot, target) for target in snapshot.record.targets),
        sharing_section(snapshot, phase_rows(snapshot)),
        *beside_sections(snapshot),
        provenance_section(snapshot),
        caveats_section(snapshot),
    ]


def _prose(text: str) -> "Markup":
    """Words as HTML: what stands in backticks is code, all else is escaped."""
    from markupsafe import Markup, escape

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def _rendered(name: str, sections: list[Section]) -> str:
    # Late, as only pages need it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("analysis.page", ""),
        autoescape=True,  # names and texts of a plan are the user's
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment.get_template(TEMPLATE).render(name=name, sections=sections)
