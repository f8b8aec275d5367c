"""The file of a server's settings comes back as it was written; another file is told from it."""

from pathlib import Path

import pytest

from infertune.errors import InvalidInputError
from infertune.recipes import serving_recipe
from infertune.recipes.serving_recipe import ServingEvidence, ServingRecipe

EVIDENCE = ServingEvidence(
    objective="goodput (requests/s)",
    slo="p99_ttft<300ms",
    load="4.2 requests/s",
    value=4.2,
    interval=(4.0, 4.4),
    default_value=3.0,
    default_interval=(2.9, 3.1),
    n_repeats=3,
    n_requests=200,
    clear=True,
)
RECIPE = ServingRecipe(
    model="org/model",
    engine="vllm",
    settings={"engine.max_num_seqs": 64, "engine.enable_prefix_caching": False},
    decoding={"decoding.temperature": 0.7},
    evidence=EVIDENCE,
)


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "serving.yaml"
    serving_recipe.write(path, RECIPE)
    assert serving_recipe.read(path) == RECIPE
    assert f"infertune verify {path}" in path.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "engine: vllm\nmodel: m\nsettings: {max_num_seqs: 1}",
            r"must be named engine\.NAME there, not 'max_num_seqs'",
        ),
        ("engine: vllm\nmodel: m\nsettings: {}\ndecoding: {a: 1}", r"must be named decoding\.NAME"),
        ("engine: sglang\nmodel: m\nsettings: {}", "must be vllm or command, not sglang"),
        ("engine: command\nmodel: m\nsettings: {}", "there must be a command where"),
        ("engine: vllm\nmodel: m\nsettings: {}\ncommand: x", "and only there"),
        *(
            (f"engine: vllm\nmodel: m\nsettings: {{engine.{setting}}}", message)
            for setting, message in {
                'max_num_seqs: "many"': "'engine.max_num_seqs' must be a whole number of at least 0, but is 'many'",
                "max_num_seqs: true": "must be a whole number of at least 0, but is True",
                "max_num_seqs: -1": "must be a whole number of at least 0, but is -1",
                "enable_prefix_caching: 1": "must be true or false, but is 1",
                "gpu_memory_utilization: high": "must be a number of at least 0, but is 'high'",
                "gpu_memory_utilization: .inf": "must be a number of at least 0, but is inf",
                'tensor_parallel_size: "2"': "must be a whole number of at least 0, but is '2'",
                "tensor_parallel_size: 0": "must be from 1 to 100,000, but is 0",
                "tensor_parallel_size: 1000000": "must be from 1 to 100,000",
                'dtype: "a\\nb"': "must be one line of printable characters",
                "": r"must be named engine\.NAME there",
            }.items()
            if setting
        ),
        *(
            (f"engine: vllm\nmodel: m\nsettings: {{}}\ndecoding: {{decoding.{setting}}}", message)
            for setting, message in {
                "temperature: hot": "decoding.temperature must be a number, but found 'hot'",
                "temperature: -1": "decoding.temperature must be at least 0",
                "temprature: 1": "did you mean 'decoding.temperature'",
                "top_p: .nan": "must be a number, but is NaN",
                "max_tokens: 1.5": "decoding.max_tokens must be a whole number",
            }.items()
        ),
        ('engine: vllm\nmodel: "a\\nExecStart=b"\nsettings: {}', "'model' must be one line of printable characters"),
        ("engine: command\nmodel: m\nsettings: {}\ncommand: serve", "must have {port}"),
        ("engine: vllm\nmodel: m\nsetings: {}", "unknown key 'setings'; did you mean 'settings'"),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "serving.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        serving_recipe.read(path)


def test_a_file_of_an_earlier_version_is_read_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "serving.yaml"
    serving_recipe.write(path, RECIPE)
    path.write_text(path.read_text().replace("  slo: ", "  promise: "))
    assert serving_recipe.read(path) == RECIPE
    serving_recipe.check_writable(path)


def test_only_an_earlier_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "serving.yaml"
    serving_recipe.check_writable(path)
    serving_recipe.write(path, RECIPE)
    serving_recipe.check_writable(path)
    path.write_text("something: else")
    with pytest.raises(InvalidInputError, match="out must be a new file or an earlier answer"):
        serving_recipe.check_writable(path)
    with pytest.raises(InvalidInputError, match="the folder of out must exist"):
        serving_recipe.check_writable(tmp_path / "no" / "serving.yaml")
