"""``[store]`` of a plan, looked at before anything is opened."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from spaces.catalogue import Catalogue
from spaces.layout import is_folder
from spaces.mistakes import Mistake, few, nearest
from spaces.objects import SCHEMES, SCRATCH, URL, is_url
from spaces.plan import Plan

KEY = re.compile(r"[0-9a-f]{64}")


def store_mistakes(plan: Plan, catalogue: Catalogue) -> Iterator[Mistake]:
    """What is wrong with the names in ``[store]``; no database and no bucket is asked here."""
    yield from _storage_mistakes(plan)
    yield from _url_mistakes(plan)
    starts = {row.name for row in catalogue.starts(plan.space.initialisations)}
    for pin in plan.store.pins:
        if pin not in starts and not KEY.fullmatch(pin):
            rule = f"a key of 64 hex digits (`analysis.load_phases`), or {nearest(pin, starts)}"
            yield Mistake("[store] pins", repr(pin), rule)


def _storage_mistakes(plan: Plan) -> Iterator[Mistake]:
    storage = plan.store.storage
    known = ("sqlite:///", "postgresql://", "postgresql+", "env:")
    if storage != "journal" and not storage.startswith(known):
        expected = "'journal', 'sqlite:///FILE', 'postgresql://...' or 'env:NAME' of such a URL"
        yield Mistake("[store] storage", _without_password(storage), expected)
    elif "password=" in storage or (
        "@" in storage and ":" in storage.split("@")[0].split("//")[-1]
    ):
        expected = "'env:NAME': a password in a plan would be copied into the study"
        yield Mistake("[store] storage", _without_password(storage), expected)
    variable = storage.removeprefix("env:")
    if storage != variable and not os.environ.get(variable):
        expected = f"the environment variable {variable} to be set to the storage's URL: export it"
        yield Mistake("[store] storage", repr(storage), expected)
    if storage.startswith("sqlite:///") and not storage.startswith("sqlite:////"):
        expected = "'sqlite:////absolute/path.db': a relative path depends on where a command runs"
        yield Mistake("[store] storage", repr(storage), expected)
    file = Path(storage.removeprefix("sqlite:///"))
    if storage.startswith("sqlite:////") and not is_folder(file.parent):
        yield Mistake("[store] storage", repr(storage), f"a folder that is there: {file.parent}")


def _url_mistakes(plan: Plan) -> Iterator[Mistake]:
    """An object store's URL; credentials in it would be copied into the study."""
    url, workers = plan.store.url, plan.resources.workers_per_trial
    if not is_url(url):
        return
    if not URL.fullmatch(url):
        rule = f"a folder, or SCHEME://BUCKET/FOLDER with SCHEME {few(SCHEMES)}"
        rule += "; credentials come from the environment alone"
        yield Mistake("[store] url", _without_password(re.sub(r"\?.*", "?...", url)), rule)
    elif workers > 1 and SCRATCH not in os.environ:
        rule = f"1, or export {SCRATCH}: a folder that all workers of a trial see, since they"
        rule += " share a phase's files before these go to the object store"
        yield Mistake("[resources] workers_per_trial", str(workers), rule)


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    if "password=" in rest:
        return f"{scheme}://..."
    return f"{scheme}://...@{rest.rpartition('@')[2]}" if "@" in rest else repr(url)
