"""Readers: from a data set's rows to the columns of a form.

Besides the form's columns a table has ``item`` (names a row in every language of a parallel set),
``id`` (the data set's own name of it) and, where its text is not what the form reads, ``content``.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from spaces.tasks import Task
from trainables.forms import FORMS
from trainables.rows import RowError, RowTable
from trainables.sources.captions import caption_texts, read_captions, read_words
from trainables.sources.columns import Raw
from trainables.sources.shuffling import original_texts, real_or_fake

LABELLED = ("label", "tags")
"""Our columns that hold labels."""

ANSWERS = ("answers", "starts")
"""Our columns that hold answers."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How rows and, for retrieval, the candidates of an evaluation are read."""

    rows: Callable[[Task, Raw], RowTable]
    content: Callable[[Task, Raw], RowTable]
    """Columns of the rows' text alone: what of them a seal looks at."""
    candidates: Callable[[Raw, RowTable], RowTable] | None = None
    """Columns ``item``, ``target_id`` and ``target`` of the candidates of some of the rows, each
    once; None where they are those that the rows name."""


def read_columns(task: Task, raw: Raw) -> RowTable:
    """The form's columns by the references of the task's row."""
    assert task.data is not None
    table = _names(task, raw) | _columns(task, raw, FORMS[task.form].columns)
    if impossible := task.data.columns.get("impossible"):
        flags = raw.values(impossible)
        for ours in ANSWERS:
            pairs = zip(table[ours], flags, strict=True)
            table[ours] = [[] if flag else found for found, flag in pairs]
    for ours in set(LABELLED) & set(table):
        named = raw.label_names(task.data.columns.get(ours, ours))
        table[ours] = _in_our_order(task, raw, named, table[ours])
    return table


def _columns(task: Task, raw: Raw, names: Iterable[str]) -> RowTable:
    """Some of our columns, as the data set has their values."""
    assert task.data is not None
    given = {name: task.data.columns.get(name, name) for name in names}
    alone = {"text_pair"} if not task.has_pairs else set()
    return {n: [None] * len(raw) if n in alone else raw.values(r) for n, r in given.items()}


def _content_columns(task: Task, raw: Raw) -> RowTable:
    return _columns(task, raw, FORMS[task.form].content)


def _names(task: Task, raw: Raw) -> RowTable:
    """``item`` and ``id`` of each row."""
    assert task.data is not None
    own = "id" if "id" in raw.table.column_names else "#"
    item = raw.values(task.data.columns.get("item", "#"))
    return {"item": [str(i) for i in item], "id": [str(i) for i in raw.values(own)]}


def _in_our_order(task: Task, raw: Raw, named: list[str] | None, values: list[Any]) -> list[Any]:
    """Labels by name, because data sets number them in different orders, or name them alone."""
    assert task.data is not None
    known = task.data.labels or task.labels
    places: dict[Any, int] = {name: place for place, name in enumerate(known)}
    if strange := set(task.data.folded.values()) - set(known):
        raise RowError(f"folded of {task.name!r} names {sorted(strange)}, which are not in {known}")
    places |= {name: places[counted] for name, counted in task.data.folded.items()}
    if named is not None and (unknown := set(named) - set(places)):
        raise RowError(f"{raw.where} has labels {sorted(unknown)}; {task.name!r} knows {known}")
    if named == list(known):
        return values
    if named is not None:
        places = {number: places[name] for number, name in enumerate(named)}
    elif not any(isinstance(value, (str, list)) for value in values):
        return values  # integers without names are taken to be in our order

    def ours(value: Any) -> Any:
        return [ours(v) for v in value] if isinstance(value, list) else places.get(value, value)

    return [ours(value) for value in values]


def read_bitext(task: Task, raw: Raw) -> RowTable:
    """Pairs of sentences, each candidate's first row alone."""
    table = read_columns(task, raw)
    first = {name: row for row, name in reversed(list(enumerate(table["target_id"])))}
    kept = sorted(first.values())
    return {name: [values[row] for row in kept] for name, values in table.items()}


# Sentences that hold an answer. LAReQA's candidates are the sentences of all paragraphs, each read
# with its paragraph after it (its `run_retrieval_qa.py`).

_SENTENCE_END = re.compile(
    r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9\u0370-\u04ff])|(?<=[\u3002\uff01\uff1f\u0964\u061f])\s*"
)


Spans = tuple[tuple[int, int], ...]


@lru_cache(maxsize=16)  # questions of one paragraph follow one another
def sentence_spans(text: str) -> Spans:
    """Sentences of a text as (start, end), by punctuation and capitals alone.

    Where a script has neither (Thai), and in Arabic after a full stop, nothing is cut.
    """
    ends = [*(found.end() for found in _SENTENCE_END.finditer(text)), len(text)]
    starts = [0, *ends[:-1]]
    return tuple((start, end) for start, end in zip(starts, ends, strict=True) if start < end)


def _paragraphs(raw: Raw) -> Iterator[tuple[str, str, str, Spans]]:
    """Item, name, text and sentences of each row's paragraph; no sentences where it has no text."""
    texts, numbers = raw.values("context"), raw.values("#context")
    given = "sentence_breaks" in raw.table.column_names
    breaks = raw.values("sentence_breaks") if given else [None] * len(texts)
    for text, number, spans in zip(texts, numbers, breaks, strict=True):
        text = text or ""
        found = tuple(spans or ()) if given and text else sentence_spans(text)
        yield number, f"{raw.language}:{number}", text, found


def read_answer_sentences(task: Task, raw: Raw) -> RowTable:
    """Questions, and the sentence in which the (first) answer begins.

    A question whose answer begins in no sentence has no candidate: ``target`` is empty.
    """
    table: RowTable = {**_names(task, raw), "text": raw.values("question")}
    table |= {name: [] for name in ("target", "target_id", "content")}
    starts = [places[0] if places else -1 for places in raw.values("answers.answer_start")]
    for (_, name, text, spans), start in zip(_paragraphs(raw), starts, strict=True):
        found = [(i, a, b) for i, (a, b) in enumerate(spans) if a <= start < b]
        place, first, last = found[0] if found else (-1, 0, 0)
        table["target"].append(_in_paragraph(text, first, last) if found else "")
        table["target_id"].append(f"{name}:{place}")
        table["content"].append(text)
    return table


def _in_paragraph(text: str, first: int, last: int) -> str:
    return f"{text[first:last].strip()} {text}"


def sentence_candidates(raw: Raw, rows: RowTable) -> RowTable:
    """Every sentence of the rows' paragraphs, read with its paragraph."""
    wanted = {name.rpartition(":")[0] for name in rows["target_id"]}
    found: RowTable = {"item": [], "target_id": [], "target": []}
    for item, name, text, spans in _paragraphs(raw):
        for place, (first, last) in enumerate(spans if name in wanted else ()):
            found["item"].append(item)
            found["target_id"].append(f"{name}:{place}")
            found["target"].append(_in_paragraph(text, first, last))
        wanted.discard(name)
    return found


# Mewsli-X (its `utils_mewslix.py`): a mention is read in its sentence, between braces, and before
# it once more; an entity is the first sentences of its description.

_BRACES = re.compile(r"\{(.*?)\}")


def read_mentions(task: Task, raw: Raw) -> RowTable:
    """Mentions of evaluation articles, or of training pairs.

    ``target`` is None where the descriptions are a data set of their own.
    """
    table: RowTable = {n: [] for n in ("item", "id", "text", "target", "target_id", "content")}
    for context, mention, entity in _mentions(raw):
        table["item"].append(str(mention["example_id"]))
        table["id"].append(str(mention["example_id"]))
        table["text"].append(mention_text(context, mention))
        table["target"].append(entity and description(entity))
        table["target_id"].append(mention["entity_id"])
        table["content"].append(context["text"] or "")
    return table


NO_CONTEXT = {"text": None}
NO_MENTION = {"example_id": None, "mention_span": None, "entity_id": None}


def _mentions(raw: Raw) -> Iterator[tuple[dict[str, Any], dict[str, Any], Any]]:
    """Context, mention and, of training pairs, entity of each mention."""
    if "contextual_mention" in raw.table.column_names:
        contexts = raw.values("contextual_mention.context")
        found = raw.values("contextual_mention.mention")
        entities = [entity or {"description": None} for entity in raw.values("entity")]
        lists = [[mention] for mention in found]
    else:
        contexts, lists = raw.values("context"), raw.values("mentions")
        entities = [None] * len(contexts)
    for context, mentions, entity in zip(contexts, lists, entities, strict=True):
        for mention in mentions or ():
            yield context or NO_CONTEXT, mention or NO_MENTION, entity


def mention_text(context: dict[str, Any], mention: dict[str, Any]) -> str:
    """``span: left { span } right``, left and right within the mention's sentence.

    Empty where there is no text, or the mention is not in it.
    """
    text, span = context["text"] or "", mention["mention_span"] or {"start": 0, "end": 0}
    start, end = span["start"], span["end"]
    if not 0 <= start < end <= len(text):
        return ""
    inside = [s for s in context["sentence_spans"] if s["start"] <= start and end <= s["end"]]
    first, last = (inside[0]["start"], inside[0]["end"]) if inside else (0, len(text))
    left, right = (_BRACES.sub(r"(\1)", part) for part in (text[first:start], text[end:last]))
    said = text[start:end]
    return " ".join(f"{said}: {left} {{ {said} }} {right}".split())


def description(entity: dict[str, Any]) -> str:
    """The sentences of an entity's description, on one line."""
    text = entity["description"] or ""
    spans = entity.get("sentence_spans") or [{"start": 0, "end": len(text)}]
    return " ".join(" ".join(text[s["start"] : s["end"]] for s in spans).split())


def read_entities(task: Task, raw: Raw) -> RowTable:
    """Entities under their Wikidata ids."""
    names = ("description", "sentence_spans")
    rows = zip(*(raw.values(name) for name in names), strict=True)
    texts = [description(dict(zip(names, row, strict=True))) for row in rows]
    ids = raw.values("entity_id")
    return {"item": ids, "id": ids, "text": texts, "target_id": ids, "target": texts}


# Sentences with their words shuffled, or not: a control. A seal looks at the text before that.


def read_real_or_fake(task: Task, raw: Raw) -> RowTable:
    """Texts with the label "real", or "fake" for those that are shuffled."""
    return _names(task, raw) | real_or_fake(task, raw) | _originals(task, raw)


def _originals(task: Task, raw: Raw) -> RowTable:
    return {"content": [text or "" for text in original_texts(task, raw)]}


READERS: dict[str, Reader] = {
    "columns": Reader(read_columns, _content_columns),
    "bitext": Reader(read_bitext, _content_columns),
    "sentences": Reader(
        read_answer_sentences,
        lambda task, raw: {"content": [text or "" for text in raw.values("context")]},
        sentence_candidates,
    ),
    "mentions": Reader(read_mentions, read_mentions),
    "entities": Reader(read_entities, read_entities),
    "real_or_fake": Reader(read_real_or_fake, _originals),
    "words": Reader(read_words, read_words),
    "captions": Reader(read_captions, caption_texts),
}
"""Name in a catalogue row -> reader."""
