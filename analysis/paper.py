"""A frame as a table that a paper can cite: LaTeX with booktabs, or Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analysis.banner import banner, seeds_behind
from analysis.frames import DEFAULT_ROOT
from analysis.wording import counted
from spaces.mistakes import nearest
from spaces.study import StudyRecord, read_study

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Form = Literal["latex", "markdown"]

FORMS = ("latex", "markdown")

BOUNDS = {"estimate": ("low", "high"), "mean": ("low", "high"), "gap": ("gap_low", "gap_high")}
"""Column -> the ends of its interval, which stand in its own cells."""

DIFFERENCES = ("estimate", "gap", "paired_gain", "tuned_gain")
"""Columns whose values carry their sign."""

P_VALUES = ("p", "p_holm", "p_bh")

SHOWN = (
    *("target", "selection", "effect", "setting_id", "initialisation", "intermediate", "against"),
    *("contrasted", "baseline", "averaged_over", "language", "group", "method"),
    *("score", "reported_score", "mean", "estimate", "gap", "paired_gain", "tuned_gain"),
    *("p_holm", "verdict", "n_sets"),
)
"""Columns that a table has where none are named, as far as the frame has them."""

_LATEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
        **{"<": "$<$", ">": "$>$", "|": "$|$", "[": "{[}", "]": "{]}"},
    }
)
_MARKDOWN = str.maketrans({"|": r"\|", "*": r"\*", "_": r"\_", "<": "&lt;", "\n": " "})


def paper_table(
    frame: "DataFrame",
    form: Form = "latex",
    *,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    best: str | None = None,
    within: Sequence[str] = (),
    decimals: int = 1,
    caption: str | None = None,
    label: str | None = None,
    root: Path | str = DEFAULT_ROOT,
) -> str:
    r"""A frame as a table: one line per row, an estimate and its interval in one cell.

    Differences carry their sign; ``low`` and ``high`` stand as ``+1.2 [0.4, 2.0]`` behind what
    they bound; p-values below 0.001 are told as such; a dash stands for NA. LaTeX needs the package
    booktabs; names are escaped.

    Args:
        frame: with a column ``study``, or with a caption. Rows are as they stand: choose and sort
            them first.
        form: ``latex`` or ``markdown``.
        columns: which, in this order; or column -> its heading. Left out: the usual ones that have
            values.
        best: a column whose highest value is bold.
        within: columns; the best of each of their combinations is bold instead.
        decimals: of points.
        caption: as it shall stand; left out, it says the studies, their world, selection, seeds
            and what a demonstration must say.
        label: for ``\ref``.
        root: folder of all studies, where a caption is made.

    Raises:
        ValueError: there is no such form or column, or no study to make a caption of.
        StoreError: a study of the frame is not under the root.
    """
    if form not in FORMS:
        raise ValueError(f"{form=}: expected {nearest(str(form), FORMS)}")
    named = _named(frame, columns)
    _check(frame, [*named, *within, *([best] if best else [])])
    said = provenance(frame, root) if caption is None else caption
    numbers = [name in frame.select_dtypes("number") for name in named]
    texts = [_texts(frame, name, decimals) for name in named]
    bold = [_is_best(frame, name, within) if name == best else set() for name in named]
    if form == "markdown":
        return _in_markdown([*named.values()], texts, numbers, bold, said)
    said = latex(said) if caption is None else said
    return _in_latex([*named.values()], texts, numbers, bold, said, label)


def _named(frame: "DataFrame", columns: Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Column -> its heading."""
    if isinstance(columns, Mapping):
        return dict(columns)
    if columns is None:
        usual = [name for name in SHOWN if name in frame.columns]
        columns = [name for name in usual if frame[name].notna().any()] or usual or [*frame.columns]
    return {name: name.replace("_", " ") for name in columns}


def _check(frame: "DataFrame", names: Iterable[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise ValueError(f"no column {name!r}: expected {nearest(name, list(frame.columns))}")


def _texts(frame: "DataFrame", name: str, decimals: int) -> list[str | None]:
    """The cells of one column; None where there is no value."""
    # Late: `import analysis` must not pay for pandas.
    import pandas as pd

    ends = [end for end in BOUNDS.get(name, ()) if end in frame.columns]
    write = _writer(name, frame[name], decimals)
    texts: list[str | None] = []
    for value, *bounds in zip(frame[name], *(frame[end] for end in ends), strict=True):
        text = None if pd.isna(value) else write(value)
        if text and len(bounds) == 2 and not any(map(pd.isna, bounds)):
            text += f" [{bounds[0]:.{decimals}f}, {bounds[1]:.{decimals}f}]"
        texts.append(text)
    return texts


def _writer(name: str, values: "Series[Any]", decimals: int) -> Callable[[Any], str]:
    """How values of a column are written."""
    if values.dtype.kind != "f":
        return str
    if name in P_VALUES:
        return lambda value: "<0.001" if value < 0.001 else f"{value:.3f}"
    if name.endswith("learning_rate"):
        return lambda value: f"{value:g}"
    sign = "+" if name in DIFFERENCES else ""
    return lambda value: f"{value:{sign}.{decimals}f}"


def _is_best(frame: "DataFrame", name: str, within: Sequence[str]) -> set[int]:
    """Places of the highest values, all of them where several are alike."""
    values = frame[name].reset_index(drop=True)
    keys = [frame[key].reset_index(drop=True) for key in within]
    highest = values.groupby(keys, dropna=False).transform("max") if keys else values.max()
    return {*values.index[(values == highest).fillna(False)]}


def latex(text: str) -> str:
    """A text as LaTeX shows it, whatever signs are in it."""
    return text.translate(_LATEX)


def _in_latex(
    headings: Sequence[str],
    columns: Iterable[Sequence[str | None]],
    numbers: Sequence[bool],
    bold: Iterable[set[int]],
    caption: str,
    label: str | None,
) -> str:
    # Late: `import analysis` must not pay for pandas.
    import pandas as pd

    cells = []
    for texts, number, best in zip(columns, numbers, bold, strict=True):
        shown = ["--" if text is None else latex(text) for text in texts]
        shown = [t.replace("-", "$-$") if number and t != "--" else t for t in shown]
        cells.append([rf"\textbf{{{t}}}" if n in best else t for n, t in enumerate(shown)])
    table = pd.DataFrame(zip(*cells, strict=True), columns=[latex(name) for name in headings])
    written: str = table.style.hide(axis="index").to_latex(
        hrules=True,
        column_format="".join("r" if number else "l" for number in numbers),
        position_float="centering",
        caption=caption,
        label=label,
    )
    return written


def _in_markdown(
    headings: Sequence[str],
    columns: Iterable[Sequence[str | None]],
    numbers: Sequence[bool],
    bold: Iterable[set[int]],
    caption: str,
) -> str:
    cells = [
        [
            f"**{text}**" if n in best else text
            for n, text in enumerate("-" if t is None else t.translate(_MARKDOWN) for t in texts)
        ]
        for texts, best in zip(columns, bold, strict=True)
    ]
    rule = ["---:" if number else "---" for number in numbers]
    lines = [[name.translate(_MARKDOWN) for name in headings], rule, *zip(*cells, strict=True)]
    return "\n".join([caption, "", *("| " + " | ".join(line) + " |" for line in lines), ""])


def provenance(frame: "DataFrame", root: Path | str = DEFAULT_ROOT) -> str:
    """What a caption must say of where numbers come from: studies, world, selection, seeds.

    Args:
        frame: with a column ``study``, and with ``n_sets``, ``level`` and ``covers`` where it has
            intervals.
        root: folder of all studies.

    Raises:
        ValueError: the frame names no study.
        StoreError: one of them is not under the root.
    """
    names = list(frame["study"].dropna().unique()) if "study" in frame.columns else []
    if not names:
        raise ValueError(
            f"a frame of {len(frame)} rows names no study to make a caption of: keep its column "
            "'study', or give a caption; a study without [contrast] has no effects"
        )
    records = [read_study(Path(root).absolute(), name) for name in names]
    sets = {record.name: _sets(frame[frame["study"] == record.name], record) for record in records}
    studies = [_study_words(record, sets[record.name]) for record in records]
    warnings = (banner(r.plan.world, sets[r.name], r.pretrains) for r in records)
    warned = dict.fromkeys(f"{title}: {text}" for title, text in filter(None, warnings))
    return " ".join([*studies, *_interval_words(frame), *warned])


def _sets(frame: "DataFrame", record: StudyRecord) -> int:
    """Sets of seeds behind a study's rows: as they say, else as the study plans them."""
    if "n_sets" in frame.columns and frame["n_sets"].notna().any():
        return int(frame["n_sets"].max())
    return seeds_behind(record)


def _study_words(record: StudyRecord, sets: int) -> str:
    plan = record.plan
    selections = dict.fromkeys(record.cuts[target].selection for target in record.targets)
    return (
        f"Study {record.name}: world {plan.world}, selection {', '.join(selections)}, "
        f"{plan.study.objective} over languages in points, {counted(sets, 'set')} of seeds "
        f"(seed {plan.study.seed})."
    )


def _interval_words(frame: "DataFrame") -> list[str]:
    """What the intervals of a frame are; nothing where it has none."""
    if not {"low", "high", "level"} <= {*frame.columns}:
        return []
    levels = " and ".join(f"{100 * level:g}" for level in frame["level"].dropna().unique())
    over = " and ".join(frame["covers"].dropna().unique()) if "covers" in frame.columns else "seeds"
    return [f"Intervals: {levels} per cent, over {over}."] if levels else []
