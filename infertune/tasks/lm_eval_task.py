"""Tasks of an installed lm-evaluation-harness, ``lm-eval:NAME``: its prompts, examples, filters and metrics.

``lm-eval:gsm8k,filter=flexible-extract,metric=exact_match`` names a pipeline of filters and a metric; without, the
first of each counts. NAME may also be the YAML file of a task of one's own. Scores are those of the harness on the
same completions.
"""

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from infertune.errors import DataUnavailableError, InvalidInputError, nearest
from infertune.tasks.definition import Definition, ScorerChoice
from infertune.tasks.extraction import Text, extractor
from infertune.tasks.prompts import Template, Turn
from infertune.tasks.task import Task
from infertune.types import Example

PREFIX = "lm-eval:"
_SHARE = 0.6  # of the examples are for `tune`, as of a task file
_SEED = 1234  # of few-shot examples, which is the harness's own
_MAX_TOKENS = 256  # likewise
_INVALID = "[invalid]"  # what its regex filter finds where nothing fits
_FILES = {"train": "training_split", "validation": "validation_split", "test": "test_split"}


def read(name: str, *, data: Path | None = None) -> Task:
    """Return a task of the harness.

    Args:
        name: As the module says.
        data: A folder with ``train``, ``validation`` or ``test`` as .jsonl files, or one file with the examples, in
            place of the data set of the hub.

    Raises:
        InvalidInputError: There is no such task, it does not ask for generated text, or it has no such filter or
            metric.
        DataUnavailableError: The harness is not installed, or the data set cannot be fetched.
    """
    wanted, options = _parsed(name)
    theirs = _harness(wanted, None if data is None else str(data.resolve()))
    filters = [each.name for each in theirs._filters]
    metrics = list(theirs.aggregation())
    scorer = LMEval(
        task=wanted,
        filter=_one_of(options.pop("filter", ""), filters, "filter", wanted),
        metric=_one_of(options.pop("metric", ""), metrics, "metric", wanted),
        data="" if data is None else str(data.resolve()),
    )
    if options:
        raise InvalidInputError(f"{name}: unknown option '{next(iter(options))}'; there are filter and metric")
    settings: Mapping[str, Any] = theirs.config.generation_kwargs or {}
    until = settings.get("until") or []
    stop = tuple(dict.fromkeys(each for each in ([until] if isinstance(until, str) else until) if each))
    max_tokens = int(settings.get("max_gen_toks") or _MAX_TOKENS)
    templates = (
        Template(name="lm-eval", kind="plain", text="{prompt}"),
        Template(name="lm-eval-chat", kind="chat", messages=(Turn(role="user", content="{prompt}"),)),
    )
    definition = Definition(
        name=name,
        version=_version(theirs.VERSION),
        source="lm-evaluation-harness",
        fields={"prompt": "prompt"},
        reference="reference",
        prompts=templates,
        max_tokens=max_tokens,
        stop=stop,
        extraction=(Text(),),
        scorer=ScorerChoice("lm_eval", asdict(scorer)),
    )
    examples = _examples(theirs)
    order = np.random.default_rng(0).permutation(len(examples))
    n_tune = min(max(1, round(_SHARE * len(examples))), len(examples) - 1)
    shuffled = [examples[at] for at in order]
    return Task(
        name=name,
        version=definition.version,
        description=f"{wanted} of lm-evaluation-harness",
        source=definition.source,
        licence="",
        tune=tuple(shuffled[:n_tune]),
        confirm=tuple(shuffled[n_tune:]),
        prompts={each.name: each for each in templates},
        max_tokens_choices=tuple(sorted({max(1, max_tokens // 4), max(1, max_tokens // 2), max_tokens})),
        stop=stop,
        extractors={"default": extractor((Text(),), scorer.normal_form)},
        scorer=scorer,
        definition=definition,
        ideals={},
        places={},
        left_out=(),
        notes=(),
    )


@dataclass(frozen=True, kw_only=True)
class LMEval:
    """Scores as a task of the harness does.

    Attributes:
        task: Its name or file.
        filter: The pipeline that finds the answer in the text.
        metric: Whose values lie in [0, 1], example by example.
        data: As `read` was given it; empty for the task's own.
    """

    task: str
    filter: str
    metric: str
    data: str = ""

    def normal_form(self, answer: str) -> str | None:
        """Return what the filters find; None where they find nothing."""
        from lm_eval.api.instance import Instance

        one = Instance(request_type="generate_until", doc={}, arguments=("", {}), idx=0, resps=[answer])
        pipeline = next(each for each in self._theirs._filters if each.name == self.filter)
        pipeline.apply([one])
        found = one.filtered_resps[self.filter]
        if not isinstance(found, str):
            raise InvalidInputError(
                f"{self.task}: the filter '{self.filter}' must find one text, but finds {type(found).__name__}"
            )
        return None if found == _INVALID else found

    def score(self, answer: str, example: Example) -> float:
        """Return the metric of one example."""
        doc = self._theirs.eval_docs[int(example.id)]
        found = self._theirs.process_results(doc, [answer])[self.metric]
        if not isinstance(found, int | float | np.number) or not 0 <= float(found) <= 1:
            raise InvalidInputError(
                f"{self.task}: the metric '{self.metric}' must be a number in [0, 1] for each example, but is "
                f"{str(found)[:40]}"
            )
        return float(found)

    def ideal(self, reference: str) -> None:
        """Nothing: what the harness's filters want to read is not known."""

    @property
    def _theirs(self) -> Any:
        return _harness(self.task, self.data or None)


def _parsed(name: str) -> tuple[str, dict[str, str]]:
    wanted, *options = name.removeprefix(PREFIX).split(",")
    if not wanted.strip():
        raise InvalidInputError(f"'{name}' must name a task of lm-evaluation-harness, such as {PREFIX}gsm8k")
    pairs = [option.partition("=") for option in options]
    return wanted.strip(), {key.strip(): value.strip() for key, _, value in pairs}


@lru_cache(maxsize=4)
def _harness(task: str, data: str | None) -> Any:
    """Return the harness's own task object, with its data."""
    try:
        import datasets
        from lm_eval.api.task import ConfigurableTask
    except ImportError as error:
        raise DataUnavailableError(
            f"tasks of lm-evaluation-harness need the package '{error.name}': pip install 'infertune[lm-eval]'"
        ) from None
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    try:
        with tempfile.TemporaryDirectory(prefix="infertune-lm-eval-") as folder:
            found = _manager().load(task if data is None else _with_data(task, Path(data), Path(folder)))
    except KeyError:
        near = nearest(task, _manager().all_subtasks)
        raise InvalidInputError(f"lm-evaluation-harness has no task '{task}'{near}") from None
    except InvalidInputError:
        raise
    except Exception as error:  # of the harness, of its templates, of the data set's library
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise DataUnavailableError(f"{PREFIX}{task} cannot be loaded with these data ({said}); give `data`") from error
    tasks = list(found["tasks"].values())
    if len(tasks) != 1 or not isinstance(tasks[0], ConfigurableTask):
        inside = ", ".join(list(found["tasks"])[:8])
        raise InvalidInputError(f"{PREFIX}{task} must be one task, but is a group of {len(tasks)}: {inside}")
    theirs = tasks[0]
    if theirs.OUTPUT_TYPE != "generate_until":
        raise InvalidInputError(
            f"{PREFIX}{task} must ask for generated text (generate_until), but is of the kind {theirs.OUTPUT_TYPE}: "
            "it compares likelihoods, which decoding settings do not change"
        )
    theirs.set_fewshot_seed(_SEED)
    return theirs


@lru_cache(maxsize=1)
def _manager() -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager()


def _with_data(task: str, data: Path, folder: Path) -> str:
    """Write the file of a task like another, with data of one's own, into a folder; return its path."""
    entry = _manager().task_index.get(task)
    base = Path(task).resolve() if entry is None and Path(task).is_file() else getattr(entry, "yaml_path", None)
    if base is None:
        raise KeyError(task)
    files = {split: str(data / f"{split}.jsonl") for split in _FILES if (data / f"{split}.jsonl").is_file()}
    files = files if data.is_dir() else {"test": str(data)}
    if not files:
        raise InvalidInputError(f"`data` must hold train.jsonl, validation.jsonl or test.jsonl, but {data} holds none")
    own: dict[str, Any] = {"include": str(base), "dataset_path": "json", "dataset_name": None}
    own["dataset_kwargs"] = {"data_files": files}
    own |= {key: split if split in files else None for split, key in _FILES.items()}
    own["fewshot_split"] = "train" if "train" in files else next(iter(files))
    path = folder / f"{base.stem}.yaml"
    path.write_text(yaml.safe_dump(own), encoding="utf-8")
    return str(path)


def _examples(theirs: Any) -> list[Example]:
    n_shots = int(theirs.config.num_fewshot or 0)
    found = []
    for number, doc in enumerate(theirs.eval_docs):
        prompt = theirs.fewshot_context(doc, n_shots, gen_prefix=theirs.doc_to_prefix(doc))
        target = theirs.doc_to_target(doc)
        shown = ", ".join(map(str, target)) if isinstance(target, list | tuple) else str(target)
        found.append(Example(id=str(number), fields={"prompt": str(prompt)}, reference=shown))
    if len(found) < 2:
        raise InvalidInputError(
            f"a task must have at least two examples, but {PREFIX}{theirs.config.task} has {len(found)}"
        )
    return found


def _one_of(asked: str, known: list[str], what: str, task: str) -> str:
    if not known:
        raise InvalidInputError(f"{PREFIX}{task} has no {what}")
    if asked and asked not in known:
        raise InvalidInputError(f"{PREFIX}{task} has no {what} '{asked}'{nearest(asked, known)}")
    return asked or known[0]


def _version(version: Any) -> int:
    try:
        return int(float(version))
    except (TypeError, ValueError):
        return 0
