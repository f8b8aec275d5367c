"""Folders of adapters: what peft trained on a base model is what the engine runs, and every fault is one line."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")

import tiny_model  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

from infertune.engines import models  # noqa: E402
from infertune.engines.hf.engine import HFEngine  # noqa: E402
from infertune.errors import DataUnavailableError, InfertuneError, InvalidInputError  # noqa: E402
from infertune.types.requests import Decoding, Request  # noqa: E402

HAS_PEFT = importlib.util.find_spec("peft") is not None
needs_peft = pytest.mark.skipif(not HAS_PEFT, reason="needs the package peft")

CONFIG = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 64, "target_modules": ["q_proj"]}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    """Write an adapter by its file format, so that what does not need peft is tested without."""
    from safetensors.torch import save_file

    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, "base_model_name_or_path": str(base)}))
    torch.manual_seed(1)
    weights = {}
    for layer in range(2):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        weights[f"{name}.lora_A.weight"] = torch.randn(2, 16)
        weights[f"{name}.lora_B.weight"] = torch.randn(16, 2)
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    return folder


def refusal(folder: Path) -> InfertuneError:
    with pytest.raises(InfertuneError) as caught:
        HFEngine(str(folder), dtype="float32")
    assert "\n" not in str(caught.value)
    return caught.value


def tokens(folder: Path) -> Any:
    engine = HFEngine(str(folder), dtype="float32", batch_size=2)
    asked = Request(example_id="e", prompt="Hello", decoding=Decoding(temperature=0.0, max_tokens=8))
    (response,) = engine.generate([asked])
    return response.generations[0].logprobs


@needs_peft
@pytest.mark.filterwarnings("ignore")
def test_an_adapter_runs_on_its_base_as_peft_runs_it(adapter: Path, base: Path) -> None:
    from peft import PeftModel
    from transformers import AutoTokenizer

    found = tokens(adapter)
    assert found != tokens(base)
    together = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter)
    ids = AutoTokenizer.from_pretrained(base)("Hello", return_tensors="pt").input_ids
    output = together.generate(
        input_ids=ids, do_sample=False, max_new_tokens=8, output_logits=True, return_dict_in_generate=True
    )
    best = [float(torch.log_softmax(logits[0], -1).max()) for logits in output.logits]
    assert found == pytest.approx(best, abs=1e-4)


@needs_peft
@pytest.mark.parametrize("named", ["../base", "/absolute"])
def test_the_base_may_be_named_from_the_adapters_folder(named: str, adapter: Path, base: Path) -> None:
    shutil.copytree(base, adapter.parent / "base")
    path = "../base" if named == "../base" else str(adapter.parent / "base")
    tiny_model.edit(adapter / "adapter_config.json", base_model_name_or_path=path)
    assert tokens(adapter)


def test_an_adapters_fingerprint_is_also_its_bases(adapter: Path, base: Path) -> None:
    before = models.fingerprint(adapter)
    other = shutil.copytree(base, adapter.parent / "other")
    shutil.rmtree(adapter.parent / "base", ignore_errors=True)
    tiny_model.edit(adapter / "adapter_config.json", base_model_name_or_path="../other")
    same = models.fingerprint(adapter)
    tiny_model.edit(other / "generation_config.json", temperature=0.5)
    assert len({before, same, models.fingerprint(adapter)}) == 3


@pytest.mark.skipif(HAS_PEFT, reason="peft is installed")
def test_without_peft_the_message_names_it(adapter: Path) -> None:
    error = refusal(adapter)
    assert isinstance(error, DataUnavailableError) and "pip install peft" in str(error)


FAULTS: dict[str, tuple[int, Callable[[Path], object], str]] = {
    "base-elsewhere": (
        3,
        lambda a: tiny_model.edit(a / "adapter_config.json", base_model_name_or_path="/home/ann/llama"),
        "needs its base model '/home/ann/llama'",
    ),
    "base-unnamed": (
        2,
        lambda a: tiny_model.edit(a / "adapter_config.json", base_model_name_or_path=None),
        "must name its base model",
    ),
    "base-is-an-adapter": (
        2,
        lambda a: tiny_model.edit(a / "adapter_config.json", base_model_name_or_path=str(a)),
        "must hold a whole model, but holds an adapter",
    ),
    "no-type": (2, lambda a: tiny_model.edit(a / "adapter_config.json", peft_type=None), "must have 'peft_type'"),
    "classifier": (
        2,
        lambda a: tiny_model.edit(a / "adapter_config.json", task_type="SEQ_CLS"),
        "must be of the task_type CAUSAL_LM, not SEQ_CLS",
    ),
    "no-weights": (3, lambda a: (a / "adapter_model.safetensors").unlink(), "the weights of the adapter"),
    "pointer": (
        3,
        lambda a: (a / "adapter_model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
        "is a Git LFS pointer",
    ),
    "cut": (
        3,
        lambda a: (a / "adapter_model.safetensors").write_bytes((a / "adapter_model.safetensors").read_bytes()[:-9]),
        "is cut off",
    ),
    "broken": (2, lambda a: (a / "adapter_config.json").write_text("{"), "must be JSON"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_of_adapters(kind: str, adapter: Path) -> None:
    code, spoil, message = FAULTS[kind]
    spoil(adapter)
    error = refusal(adapter)
    assert error.exit_code == code and message in str(error)


def test_an_adapter_beside_a_whole_model_is_ambiguous(adapter: Path, base: Path) -> None:
    shutil.copytree(base, adapter, dirs_exist_ok=True)
    error = refusal(adapter)
    assert error.exit_code == 2 and "not both" in str(error)


def test_a_broken_base_is_told_with_the_adapter(adapter: Path, base: Path) -> None:
    shutil.copytree(base, adapter.parent / "base")
    (adapter.parent / "base" / "model.safetensors").write_bytes(b"")
    tiny_model.edit(adapter / "adapter_config.json", base_model_name_or_path="../base")
    assert "needs its base model" in str(refusal(adapter)) and "is empty" in str(refusal(adapter))


@needs_peft
def test_an_adapter_that_cannot_be_merged(adapter: Path) -> None:
    tiny_model.edit(adapter / "adapter_config.json", peft_type="PROMPT_TUNING", num_virtual_tokens=4)
    error = refusal(adapter)
    assert error.exit_code == 4 and "must be of a type that can be merged" in str(error)


@needs_peft
@pytest.mark.parametrize("layers", [1, 3])
def test_an_adapter_of_another_base(layers: int, adapter: Path) -> None:
    tiny_model.write(adapter.parent / "base", num_hidden_layers=layers)
    tiny_model.edit(adapter / "adapter_config.json", base_model_name_or_path="../base")
    error = refusal(adapter)
    assert error.exit_code == 2 and "must fit its base model" in str(error)


def test_other_engines_say_how_to_merge(adapter: Path) -> None:
    with pytest.raises(InvalidInputError, match="merge_and_unload"):
        models.resolve(str(adapter))
