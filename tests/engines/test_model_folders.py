"""Broken model folders: real ones, loaded for real, each with one line that says what is wrong and the right code."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")

import tiny_model  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from infertune.engines import models  # noqa: E402
from infertune.engines.hf.engine import HFEngine  # noqa: E402
from infertune.errors import DataUnavailableError, EngineError, InfertuneError, InvalidInputError  # noqa: E402
from infertune.types.requests import Decoding, Request  # noqa: E402

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 98765432\n"
ANNEX = "/annex/objects/SHA256E-s98765432--0123456789abcdef.safetensors\n"
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("whole") / "model")


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_model.write(tmp_path_factory.mktemp("sharded") / "model", shards=True)
    assert len(list(folder.glob("*.safetensors"))) > 2
    return folder


@pytest.fixture
def model(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "model")


@pytest.fixture
def shards(sharded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sharded, tmp_path / "shards")


def refusal(folder: Path | str) -> InfertuneError:
    """Return what the engine says of a folder; fails where it takes it, or says it in more than a line."""
    with pytest.raises(InfertuneError) as caught:
        HFEngine(str(folder), dtype="float32")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
    return caught.value


def answers(folder: Path | str, prompt: Any = "Hello") -> Any:
    engine = HFEngine(str(folder), dtype="float32", batch_size=2)
    asked = Request(example_id="e", prompt=prompt, decoding=Decoding(temperature=0.0, max_tokens=4))
    (response,) = engine.generate([asked])
    return response


def tensors(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    held = load_file(folder / WEIGHTS)
    change(held)
    save_file(held, folder / WEIGHTS, metadata={"format": "pt"})


def cut(path: Path, n_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:n_bytes])


def test_whole_folders_answer(model: Path, shards: Path) -> None:
    assert answers(model).generations and answers(shards).generations


# A file is missing, cut off, or a pointer

MISSING: dict[str, tuple[Callable[[Path], object], str]] = {
    "weights-lfs": (lambda m: (m / WEIGHTS).write_text(LFS), r"model\.safetensors is a Git LFS pointer.*git lfs pull"),
    "weights-annex": (lambda m: (m / WEIGHTS).write_text(ANNEX), "is a git-annex pointer.*git annex get"),
    "weights-page": (lambda m: (m / WEIGHTS).write_text("\n<!DOCTYPE html><html>"), "is a web page"),
    "config-lfs": (lambda m: (m / "config.json").write_text(LFS), r"config\.json is a Git LFS pointer"),
    "tokenizer-lfs": (lambda m: (m / "tokenizer.json").write_text(LFS), r"tokenizer\.json is a Git LFS pointer"),
    "weights-empty": (lambda m: (m / WEIGHTS).write_bytes(b""), "is empty"),
    "config-empty": (lambda m: (m / "config.json").write_bytes(b""), r"config\.json is empty"),
    "template-empty": (lambda m: (m / "chat_template.jinja").write_bytes(b""), r"chat_template\.jinja is empty"),
    "weights-cut": (lambda m: cut(m / WEIGHTS, 9000), "is cut off: it must have .* but has 9,000"),
    "header-cut": (lambda m: cut(m / WEIGHTS, 100), "is cut off within its header"),
    "weights-none": (lambda m: (m / WEIGHTS).unlink(), "must hold the model's weights"),
    "gguf-only": (lambda m: (m / WEIGHTS).rename(m / "model-q4.gguf"), r"model-q4\.gguf is GGUF"),
    "unfinished": (lambda m: (m / WEIGHTS).rename(m / "x.incomplete"), "is an unfinished download"),
    "tokenizer-none": (lambda m: (m / "tokenizer.json").unlink(), "must hold the model's tokenizer"),
    "merges-none": (
        lambda m: ((m / "tokenizer.json").unlink(), (m / "vocab.json").write_text('{"a": 0}')),
        r"merges\.txt is missing",
    ),
    "dangling": (
        lambda m: ((m / WEIGHTS).unlink(), (m / WEIGHTS).symlink_to("../../blobs/1f2e")),
        "is a link to .*blobs/1f2e, which is not there",
    ),
    "annexed": (
        lambda m: ((m / WEIGHTS).unlink(), (m / WEIGHTS).symlink_to("../.git/annex/objects/1f2e")),
        "git annex get",
    ),
}


@pytest.mark.parametrize("kind", MISSING)
def test_what_is_not_here_is_unavailable(kind: str, model: Path) -> None:
    spoil, message = MISSING[kind]
    spoil(model)
    error = refusal(model)
    assert isinstance(error, DataUnavailableError) and error.exit_code == 3
    with pytest.raises(type(error), match=message):
        raise error


def test_a_missing_shard_is_named(shards: Path) -> None:
    files = sorted(shards.glob("*.safetensors"))
    files[1].unlink()
    error = refusal(shards)
    assert error.exit_code == 3
    assert f"{files[1].name} is missing, shard 2 of {len(files)}" in str(error)


def test_shards_without_their_index(shards: Path) -> None:
    (shards / "model.safetensors.index.json").unlink()
    error = refusal(shards)
    assert error.exit_code == 3 and "model.safetensors.index.json is missing" in str(error)


@pytest.mark.parametrize("mark", [LFS, ANNEX])
def test_a_shard_that_is_a_pointer(mark: str, shards: Path) -> None:
    path = sorted(shards.glob("*.safetensors"))[-1]
    path.write_text(mark)
    error = refusal(shards)
    assert error.exit_code == 3 and path.name in str(error) and "pointer" in str(error)


# Something else than it should be

WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "config-broken": (lambda m: (m / "config.json").write_text('{"a": 1,}'), "must be JSON, but is not at line 1"),
    "config-list": (lambda m: (m / "config.json").write_text("[]"), "must hold a JSON object, not a list"),
    "config-bytes": (lambda m: (m / "config.json").write_bytes(b'{"a": "\xff"}'), "must be JSON in UTF-8"),
    "config-deep": (lambda m: (m / "config.json").write_text('{"a":' * 100_000), "nested too deep"),
    "config-none": (lambda m: (m / "config.json").unlink(), r"must hold a config\.json"),
    "config-folder": (
        lambda m: ((m / "config.json").unlink(), (m / "config.json").mkdir()),
        r"must hold a config\.json",
    ),
    "tokenizer-broken": (lambda m: cut(m / "tokenizer.json", 200), r"tokenizer\.json must be JSON"),
    "tokenizer-other": (lambda m: (m / "tokenizer.json").write_text('{"model": 1}'), "cannot load the tokenizer"),
    "generation-broken": (lambda m: (m / "generation_config.json").write_text("{"), "must be JSON"),
    "weights-other": (lambda m: (m / WEIGHTS).write_bytes(b"\x80\x02}q\x00." * 9), "is no safetensors file"),
    "weights-longer": (
        lambda m: (m / WEIGHTS).write_bytes((m / WEIGHTS).read_bytes() + b"\0" * 8),
        "must have .* bytes, as its header says",
    ),
    "header-broken": (
        lambda m: (m / WEIGHTS).write_bytes((16).to_bytes(8, "little") + b'{"a": {"b": 1}} '),
        "its header must list the tensors",
    ),
    "no-model-type": (lambda m: tiny_model.edit(m / "config.json", model_type=None), "in 'model_type'"),
    "nonsense-size": (lambda m: tiny_model.edit(m / "config.json", hidden_size="many"), "must be valid for"),
    "layer-missing": (lambda m: tiny_model.edit(m / "config.json", num_hidden_layers=3), r"layers\.2.* is missing"),
    "layer-unused": (lambda m: tiny_model.edit(m / "config.json", num_hidden_layers=1), r"no place for .*layers\.1"),
    "vocabulary-size": (lambda m: tiny_model.edit(m / "config.json", vocab_size=300), r"has the shape \[258, 16\]"),
    "head-missing": (
        lambda m: tensors(m, lambda held: held.pop("lm_head.weight")),
        r"'lm_head\.weight' is missing, and would be random",
    ),
    "norm-missing": (
        lambda m: tensors(m, lambda held: held.pop("model.norm.weight")),
        r"'model\.norm\.weight' is missing",
    ),
    "bias-unused": (
        lambda m: tensors(m, lambda held: held.update({"model.layers.0.self_attn.q_proj.bias": torch.ones(16)})),
        r"no place for 'model\.layers\.0\.self_attn\.q_proj\.bias'",
    ),
    "scale-unused": (
        lambda m: tensors(m, lambda held: held.update({"model.layers.0.mlp.up_proj.weight_scale": torch.ones(1)})),
        "no place for .*weight_scale",
    ),
    "nan": (
        lambda m: tensors(m, lambda held: held["model.layers.1.mlp.up_proj.weight"][3].fill_(float("nan"))),
        r"must be finite.*'model\.layers\.1\.mlp\.up_proj\.weight'",
    ),
    "classifier": (
        lambda m: tiny_model.edit(m / "config.json", architectures=["LlamaForSequenceClassification"]),
        "must have a language-model head, and LlamaForSequenceClassification",
    ),
    "bare-model": (
        lambda m: tiny_model.edit(m / "config.json", architectures=["LlamaModel"]),
        "must have a language-model head, and LlamaModel",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_something_else_is_invalid(kind: str, model: Path) -> None:
    spoil, message = WRONG[kind]
    spoil(model)
    error = refusal(model)
    assert isinstance(error, InvalidInputError) and error.exit_code == 2
    with pytest.raises(type(error), match=message):
        raise error


def test_an_index_that_is_of_other_shards(shards: Path) -> None:
    index = shards / "model.safetensors.index.json"
    names = json.loads(index.read_text())["weight_map"]
    tiny_model.edit(index, weight_map={**names, "model.extra.weight": next(iter(names.values()))})
    error = refusal(shards)
    assert error.exit_code == 2 and "must hold the tensor 'model.extra.weight'" in str(error)


@pytest.mark.parametrize("shard", ["../model/x.safetensors", "/etc/passwd"])
def test_an_index_names_files_of_its_own_folder(shard: str, shards: Path) -> None:
    tiny_model.edit(shards / "model.safetensors.index.json", weight_map={"a": shard})
    error = refusal(shards)
    assert error.exit_code == 2 and "must name files in its own folder" in str(error)


def test_a_tokenizer_of_another_model(model: Path, tmp_path: Path) -> None:
    tiny_model.write(tmp_path / "small", vocab_size=100)
    error = refusal(tmp_path / "small")
    assert error.exit_code == 2 and "158 of its tokens" in str(error) and "of different models" in str(error)


def test_an_added_token_without_a_row_is_refused_only_where_it_is_used(model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(model)
    assert answers(model, "Hello").generations
    response = answers(model, "Hello [PAD]")
    assert response.refused and "'[PAD]', number 258" in response.error


# The wrong place


def test_a_file_in_place_of_the_folder(model: Path) -> None:
    error = refusal(model / WEIGHTS)
    assert error.exit_code == 2 and "is a file" in str(error)


def test_a_name_too_long_for_any_folder() -> None:
    assert refusal("/" + "x" * 300).exit_code == 2


@pytest.mark.parametrize("inner", ["checkpoint-500", "snapshots/0123abcd"])
def test_a_folder_around_the_folder_says_which(inner: str, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "outer" / inner)
    error = refusal(tmp_path / "outer")
    assert error.exit_code == 2 and f"did you mean '{tmp_path / 'outer' / inner}'" in str(error)


@pytest.mark.parametrize(
    ("name", "words"), [("", "it is empty"), ("model_index.json", "pipeline of diffusers"), ("params.json", "authors")]
)
def test_folders_of_other_kinds(name: str, words: str, tmp_path: Path) -> None:
    if name:
        (tmp_path / name).write_text("{}")
    error = refusal(tmp_path)
    assert error.exit_code == 2 and words in str(error)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["", "config.json", WEIGHTS])
def test_what_may_not_be_read(name: str, model: Path) -> None:
    (model / name).chmod(0)
    try:
        error = refusal(model)
    finally:
        (model / name).chmod(0o700)
    assert error.exit_code == 2 and "permission denied" in str(error).casefold()


# Other architectures, quantisation, code


def _save(kind: str, folder: Path, **config: Any) -> Path:
    import transformers

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    classes = {
        "bert": (transformers.BertConfig, transformers.BertModel, sizes),
        "bert-mlm": (transformers.BertConfig, transformers.BertForMaskedLM, sizes),
        "distilbert": (transformers.DistilBertConfig, transformers.DistilBertModel, {"dim": 16, "n_heads": 2}),
        "t5": (
            transformers.T5Config,
            transformers.T5ForConditionalGeneration,
            {"d_model": 16, "d_ff": 32, "num_layers": 2, "num_heads": 2, "d_kv": 8, "decoder_start_token_id": 0},
        ),
        "bart": (
            transformers.BartConfig,
            transformers.BartForConditionalGeneration,
            {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
            | {"decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16},
        ),
        "reward": (
            transformers.LlamaConfig,
            transformers.LlamaForSequenceClassification,
            {**sizes, "num_key_value_heads": 2},
        ),
    }
    config_class, model_class, size = classes[kind]
    folder.mkdir()
    model = model_class(config_class(vocab_size=tiny_model.tokenizer(folder), **{**size, **config}))
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("bert", "BertModel, which .* is an encoder$"),
        ("bert-mlm", "BertForMaskedLM, which .* is an encoder$"),
        ("distilbert", "DistilBertModel, which .* is an encoder$"),
        ("t5", "T5ForConditionalGeneration, which .* is an encoder with a decoder"),
        ("bart", "BartForConditionalGeneration, which .* is an encoder with a decoder"),
        ("reward", "LlamaForSequenceClassification, which .* has none"),
    ],
)
def test_models_that_do_not_generate(kind: str, words: str, tmp_path: Path) -> None:
    error = refusal(_save(kind, tmp_path / "model"))
    assert isinstance(error, InvalidInputError)
    with pytest.raises(InvalidInputError, match=words):
        raise error


@pytest.mark.parametrize("kind", ["qwen2_vl", "llava", "qwen2_audio"])
def test_models_of_images_and_sound(kind: str, model: Path) -> None:
    from transformers import AutoConfig

    AutoConfig.for_model(kind).save_pretrained(model)
    error = refusal(model)
    assert isinstance(error, EngineError) and "models of text alone" in str(error)


def test_an_unknown_architecture(model: Path) -> None:
    tiny_model.edit(model / "config.json", model_type="lama")
    error = refusal(model)
    assert error.exit_code == 4 and "does not know the model_type 'lama'" in str(error)


def test_code_in_the_folder_is_not_run(model: Path, tmp_path: Path) -> None:
    tiny_model.edit(
        model / "config.json", model_type="own", auto_map={"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}
    )
    (model / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    error = refusal(model)
    assert error.exit_code == 4 and "runs no code from a model's folder" in str(error)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("config", "package"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"}, "gptqmodel"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "optimum"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        (
            {"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {}},
            "compressed-tensors",
        ),
        ({"quant_method": "hqq", "quant_config": {}}, "hqq"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_quantised_model_without_its_package(config: dict[str, Any], package: str, model: Path) -> None:
    import importlib.util

    if importlib.util.find_spec(package.replace("-", "_")):
        pytest.skip(f"{package} is installed")
    tiny_model.edit(model / "config.json", quantization_config=config)
    error = refusal(model)
    assert isinstance(error, DataUnavailableError) and package in str(error)


def test_a_tokenizer_without_its_package(model: Path) -> None:
    import importlib.util

    if importlib.util.find_spec("sentencepiece") or importlib.util.find_spec("tiktoken"):
        pytest.skip("sentencepiece or tiktoken is installed")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (model / name).unlink()
    (model / "tokenizer.model").write_bytes(b"\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02")
    error = refusal(model)
    assert isinstance(error, DataUnavailableError) and "pip install" in str(error)


def test_a_quantisation_that_nobody_knows(model: Path) -> None:
    tiny_model.edit(model / "config.json", quantization_config={"quant_method": "awk"})
    error = refusal(model)
    assert error.exit_code == 4 and "quant_method 'awk'" in str(error) and "did you mean 'awq'" in str(error)


# What looks odd and is right


def test_old_weights_in_pickles_load_and_are_told_apart(model: Path) -> None:
    held = load_file(model / WEIGHTS)
    (model / WEIGHTS).unlink()
    torch.save(held, model / "pytorch_model.bin")
    assert answers(model).generations
    before = models.fingerprint(model)
    held["model.norm.weight"] += 1
    torch.save(held, model / "pytorch_model.bin")
    assert models.fingerprint(model) != before
    cut(model / "pytorch_model.bin", 5000)
    error = refusal(model)
    assert error.exit_code == 3 and "pytorch_model.bin is cut off" in str(error)


def test_a_pickle_that_runs_code_is_not_run(model: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "ran"), "w"))

    (model / WEIGHTS).unlink()
    torch.save({"a": Hostile()}, model / "pytorch_model.bin")
    assert refusal(model).exit_code == 4
    assert not (tmp_path / "ran").exists()


def test_tied_heads_value_heads_and_further_tokens_are_no_faults(tmp_path: Path) -> None:
    folder = tiny_model.write(tmp_path / "model", tie_word_embeddings=True, num_nextn_predict_layers=1)
    assert "lm_head.weight" not in load_file(folder / WEIGHTS)
    extra = {"v_head.summary.weight": torch.ones(1, 16), "model.layers.2.eh_proj.weight": torch.ones(16, 32)}
    old = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    tensors(folder, lambda held: held.update({**extra, **old}))
    assert answers(folder).generations


def test_a_decoder_of_bert_is_a_language_model(tmp_path: Path) -> None:
    from transformers import BertConfig, BertLMHeadModel

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(vocab_size=tiny_model.tokenizer(tmp_path), is_decoder=True, **sizes)
    BertLMHeadModel(config).save_pretrained(tmp_path)
    from infertune.engines.hf.architecture import config_of

    assert config_of(tmp_path).is_decoder
