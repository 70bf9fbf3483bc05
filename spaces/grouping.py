"""Language groups as data: the definition that a plan's groups follow, and who says so.

What counts as European is a choice, and so is to group by it at all. ``[study] grouping`` names one
definition; means by group, the strata of a held-out cut and a score's ``group`` follow it. English
(or the hub of an invented world) is a group of its own whatever the definition, because it is every
source; a ``[[grouping]]`` of the plan may name it all the same.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from spaces.languages import ENCODERS, GROUP_SOURCE, HUB_GROUP, HUBS, Encoder, Language
from spaces.mistakes import Mistake, nearest
from spaces.plan import Plan, UserGrouping

INDIGENOUS = "indigenous"
"""The definition where a plan names none."""

OTHER = "other"
"""Group of the languages that a ``[[grouping]]`` does not name."""

Groups = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Grouping:
    """A definition of language groups."""

    name: str
    source: str
    """Who says so, for reports."""
    group_of: Callable[[Language], str]

    def __str__(self) -> str:
        """Name and source, as reports show them."""
        return f"{self.name} ({self.source})"

    def apply(self, languages: Mapping[str, Language]) -> dict[str, Language]:
        """Rows of languages with the groups of this definition, by code.

        Args:
            languages: built-in rows by code.
        """
        return {code: replace(row, group=self.group_of(row)) for code, row in languages.items()}


def _hub_apart(rule: Callable[[Language], str]) -> Callable[[Language], str]:
    return lambda row: HUB_GROUP if row.code in HUBS else rule(row)


def _by_exposure(encoder: Encoder) -> Grouping:
    source = f"whether the published list of {encoder}'s makers names the language"
    rule = _hub_apart(lambda row: "seen" if encoder in row.exposure else "unseen")
    return Grouping(encoder, source, rule)


_OF_ROWS = (
    Grouping(INDIGENOUS, GROUP_SOURCE, lambda row: row.group),
    Grouping("family", "families of the language catalogue", _hub_apart(lambda row: row.family)),
    Grouping("script", "scripts of the language catalogue", _hub_apart(lambda row: row.script)),
)

BUILT_IN = {one.name: one for one in (*_OF_ROWS, *map(_by_exposure, ENCODERS))}
"""Definitions by name; the encoders' lists name real languages alone."""


def _own(row: UserGrouping) -> Grouping:
    """A definition of the user's; a twin counts where the language that it repeats does."""
    group_of = {code: name for name, codes in row.groups.items() for code in codes}
    rest = _hub_apart(lambda language: group_of.get(language.twin_of, OTHER))
    return Grouping(
        row.name,
        row.source,
        lambda language: group_of.get(language.code) or rest(language),
    )


def groupings(plan: Plan) -> dict[str, Grouping]:
    """Definitions that a plan may name: those of its world, and its own."""
    real = plan.world == "real"
    built_in = {name: one for name, one in BUILT_IN.items() if real or name not in ENCODERS}
    return built_in | {row.name: _own(row) for row in plan.grouping}


def grouping_of(plan: Plan) -> Grouping:
    """The definition that a plan's groups follow.

    Raises:
        KeyError: the plan names one that is not there; ``grouping_mistakes`` says so beforehand.
    """
    return groupings(plan)[plan.study.grouping]


def groups_of(languages: Iterable[Language]) -> Groups:
    """Group -> codes of its languages; twins are in none."""
    found: Groups = {}
    for row in languages:
        if not row.twin_of:
            found[row.group] = (*found.get(row.group, ()), row.code)
    return found


def grouping_identity(plan: Plan) -> dict[str, list[str]]:
    """What of the groups makes a study another one; nothing where a plan names no definition."""
    name = plan.study.grouping
    if name == INDIGENOUS:
        return {}
    own = [row.groups for row in plan.grouping if row.name == name]
    groups = [f"{group}: {' '.join(sorted(codes))}" for g in own for group, codes in g.items()]
    return {"grouping": [name, *sorted(groups)]}


def grouping_mistakes(plan: Plan, languages: Mapping[str, Language]) -> list[Mistake]:
    """What is wrong with a plan's groupings.

    Args:
        plan: its form is checked.
        languages: of its world, by code.
    """
    found = [mistake for row in plan.grouping for mistake in _row_mistakes(plan, row, languages)]
    name, known = plan.study.grouping, groupings(plan)
    if name not in known:
        why = ": the published lists name real languages alone" if name in BUILT_IN else ""
        found.append(Mistake("[study] grouping", repr(name), nearest(name, known) + why))
    return found


def _row_mistakes(
    plan: Plan, row: UserGrouping, languages: Mapping[str, Language]
) -> list[Mistake]:
    where = f"[[grouping]] {row.name}"
    found = []
    if row.name in BUILT_IN:
        rule = "another name: a report could not tell it from the built-in definition"
        found.append(Mistake("[[grouping]]", repr(row.name), rule))
    entries = {group.name for group in plan.language_group}
    for group in row.groups:
        if group in languages or group in entries:
            taken = "language" if group in languages else "[[language_group]]"
            rule = f"another name: [space.mixture] could not tell it from a {taken} of this name"
            found.append(Mistake(where, repr(group), rule))
    for code in dict.fromkeys(code for codes in row.groups.values() for code in codes):
        holders = [name for name, codes in row.groups.items() if code in codes]
        if code not in languages:
            found.append(Mistake(where, repr(code), nearest(code, languages)))
        elif len(holders) > 1:
            read = f"{code!r} in {' and '.join(map(repr, holders))}"
            found.append(Mistake(where, read, "each language in one group"))
    return found
