"""Prompts and answers for the page: of the points one compares most, on the examples where these differ most."""

from collections.abc import Sequence
from typing import Any

from infertune.archive import StoredStudy
from infertune.archive.stored_study import Split
from infertune.archive.texts import AnswerText, Texts
from infertune.report.page.encoding import Room
from infertune.report.page.points import PagePoint
from infertune.report.text import as_name, cut, rendered
from infertune.types import Configuration

MOST_BYTES = 1_400_000
MOST_EXAMPLES = 80  # of each split
LONGEST_PROMPT, LONGEST_ANSWER, LONGEST_FOUND = 1500, 1000, 120  # characters
MOST_ANSWERS = 3  # of one example, under one configuration


def samples(study: StoredStudy, points: Sequence[PagePoint]) -> dict[str, Any]:
    """Return prompts and answers.

    Args:
        study: Is read.
        points: Of which each can be compared with each.

    Returns:
        ``prompts``, each once; ``of``: by split and example the ``reference`` and, by the digest of the configuration,
        what it was asked and what it answered; ``n_left_out`` examples.
    """
    room = Room(MOST_BYTES)
    prompts: dict[str, int] = {}
    of: dict[str, dict[str, Any]] = {}
    n_left_out = 0
    for split in ("confirm", "tune"):
        configurations = {each.configuration.digest: each for each in points if split in each.scores}
        telling = _telling(split, list(configurations.values()))
        n_left_out += max(0, len(telling) - MOST_EXAMPLES)
        texts = Texts(study, split)
        found = {digest: _of(texts, point, split, telling[:MOST_EXAMPLES]) for digest, point in configurations.items()}
        of[split] = {}
        for example_id in telling[:MOST_EXAMPLES]:
            under = {digest: held[example_id] for digest, held in found.items() if example_id in held}
            new = [each["prompt"] for each in under.values() if each["prompt"] not in prompts]
            example = {"reference": cut(texts.reference(example_id), LONGEST_ANSWER), "under": under}
            if not room.takes([example_id, *dict.fromkeys(new), example | {"under": _numbered(under, prompts)}]):
                n_left_out += 1
                continue
            for prompt in new:
                prompts.setdefault(prompt, len(prompts))
            of[split][as_name(example_id)] = example | {"under": _numbered(under, prompts)}
    return {"prompts": list(prompts), "of": of, "n_left_out": n_left_out}


def answer(found: AnswerText) -> dict[str, Any]:
    """Return one answer as the page shows it."""
    return {
        "text": cut(found.text, LONGEST_ANSWER),
        "found": None if found.answer is None else cut(found.answer, LONGEST_FOUND),
        "score": round(found.score, 4),
        "ended": found.finish_reason,
    }


def _telling(split: Split, points: Sequence[PagePoint]) -> list[str]:
    """Return the examples, those first on which the points differ most and that most of them have."""
    scores: dict[str, list[float]] = {}
    for point in points:
        held = point.scores[split]
        for example_id, score in zip(held.example_ids, held.scores, strict=True):
            scores.setdefault(example_id, []).append(score)
    several = [each for each, held in scores.items() if len(held) > 1]
    return sorted(several, key=lambda each: (max(scores[each]) - min(scores[each]), len(scores[each])), reverse=True)


def _of(texts: Texts, point: PagePoint, split: Split, examples: Sequence[str]) -> dict[str, dict[str, Any]]:
    there = set(point.scores[split].example_ids)
    wanted = [each for each in examples if each in there]
    return {
        example_id: {
            "prompt": _prompt(texts, point.configuration, example_id),
            "answers": [answer(each) for each in answers[:MOST_ANSWERS]],
            "more": max(0, len(answers) - MOST_ANSWERS),
        }
        for example_id, answers in zip(wanted, texts.of_each(point.configuration, wanted), strict=True)
    }


def _prompt(texts: Texts, configuration: Configuration, example_id: str) -> str:
    return cut(rendered(texts.prompt(configuration, example_id)), LONGEST_PROMPT)


def _numbered(under: dict[str, dict[str, Any]], prompts: dict[str, int]) -> dict[str, dict[str, Any]]:
    return {digest: each | {"prompt": prompts.get(each["prompt"], -1)} for digest, each in under.items()}
