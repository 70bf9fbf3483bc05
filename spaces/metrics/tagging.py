"""F1, precision and recall over a whole part: of tagged words, and of mined pairs of sentences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spaces.tasks import Task

Chunk = tuple[str, int, int]
"""Label, first and last word."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What F1 is made of. No rows are averaged, so there is no standard error either."""

    right: int
    found: int
    wanted: int

    @property
    def precision(self) -> float:
        """Share of what was found that is right; 0 where nothing was found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of what was wanted that was found; 0 where nothing was wanted."""
        return self.right / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where there is nothing at all."""
        return 2 * self.right / (self.found + self.wanted) if self.found + self.wanted else 0.0


def tagged(task: Task, gold: Sequence[list[int]], predicted: Sequence[list[int]]) -> Counts:
    """Chunks of all sentences, right when label, first and last word are.

    XTREME scores entities and, with the same function, parts of speech: there a tag has no prefix,
    and neighbouring words of one tag count once, together.

    Args:
        task: its ``labels`` are the names of the tags.
        gold: tags of each sentence's words.
        predicted: the same.

    Raises:
        ValueError: a sentence has another number of tags than of words.
    """
    right = found = wanted = 0
    for row, (true, guessed) in enumerate(zip(gold, predicted, strict=True)):
        if len(true) != len(guessed):
            raise ValueError(
                f"sentence {row} (from 0) has {len(guessed)} predicted tags for {len(true)} words: "
                "predict a tag for every word"
            )
        ours, theirs = (chunks([task.labels[i] for i in tags]) for tags in (guessed, true))
        right, found, wanted = right + len(ours & theirs), found + len(ours), wanted + len(theirs)
    return Counts(right, found, wanted)


def mined(task: Task, gold: Sequence[list[str]], predicted: Sequence[list[str]]) -> Counts:
    """Pairs of a query and a candidate, as BUCC counts them; either list of a row may be empty."""
    pairs = [(set(right), set(ours)) for right, ours in zip(gold, predicted, strict=True)]
    return Counts(
        right=sum(len(right & ours) for right, ours in pairs),
        found=sum(len(ours) for _, ours in pairs),
        wanted=sum(len(right) for right, _ in pairs),
    )


COUNTS: Mapping[str, Callable[[Task, Sequence[list[int]], Sequence[list[int]]], Counts]] = {
    "tag": tagged,
    "entity": tagged,
    "bitext": mined,  # type: ignore[dict-item]
}
"""First word of a metric's name -> what it counts."""


def chunks(tags: Sequence[str]) -> set[Chunk]:
    """Chunks of one sentence's tags as seqeval 0.0.12 reads them, the version of XTREME's time.

    In IOB2 these are the entities, and an ``I-`` that continues nothing starts one, as in CoNLL's
    script. Of tags without a prefix they are the runs, but a tag in S (SCONJ, SYM) or E stands
    alone, because the first letter is taken for a prefix: "single", "end". From seqeval 1.0 on that
    letter is cut off, which leaves of X nothing, and so loses X at the ends of sentences.
    """
    found, start = set(), 0
    letter_before, label_before = "O", ""
    for place, tag in enumerate([*tags, "O"]):
        letter, label = tag[0], tag.rpartition("-")[2]
        other = label != label_before
        if _ends(letter_before, letter, other):
            found.add((label_before, start, place - 1))
        if _starts(letter_before, letter, other):
            start = place
        letter_before, label_before = letter, label
    return found


def _ends(before: str, letter: str, other: bool) -> bool:
    """Whether a chunk ends between two tags, from their first letters and unlike labels."""
    if before in "ES":
        return True
    return (other and before not in "O.") or (before in "BI" and letter in "BSO")


def _starts(before: str, letter: str, other: bool) -> bool:
    """Whether the second of two tags starts a chunk."""
    if letter in "BS":
        return True
    return (other and letter not in "O.") or (letter in "EI" and before in "ESO")
