"""The catalogue as text."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from analysis.tables import wrapped
from spaces.catalogue import Catalogue
from spaces.fitting import why_unfit
from spaces.hub import checkpoint, is_on_hub
from spaces.initialisations import EncoderShape, Initialisation, Stage
from spaces.languages import ENCODERS, EXPOSURE_SOURCE, GROUP_SOURCE
from spaces.tasks import DataSet, Task

WORLDS = ("real", "micro", "oracle")

COMMERCIAL = {True: "allowed", False: "not allowed", None: "nobody says: not allowed"}
"""Words for ``DataSet.commercial``."""

TRIED = {
    True: "its real files were converted once",
    False: "never, with the real files: no hub could be reached",
}
"""Words for ``Initialisation.converted``."""

UNSHARED = "your own, named in a [[task]] row: nobody may pass these rows on"


def catalogue_text(kind: str) -> str:
    """The rows of one kind, of every world, in 80 columns where they are no languages.

    Args:
        kind: targets, intermediates, languages or initialisations.
    """
    worlds = [Catalogue.of_world(world) for world in WORLDS]
    if kind in _BLOCKS:
        blocks = [block for rows in worlds for block in _BLOCKS[kind](rows)]
        return "\n\n".join([*blocks, *(_unsupported(worlds) if kind == "initialisations" else ())])
    rows = [row for world in worlds for row in _ROWS[kind](world)]
    return "\n".join([*table(_HEADS[kind], list(dict.fromkeys(rows))), *_NOTES.get(kind, ())])


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of a table with columns as wide as they need to be."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, tuple("-" * width for width in widths), *rows]
    return [_line(line, widths) for line in lines]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def _block(name: str, *about: str, lines: Mapping[str, str]) -> str:
    """One row: a line of what it is, then what there is to say, each under its name."""
    head = f"{name}  ({about[0]}; {', '.join(filter(None, about[1:]))})"
    return "\n".join([head, *(wrapped(text, f"  {n:<12}") for n, text in lines.items() if text)])


def _targets(rows: Catalogue) -> Iterator[str]:
    for task in rows.tasks.values():
        if task.languages:
            lines = {
                "trained on": ", then ".join(task.recipe) or "nothing: its vectors are read",
                "chosen on": _dev_words(rows, task),
                "metric": f"{task.metric}, chance {task.chance:.1f}",
                "protocol": task.protocol,
                "max tokens": _token_words(task),
                "languages": _codes(task.languages),
            }
            yield _block(task.name, rows.world, task.form, task.skill, lines=lines)


def _dev_words(rows: Catalogue, task: Task) -> str:
    """The dev rows that may choose a setting, the benchmark's own first."""
    if task.proxy:
        own = [code for code in task.languages if rows.tasks[task.proxy].has_dev(code)]
        return f"proxy {task.proxy} in {_codes(own)}"
    owners = task.source_dev or ((task.name,) if task.has_dev(task.dev_language) else ())
    words = [f"{' and '.join(owners)} in {task.dev_language}"] if owners else []
    theirs = [c for c in task.languages if task.has_dev(c) and c != task.dev_language]
    whole = len(theirs) == len({*task.languages} - {task.dev_language})
    others = "every other language" if whole else _codes(theirs)
    return "; ".join([*words, f"own in {others}" if theirs else "no other language has dev rows"])


def _token_words(task: Task) -> str:
    query = f", queries {task.query_tokens}" if task.query_tokens else ""
    stride = f", windows share {task.stride}" if task.stride else ""
    return f"{task.max_tokens}{query}{stride}"


def _codes(codes: Sequence[str]) -> str:
    return f"{len(codes)}: {' '.join(codes)}" if len(codes) > 1 else " ".join(codes)


def _intermediates(rows: Catalogue) -> Iterator[str]:
    for task in rows.tasks.values():
        if task.train_languages:
            lines = {
                "origin": _origin_words(task),
                "languages": _codes(task.train_languages),
                "rows": f"{task.train_rows:,}" if task.train_rows else "",
                **(_data_words(task.data) if task.data else {}),
            }
            yield _block(task.name, rows.world, task.form, task.skill, lines=lines)


def _origin_words(task: Task) -> str:
    return f"{task.origin}: {', '.join(task.documents)}" if task.documents else task.origin


def _data_words(data: DataSet) -> dict[str, str]:
    """What may be done with a data set's rows, and where they are."""
    branch = "" if data.branch == "main" else f" at {data.branch}"
    found = {
        "licence": data.licence,
        "commercial": COMMERCIAL[data.commercial],
        "hub": f"{data.hub} {data.hub_config or data.config}{branch}" if data.hub else "",
        "folder": f"{data.folder}/{data.config}" if data.folder else "",
    }
    return found if data.hub or data.folder else {**found, "folder": UNSHARED}


def _languages(rows: Catalogue) -> Iterable[tuple[str, ...]]:
    for row in rows.languages.values():
        group = f"twin of {row.twin_of}" if row.twin_of else row.group
        seen = ["yes" if encoder in row.exposure else "-" for encoder in ENCODERS]
        scoring = sum(row.code in task.languages for task in rows.tasks.values())
        about = (rows.world, row.code, row.name, row.family, row.script, group)
        yield *about, *seen, str(scoring or "-")


def _initialisations(rows: Catalogue) -> Iterator[str]:
    for row in rows.initialisations.values():
        if not row.unsupported:
            yield _start_block(rows, row)


def _unsupported(worlds: Iterable[Catalogue]) -> list[str]:
    """Initialisations that no plan can have stand after all others."""
    found = [(rows, row) for rows in worlds for row in rows.initialisations.values()]
    return [_start_block(rows, row) for rows, row in found if row.unsupported]


def _start_block(rows: Catalogue, row: Initialisation) -> str:
    size = f"{row.parameters:g} million parameters" if row.parameters else ""
    words = f", {row.embedding_parameters:g} of word embeddings" if row.embedding_parameters else ""
    published = rows.world == "real" and not row.unsupported
    lines = {
        "unsupported": row.unsupported,
        "weights": _origin(row),
        "branch": checkpoint(row.path).revision if is_on_hub(row.path) else "",
        "twin": row.twin,
        "image stage": row.image_stage or "",
        **{f"stage {n}": _stage_words(one) for n, one in enumerate(row.stages, 1)},
        "confounded": row.confound,
        "encoder": str(row.encoder or ""),
        "size": size + words,
        "pooling": row.pooling,
        "licence": row.licence,
        "commercial": COMMERCIAL[row.commercial] if row.path else "",
        **(_served(rows, row.encoder) if row.encoder and not row.unsupported else {}),
        "unverified": f"from memory: {', '.join(row.unverified)}" if row.unverified else "",
        "tried": TRIED[row.converted] if published else "",
    }
    return _block(row.name, rows.world, row.modality, row.family, lines=lines)


def _stage_words(stage: Stage) -> str:
    return f"{stage.kind}: {stage.data}; languages: {stage.reach}"


def _served(rows: Catalogue, shape: EncoderShape) -> dict[str, str]:
    """Targets that an encoder can serve: as they stand, with shorter texts, not at all."""
    found: dict[str, list[str]] = defaultdict(list)
    targets = [task for task in rows.tasks.values() if task.languages]
    for target in targets:
        reads = [target, *(rows.tasks[name] for name in target.recipe)]
        cut = [replace(t, max_tokens=min(t.max_tokens, shape.positions)) for t in reads]
        kinds = {"serves": reads, "if shorter": cut}
        kind = next((kind for kind, tasks in kinds.items() if not why_unfit(tasks, shape)), "never")
        found[kind].append(target.name)
    shorter = f", with max_tokens of at most {shape.positions} in [[task]] rows"
    whole = len(found["serves"]) == len(targets)
    served = [rows.tasks[name].form for name in (*found["serves"], *found["if shorter"])]
    return {
        "forms": ", ".join(dict.fromkeys(served)),
        "serves": "every target" if whole else ", ".join(found["serves"]) or "none as it stands",
        "if shorter": ", ".join(found["if shorter"]) + shorter if found["if shorter"] else "",
        "never": ", ".join(found["never"]),
    }


def _origin(row: Initialisation) -> str:
    """Where an initialisation's weights come from."""
    if row.pretraining is None:
        return row.path or "a formula"
    seen = {
        "none": "text",
        "images": "text and pictures",
        "shuffled": "text and wrong pictures",
        "views": "text, contrasted with itself",
    }
    words = f"pretrained here on {seen[row.pretraining.contrast]}"
    return f"{words}, {len(row.pretraining.languages)} languages"


_BLOCKS = {
    "targets": _targets,
    "intermediates": _intermediates,
    "initialisations": _initialisations,
}

_ROWS = {"languages": _languages}

_HEADS = {
    "languages": ("world", "code", "name", "family", "script", "group", *ENCODERS, "targets"),
}

_NOTES = {
    "languages": (
        "",
        f"group: {GROUP_SOURCE}",
        "[study] grouping names that coding (indigenous), family, script, an encoder's column",
        "(seen, unseen) or a [[grouping]] of the plan: who counts in which group, and who says so",
        f"{', '.join(ENCODERS)}: {EXPOSURE_SOURCE}",
        "targets: how many of this world's targets score the language",
    ),
}
"""Lines below a table."""
