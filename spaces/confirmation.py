"""A confirmation: which settings of a study run again, on test rows and with which fresh seeds."""

from collections.abc import Iterable
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from spaces.replicates import fresh_seeds
from spaces.selection import Cut
from spaces.settings import Seeds, TransferSetting

SUFFIX = ".confirm"


def confirmation_name(study: str) -> str:
    """Name of a study's confirmation, which is a study of its own."""
    return study + SUFFIX


def replicate_seeds(seed: int, replicate: int) -> Seeds:
    """The seeds of one replicate: every setting and its baseline run with the same ones.

    Args:
        seed: the study's.
        replicate: from 1 on.
    """
    return fresh_seeds("confirm", seed, replicate)


def confirmation_cut(cut: Cut, tested: Iterable[str], spent: bool) -> Cut:
    """The cut of a confirmation: nothing selects, all items of the test rows are reported.

    Args:
        cut: the search's.
        tested: languages with test rows.
        spent: whether the search selected on test rows. Then items stay cut, because those that
            selected were seen in other languages, and the reported score is over the other half.
    """
    there = set(tested)
    reported = tuple(code for code in cut.reported if code in there)
    seed = cut.items_seed if spent else None
    return replace(cut, selecting=(), reported=reported, items_seed=seed)


class ConfirmedSetting(BaseModel):
    """A setting that is confirmed."""

    model_config = ConfigDict(frozen=True)

    setting: TransferSetting
    chosen_by: tuple[str, ...] = ()
    """Selectors that it is a finalist of; empty where it is but another one's baseline."""
    tuned_for: tuple[str, ...] = ()
    """Selectors whose best setting without an intermediate phase it is: their tuned baseline."""

    @property
    def role(self) -> str:
        """``finalist``, ``tuned_baseline`` or ``matched_baseline``: the first that it is."""
        if self.chosen_by:
            return "finalist"
        return "tuned_baseline" if self.tuned_for else "matched_baseline"


class Confirmation(BaseModel):
    """What a confirmation runs."""

    model_config = ConfigDict(frozen=True)

    of: str
    """Name of the study whose finalists these are."""
    top: int
    """Finalists of each selector."""
    replicates: int
    """Sets of fresh seeds."""
    settings: dict[str, tuple[ConfirmedSetting, ...]]
    """Target -> finalists, each followed by its matched baseline, then tuned baselines; no setting
    stands twice."""
    rows: dict[str, int]
    """Target -> test rows that are opened, over all languages."""

    def planned(self, target: str) -> int:
        """How many trials a target has."""
        return self.replicates * len(self.settings[target])

    def first(self, target: str, selection: str) -> ConfirmedSetting | None:
        """The setting that a selector put first: what it would have taken.

        Test scores choose nothing: the best of several test scores would be too high.
        """
        settings = self.settings.get(target, ())
        return next((one for one in settings if selection in one.chosen_by), None)

    def tuned(self, target: str, selection: str) -> ConfirmedSetting | None:
        """The best setting without an intermediate phase by a selector; None where none was kept.

        Confirmations from before tuned baselines were run have none.
        """
        settings = self.settings.get(target, ())
        return next((one for one in settings if selection in one.tuned_for), None)

    def setting_ids(self, target: str) -> tuple[str, ...]:
        """Names of a target's settings."""
        return tuple(one.setting.setting_id for one in self.settings[target])

    def joined(self, older: "Confirmation") -> "Confirmation":
        """This and what an older confirmation of the study ran: what was opened stays."""
        settings = {
            target: distinct((*older.settings.get(target, ()), *ours))
            for target, ours in self.settings.items()
        }
        most = {name: max(getattr(self, name), getattr(older, name)) for name in COUNTS}
        return self.model_copy(update={"settings": settings, **most})


COUNTS = ("top", "replicates")


def distinct(settings: Iterable[ConfirmedSetting]) -> tuple[ConfirmedSetting, ...]:
    """Settings in their order, each once, chosen by whoever chose it."""
    found: dict[str, ConfirmedSetting] = {}
    for one in settings:
        before = found.get(one.setting.setting_id, ConfirmedSetting(setting=one.setting))
        found[one.setting.setting_id] = ConfirmedSetting(
            setting=one.setting,
            chosen_by=tuple(dict.fromkeys((*before.chosen_by, *one.chosen_by))),
            tuned_for=tuple(dict.fromkeys((*before.tuned_for, *one.tuned_for))),
        )
    return tuple(found.values())
