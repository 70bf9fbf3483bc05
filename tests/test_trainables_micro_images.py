"""The micro-world: pictures of scenes, and the documents that go with them."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from trainables.micro import documents, images, words
from trainables.micro.images import (
    ACTION,
    AGENT,
    COLOURS,
    CONTRASTS,
    NOISE,
    PATCHES,
    PATIENT,
    PLACE,
    VALUES,
)
from trainables.micro.scenes import Scenes, draw_scenes
from trainables.micro.vocabulary import GLOSSES, KINDS, LANGUAGE_CODES


def scenes_of(count: int) -> Scenes:
    """Some scenes."""
    return draw_scenes(count, np.random.default_rng(0))


def pictures(scenes: Scenes, seed: int = 0) -> np.ndarray:
    """Their pictures."""
    return images(scenes, np.random.default_rng(seed))


class NoNoise:
    """A generator that draws zeros."""

    def standard_normal(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        """Zeros of a shape."""
        return np.zeros(shape, dtype)


def clean_pictures(scenes: Scenes) -> np.ndarray:
    """Their pictures without noise."""
    return images(scenes, NoNoise())  # type: ignore[arg-type]


def changed_patches(scenes: Scenes, changed: Scenes) -> set[int]:
    """Patches that differ between scenes, in any row."""
    difference = clean_pictures(scenes) != clean_pictures(changed)
    return set(np.flatnonzero(difference.any(axis=(0, 2))).tolist())


def test_tables_know_every_colour_and_size() -> None:
    """Colours and contrasts stand in the order of their numbers."""
    assert tuple(COLOURS) == KINDS["colour"]
    assert tuple(CONTRASTS) == KINDS["size"]


def test_the_same_scene_twice_differs_by_noise_alone() -> None:
    """Two pictures of a scene differ by independent noise of the stated size in every value."""
    scenes = scenes_of(300)
    first = pictures(scenes)
    assert first.shape == (300, PATCHES, VALUES)
    assert first.dtype == np.float32
    difference = first - pictures(scenes, seed=1)
    assert abs(difference.mean()) < 0.01
    assert np.allclose(difference.std(axis=(0, 2)), NOISE * 2**0.5, rtol=0.05)
    rows = difference.reshape(300, -1)
    assert abs(np.corrcoef(rows[:150].ravel(), rows[150:].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("field", ["shape", "colour", "size"])
@pytest.mark.parametrize(("who", "patch"), [("agent", AGENT), ("patient", PATIENT)])
def test_a_participant_shows_in_its_own_patch(field: str, who: str, patch: int) -> None:
    """Another shape, colour or size changes that participant's patch, well beyond the noise."""
    scenes = scenes_of(100)
    things = getattr(scenes, who)
    other = (getattr(things, field) + 1) % len(KINDS[field])
    changed = replace(scenes, **{who: replace(things, **{field: other})})
    assert changed_patches(scenes, changed) == {patch}
    difference = (clean_pictures(scenes) - clean_pictures(changed))[:, patch]
    # Along the line between two pictures, where noise has the standard deviation NOISE.
    assert np.linalg.norm(difference, axis=1).min() > 8 * NOISE


def test_actions_and_places_are_glyphs() -> None:
    """Actions and places have a patch each, and a scene without place leaves its patch empty."""
    scenes = scenes_of(400)
    others = replace(scenes, action=(scenes.action + 1) % 8)
    assert changed_patches(scenes, others) == {ACTION}
    others = replace(scenes, place=np.where(scenes.place < 0, -1, (scenes.place + 1) % 24))
    assert changed_patches(scenes, others) == {PLACE}
    strength = pictures(scenes)[:, PLACE].std(axis=1)
    assert strength[scenes.place < 0].max() < 2 * NOISE < strength[scenes.place >= 0].min()


def test_five_patches_are_empty() -> None:
    """Corners and the patch above the action hold nothing but noise."""
    empty = [p for p in range(PATCHES) if p not in (AGENT, ACTION, PATIENT, PLACE)]
    assert len(empty) == 5
    assert not clean_pictures(scenes_of(500))[:, empty].any()


def test_the_agent_has_a_line() -> None:
    """Swapped roles give another picture: the agent's patch begins with a bright row."""
    first_row = clean_pictures(scenes_of(200)).reshape(200, PATCHES, 6, 18)[:, :, 0]
    assert (first_row[:, AGENT] == 1).all()
    assert (first_row[:, PATIENT] == 0).all()


def test_names_and_mentions_cannot_be_seen() -> None:
    """What a sentence calls the agent, and which attributes it mentions, is in no picture."""
    scenes = scenes_of(50)
    agent = replace(scenes.agent.bare(), name=np.full(50, 7), company=np.full(50, True))
    silent = replace(scenes, agent=agent, patient=scenes.patient.bare())
    assert changed_patches(scenes, silent) == set()


def test_pictures_do_not_move_by_accident() -> None:
    """Bitmaps are fixed by names. Regenerate only with a raised ``WORLD_VERSION``."""
    tenths = np.round(clean_pictures(scenes_of(40)) * 10).astype(np.int8)
    assert hashlib.sha256(tenths.tobytes()).hexdigest()[:12] == "9d4aa5473e34"


def test_documents_know_their_languages_and_scenes() -> None:
    """Document i is in language i, about scene i: its shapes and its action are said."""
    made = documents(400, seed=0)
    assert len(made) == len(made.texts) == len(made.languages) == len(made.scenes) == 400
    meanings = {
        word: g for code in LANGUAGE_CODES for word, g in zip(words(code), GLOSSES, strict=True)
    }
    own = 0
    for number, (text, language) in enumerate(zip(made.texts, made.languages, strict=True)):
        scene = made.scenes[np.array([number])]
        said = {meanings[word] for word in text.split()}
        assert KINDS["shape"][scene.patient.shape[0]] in said
        assert KINDS["action"][scene.action[0]] in said
        spelled = set(words(language))
        own += sum(word in spelled for word in text.split()) / len(text.split())
    assert own / 400 > 0.9


def test_documents_are_written_in_the_languages_asked_for() -> None:
    """Given languages have equal shares and switch among themselves; one alone never switches."""
    made = documents(300, seed=0, languages=("hatu", "dask", "avel"))
    assert {code: made.languages.count(code) for code in made.languages} == {
        "hatu": 100,
        "dask": 100,
        "avel": 100,
    }
    spelled = {word for code in ("hatu", "dask", "avel") for word in words(code)}
    assert {word for text in made.texts for word in text.split()} <= spelled
    alone = documents(300, seed=0, languages=("hatu",))
    assert {word for text in alone.texts for word in text.split()} <= set(words("hatu"))
    with pytest.raises(ValueError, match="language='english' is not a language"):
        documents(10, seed=0, languages=("english",))
