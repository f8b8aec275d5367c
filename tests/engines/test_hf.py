"""The engine hf with the embedded model: the contract, and what transformers itself says about the same prompts."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_model

torch = pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")

from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from infertune.engines import bundled  # noqa: E402
from infertune.engines.hf.engine import HFEngine  # noqa: E402
from infertune.engines.hf.language_model import LanguageModel, default_dtype  # noqa: E402
from infertune.engines.hf.slots import SlotCache  # noqa: E402
from infertune.errors import EngineError, InvalidInputError  # noqa: E402
from infertune.testing.engine_contract import STORY, EngineContract  # noqa: E402
from infertune.types.requests import Decoding, Message, Request, Response  # noqa: E402

pytestmark = pytest.mark.model

PROMPTS = [STORY, "1, 2, 3, 4,", "The capital of France is", "def add(a, b):\n    return", "Dear Ann,\n"]


class TestHFEngine(EngineContract):
    most_in_flight = 16
    max_tokens = 12


def request(prompt: Any, n: int = 1, *, example: str = "e", seed: int = 0, **decoding: Any) -> Request:
    settings = Decoding(**{"max_tokens": 12, **decoding})
    return Request(example_id=example, prompt=prompt, decoding=settings, seed=seed, samples=tuple(range(n)))


def texts(responses: Iterator[Response]) -> dict[str, list[tuple[int, ...]]]:
    return {each.request.example_id: [g.token_ids for g in each.generations] for each in responses}


@pytest.fixture(scope="module")
def exact() -> Iterator[HFEngine]:
    """Return the engine in float32, where two ways to the same logits hardly ever differ in their largest."""
    engine = HFEngine("bundled:smollm2-135m", dtype="float32", batch_size=16)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def reference(folder: Path) -> tuple[Any, Any]:
    """Return transformers' own model in float32, and the tokenizer."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), AutoTokenizer.from_pretrained(folder)


def test_greedy_is_what_transformers_generates(exact: HFEngine, reference: tuple[Any, Any]) -> None:
    model, tokenizer = reference
    asked = [request(prompt, example=prompt, temperature=0.0) for prompt in PROMPTS]
    found = texts(exact.generate(asked))
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        output = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12, pad_token_id=0
        )
        assert found[prompt][0] == tuple(output[0, ids.shape[1] :].tolist())


def test_chat_is_rendered_with_the_models_own_template(exact: HFEngine, reference: tuple[Any, Any]) -> None:
    model, tokenizer = reference
    turns = (Message("system", "You are brief."), Message("user", "Name a colour."))
    (response,) = exact.generate([request(turns, temperature=0.0)])
    ids = tokenizer.apply_chat_template(
        [{"role": turn.role, "content": turn.content} for turn in turns],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=False,
    )
    assert response.prompt_tokens == ids.shape[1]
    output = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12, pad_token_id=0
    )
    assert response.generations[0].token_ids == tuple(output[0, ids.shape[1] :].tolist())


def test_logprobs_are_those_of_one_plain_pass(exact: HFEngine, reference: tuple[Any, Any]) -> None:
    """Raw: before temperature, penalty and truncation, whatever these are."""
    model, tokenizer = reference
    (response,) = exact.generate([request(STORY, temperature=0.7, top_p=0.9, repetition_penalty=1.2)])
    (generation,) = response.generations
    prompt = tokenizer(STORY).input_ids
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *generation.token_ids]])).logits[0, len(prompt) - 1 : -1]
    expected = torch.log_softmax(logits.float(), -1)[range(len(generation.token_ids)), list(generation.token_ids)]
    np.testing.assert_allclose(generation.logprobs, expected, atol=2e-3)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 1.0},
        {"temperature": 0.6, "top_k": 8},
        {"temperature": 1.3, "top_p": 0.7},
        {"temperature": 0.9, "min_p": 0.05, "repetition_penalty": 1.3},
    ],
    ids=str,
)
def test_first_tokens_are_distributed_as_transformers_own_warpers_say(
    exact: HFEngine, reference: tuple[Any, Any], settings: dict[str, float]
) -> None:
    """Compare the counts of 1,000 drawn first tokens with the expected ones, by their chi-square."""
    model, tokenizer = reference
    n = 1_000
    prompt = "My favourite animal is the"
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    warpers = LogitsProcessorList(
        [
            RepetitionPenaltyLogitsProcessor(settings.get("repetition_penalty", 1.0)),
            TemperatureLogitsWarper(settings["temperature"]),
            TopKLogitsWarper(settings.get("top_k", model.config.vocab_size)),
            TopPLogitsWarper(settings.get("top_p", 1.0)),
            MinPLogitsWarper(settings.get("min_p", 0.0)),
        ]
    )
    with torch.inference_mode():
        expected = torch.softmax(warpers(ids, model(ids).logits[:, -1].float()), -1)[0].numpy() * n
    (response,) = exact.generate([request(prompt, n, max_tokens=1, **settings)])
    counts = np.bincount([g.token_ids[0] for g in response.generations], minlength=len(expected))
    assert counts[expected == 0].sum() == 0
    common = expected >= 5
    observed = np.append(counts[common], counts[~common].sum())
    wanted = np.append(expected[common], expected[~common].sum())
    observed, wanted = observed[wanted >= 1], wanted[wanted >= 1]
    chi_square = ((observed - wanted) ** 2 / wanted).sum()
    degrees = max(len(wanted) - 1, 1)
    assert chi_square < degrees + 5 * np.sqrt(2 * degrees)  # about one in a million by chance


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_batch_size_changes_nothing(dtype: str) -> None:
    if dtype == "bfloat16" and torch.cuda.is_available():
        pytest.skip("a GPU computes another batch by another kernel, which in 16 bits is not promised to be the same")
    if dtype == "bfloat16" and default_dtype(torch.device("cpu")) is not torch.bfloat16:
        pytest.skip("this CPU has no instructions for bfloat16, and without them it takes minutes")
    asked = [
        request(prompt, 2, example=prompt, temperature=1.0, top_p=0.95, max_tokens=2 + 2 * number)
        for number, prompt in enumerate(PROMPTS[:3])
    ]
    found = []
    for batch_size in (1, 5, 20):
        engine = HFEngine("bundled:smollm2-135m", dtype=dtype, batch_size=batch_size)
        found.append(texts(engine.generate(asked)))
        engine.close()
    assert found[0] == found[1] == found[2]


ROWS: list[dict[str, Any]] = [
    {"temperature": 0.0},
    {"temperature": 0.01},
    {"temperature": 1.0, "top_k": 1},
    {"temperature": 0.0, "repetition_penalty": 1.8},
    {"temperature": 5.0},
]


def in_one_batch(engine: HFEngine) -> list[list[tuple[int, ...]]]:
    """Return what rows with these settings say in one batch, which must be what each says alone."""
    prompt = "one two one two one two one two"  # goes on like this, unless repetition is penalised
    asked = [request(prompt, example=str(i), max_tokens=5, **each) for i, each in enumerate(ROWS)]
    together = texts(engine.generate(asked))
    alone = [texts(engine.generate([each]))[each.example_id] for each in asked]
    assert [together[each.example_id] for each in asked] == alone
    return alone


def test_a_rows_setting_is_its_own(engine: HFEngine) -> None:
    """In one batch a penalised row is penalised and a hot one hot, in the precision of this machine."""
    greedy, _, _, penalised, hot = in_one_batch(engine)
    assert penalised != greedy
    assert hot != greedy


def test_a_cold_row_and_one_with_a_single_candidate_are_greedy(exact: HFEngine) -> None:
    """In 16 bits the two largest logits can be equal: then greedy decoding takes the first, and the others draw."""
    greedy, cold, single, _, _ = in_one_batch(exact)
    assert greedy == cold == single


class _OutOfMemory:
    """Lets a model's forward passes fail while they are larger than what fits."""

    def __init__(self, forward: Callable[..., Any], most_rows: int, error: Exception) -> None:
        self.forward, self.most_rows, self.error = forward, most_rows, error
        self.n_failures = 0

    def __call__(self, cache: Any, tokens: Any, *arguments: Any, **options: Any) -> Any:
        if cache.n_slots > self.most_rows:
            self.n_failures += 1
            raise self.error
        return self.forward(cache, tokens, *arguments, **options)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), RuntimeError("can't allocate memory")]
)
def test_when_memory_runs_out_the_batch_halves_and_stays_so(
    error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a tiny model: what is computed for a batch is the matter of other tests."""
    tiny = str(tiny_model.write(tmp_path / "tiny"))
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path))
    asked = [request(prompt, 24, example=prompt, max_tokens=3) for prompt in PROMPTS[:3]]
    engine = HFEngine(tiny, batch_size=64)
    expected = texts(engine.generate(asked))
    assert engine._model is not None
    limited = _OutOfMemory(engine._model.forward, 20, error)
    monkeypatch.setattr(engine._model, "forward", limited)
    assert texts(engine.generate(asked)) == expected
    assert engine.batch_size == 16
    assert limited.n_failures == 2
    engine.close()
    assert HFEngine(tiny).batch_size == 16
    assert HFEngine(tiny, batch_size=32).batch_size == 32


def test_a_request_that_fits_in_no_memory_is_a_failed_response(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path
) -> None:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path))
    engine = HFEngine(str(folder), batch_size=2)
    assert engine._model is not None
    monkeypatch.setattr(engine._model, "forward", _OutOfMemory(engine._model.forward, 0, MemoryError("no memory")))
    responses = list(engine.generate([request("a", example="a"), request("b", example="b")]))
    assert sorted(each.request.example_id for each in responses) == ["a", "b"]
    assert all("does not fit in memory" in each.error and not each.generations for each in responses)


def test_other_errors_are_not_taken_for_memory(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    engine = HFEngine(str(folder), batch_size=2)
    monkeypatch.setattr(engine._model, "forward", _OutOfMemory(lambda: None, 0, RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        list(engine.generate([request("a")]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "device must be one of cuda, mps, cpu"),
        ({"dtype": "int8"}, "dtype must be one of float32, bfloat16, float16"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"threads": 0}, "threads must be at least 1"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        HFEngine("bundled:smollm2-135m", **options)


def test_a_closed_engine_says_so(folder: Path) -> None:
    engine = HFEngine(str(folder))
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        list(engine.generate([request("a")]))


def test_facts_change_with_what_shapes_the_text(engine: HFEngine, exact: HFEngine) -> None:
    assert engine.facts["model"] == exact.facts["model"]
    fastest = torch.float32 if torch.cuda.is_available() else default_dtype(torch.device("cpu"))
    assert (engine.facts["dtype"], exact.facts["dtype"]) == (str(fastest).removeprefix("torch."), "float32")
    assert engine.facts["device"] == ("cuda" if torch.cuda.is_available() else "cpu")


def _tiny(kind: str, folder: Path, tokenizer: Path) -> Path:
    """Write a randomly initialised model of an architecture, with the embedded model's tokenizer."""
    from transformers import AutoConfig

    sizes: dict[str, dict[str, Any]] = {
        "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128},
        "llama": {},
        "qwen2": {},
        "qwen3": {"head_dim": 8},
        "mistral": {"sliding_window": 64},
        "gemma2": {"head_dim": 8, "sliding_window": 64},
        "phi3": {"pad_token_id": 0},
    }
    common = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
    }
    size = sizes[kind] if kind == "gpt2" else {**common, **sizes[kind]}
    config = AutoConfig.for_model(kind, vocab_size=49152, bos_token_id=1, eos_token_id=2, **size)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tokenizer / name).read_bytes())
    return folder


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2", "qwen3", "mistral", "gemma2", "phi3"])
def test_other_architectures_generate_what_transformers_does(kind: str, tmp_path: Path, folder: Path) -> None:
    tiny = _tiny(kind, tmp_path, folder)
    engine = HFEngine(str(tiny), dtype="float32", batch_size=4)
    asked = [request(prompt, example=prompt, temperature=0.0, max_tokens=6) for prompt in PROMPTS]
    found = texts(engine.generate(asked))
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        output = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=6, pad_token_id=0
        )
        assert found[prompt][0] == tuple(output[0, ids.shape[1] :].tolist())
    engine.close()


def test_a_model_that_cannot_run_over_slots_is_refused(tmp_path: Path, folder: Path) -> None:
    from transformers import AutoConfig

    config = AutoConfig.for_model("mamba", vocab_size=49152, hidden_size=32, num_hidden_layers=1, state_size=4)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(EngineError, match="the hf engine cannot run the model"):
        HFEngine(str(tmp_path), dtype="float32")


@pytest.mark.parametrize("fault", ["mask", "position", "key"])
def test_a_model_that_goes_wrong_over_slots_is_refused(
    fault: str, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """Each fault is one that a model's own code could have; in float32 the check at the start sees them all."""
    place, update = SlotCache.place, SlotCache.update

    def seeing_all(self: SlotCache, *arguments: Any) -> Any:
        return torch.ones_like(place(self, *arguments))

    def losing_one(self: SlotCache, keys: Any, values: Any, layer: int, *rest: Any, **options: Any) -> Any:
        found, other = update(self, keys, values, layer, *rest, **options)
        return found.index_fill(2, torch.tensor([4], device=found.device), 0.0), other

    if fault == "mask":
        monkeypatch.setattr(SlotCache, "place", seeing_all)
    elif fault == "key":
        monkeypatch.setattr(SlotCache, "update", losing_one)
    else:
        forward = LanguageModel.forward
        monkeypatch.setattr(
            LanguageModel,
            "forward",
            lambda self, cache, tokens, positions, **options: forward(
                self, cache, tokens, positions + (tokens.shape[1] == 1), **options
            ),
        )
    with pytest.raises(EngineError, match="must be those of one pass, but they differ by"):
        HFEngine(str(folder), dtype="float32")


def test_a_chat_prompt_without_a_chat_template_is_explained(tmp_path: Path, folder: Path) -> None:
    tiny = _tiny("llama", tmp_path, folder)
    settings = json.loads((tiny / "tokenizer_config.json").read_text())
    settings.pop("chat_template", None)
    (tiny / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(InvalidInputError, match="use a plain prompt template instead"):
        list(HFEngine(str(tiny), dtype="float32").generate([request((Message("user", "Hi"),))]))


def test_the_fingerprint_follows_the_files(tmp_path: Path, folder: Path) -> None:
    tiny = _tiny("llama", tmp_path, folder)
    before = HFEngine(str(tiny), dtype="float32").facts["model"]
    assert HFEngine(str(tiny), dtype="float32").facts["model"] == before
    (tiny / "tokenizer_config.json").write_text((tiny / "tokenizer_config.json").read_text() + "\n")
    assert HFEngine(str(tiny), dtype="float32").facts["model"] != before


def test_the_default_model_name_is_the_bundled_one() -> None:
    assert bundled.list_models()[0].name == "bundled:smollm2-135m"
