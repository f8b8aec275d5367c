"""``infertune load`` against a server whose delays are planned."""

import json
from pathlib import Path

import pytest
from command import Infertune

from infertune.load.metric_names import NAMES
from infertune.testing.streaming_server import StreamingServer, StreamPlan


def steady(number: int, body: object) -> StreamPlan:
    return StreamPlan(ttft=0.02, itl=0.005)


def test_a_table_and_the_same_as_data(infertune: Infertune) -> None:
    with StreamingServer(steady) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--workload", "synthetic:input=9,output=5")
        more = ("--requests", "12", "--slo", "p90_ttft<5s, mean_e2e<1ms", "--concurrency", "2,4")
        shown = infertune("load", *options, *more)
        plain = infertune("load", *options, *more, "--json")
        assert len(server.served) == 2 * (2 + 12 + 12)  # two to warm up
        prompts = [served.body["prompt"] for served in server.served[2:26]]
        assert len(set(prompts)) == 24  # the second load asks what the first has not
    assert shown.code == 0, shown.err
    for word in ("2 at once", "4 at once", "ttft ms", "goodput/s", "p90_ttft<5s", "broken"):
        assert word in shown.out
    found = plain.json
    assert [each["load"]["concurrency"] for each in found["loads"]] == [2, 4]
    for each in found["loads"]:
        assert (each["n"], each["n_failed"], each["verdict"]) == (12, 0, "broken")
        assert each["latencies"]["p50_ttft"] >= 0.02
        assert set(each["latencies"]) == set(NAMES)
        assert each["n_gaps"] == 12 * 4
        assert [(one["slo"], one["kept"]) for one in each["slos"]] == [
            ("p90_ttft<5s", True),
            ("mean_e2e<1ms", False),
        ]
        assert each["within"]["share"] == 0
        assert each["generator"]["cpu_ms_per_request"] > 0


def test_a_trace_has_its_own_rate(infertune: Infertune, tmp_path: Path) -> None:
    rows = [{"arrival": 0.05 * number, "prompt": f"p{number}", "output": 2} for number in range(10)]
    (tmp_path / "trace.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with StreamingServer(steady) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--workload", "trace:trace.jsonl", "--json")
        found = infertune("load", *options, "--requests", "10", "--warm-up", "0")
        assert [served.body["prompt"] for served in server.served] == [f"p{number}" for number in range(10)]
        again = infertune("load", *options, "--requests", "15", "--rate", "inf", "--warm-up", "0")
    assert found.json["loads"][0]["load"]["rate"] == pytest.approx(20)
    assert "10 different requests, which come again" in again.err
    assert again.json["loads"][0]["load"]["rate"] is None  # JSON knows no infinity


@pytest.mark.parametrize(("row", "path"), [("prompt", "/v1/completions"), ("messages", "/v1/chat/completions")])
def test_the_server_is_warmed_up_with_what_is_not_measured(
    infertune: Infertune, tmp_path: Path, row: str, path: str
) -> None:
    asked = "hello" if row == "prompt" else [{"role": "user", "content": "hello"}]
    (tmp_path / "trace.jsonl").write_text(json.dumps({row: asked, "output": 2}) + "\n")
    with StreamingServer() as server:
        options = ("--base-url", server.base_url, "--model", "m", "--workload", "trace:trace.jsonl", "--json")
        infertune("load", *options, "--requests", "1", "--warm-up", "3", "--concurrency", "1")
        assert [served.path for served in server.served] == [path] * 4
        assert [served.body[row] == asked for served in server.served] == [False, False, False, True]


def test_early_stop(infertune: Infertune) -> None:
    with StreamingServer(lambda number, body: StreamPlan(ttft=0.2)) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--workload", "synthetic:input=9,output=1", "--json")
        more = ("--slo", "p99_ttft<10ms", "--rate", "10", "--requests", "200", "--early-stop")
        found = infertune("load", *options, *more)
    (one,) = found.json["loads"]
    assert one["cut"]
    assert one["n"] < 200
    assert one["verdict"] == "broken"


def test_what_a_server_refuses(infertune: Infertune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-load-0123")
    with StreamingServer(lambda number, body: StreamPlan(status=401)) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--rate", "50", "--requests", "3")
        found = infertune("load", *options, "--api-key-env", "MY_KEY")
        assert server.served[-1].headers["authorization"] == "Bearer sk-load-0123"
    assert found.code == 4
    assert "all requests failed; the first: HTTP 401" in found.err
    assert "sk-load-0123" not in found.err


def test_some_failures_are_counted_and_said(infertune: Infertune) -> None:
    with StreamingServer(lambda number, body: StreamPlan(status=500 if number % 3 == 0 else 200)) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--concurrency", "2", "--requests", "9")
        found = infertune("load", *options, "--warm-up", "0")
    assert found.code == 0
    assert "9, 3" in found.out
    assert "3 requests failed, such as: HTTP 500" in found.out


def test_extra_fields_are_sent(infertune: Infertune) -> None:
    with StreamingServer(steady) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--concurrency", "1", "--requests", "2")
        infertune("load", *options, "--extra-body", '{"temperature": 0.7, "min_p": 0.1}')
        assert {(served.body["temperature"], served.body["min_p"]) for served in server.served} == {(0.7, 0.1)}


@pytest.mark.parametrize("field", ["ignore_eos", "stream_options"])
def test_a_server_that_refuses_a_field_is_measured_without_it(infertune: Infertune, field: str) -> None:
    def plan(number: int, body: dict[str, object]) -> StreamPlan:
        return StreamPlan(status=400, says=f"unknown argument {field}") if field in body else StreamPlan(usage=False)

    with StreamingServer(plan) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--concurrency", "1", "--requests", "3", "--json")
        found = infertune("load", *options)
        cold = infertune("load", *options, "--warm-up", "0")
        told = infertune("load", *options, "--warm-up", "0", "--extra-body", f'{{"{field}": null}}')
    assert (found.code, cold.code, told.code) == (0, 4, 0), found.err + told.err
    assert f"Note: the server refuses '{field}': it is left out" in found.err
    assert [field in note for note in found.json["notes"]] == [True]
    assert found.json["loads"][0]["n_failed"] == told.json["loads"][0]["n_failed"] == 0
    assert found.json["loads"][0]["generator"]["n_uncounted"] == 3
    assert f"""--extra-body '{{"{field}": null}}' leaves it out""" in cold.err


def test_a_field_under_another_name(infertune: Infertune) -> None:
    with StreamingServer(lambda number, body: StreamPlan(n_tokens=2)) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--concurrency", "1", "--requests", "2")
        infertune("load", *options, "--rename", "max_tokens=max_completion_tokens")
        assert all("max_tokens" not in served.body for served in server.served)
        assert all(served.body["max_completion_tokens"] > 0 for served in server.served)


def test_what_is_skipped_of_a_trace_is_said(infertune: Infertune, tmp_path: Path) -> None:
    text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,3,4\n2023-11-16 18:15:46.8,3,0\n"
    (tmp_path / "azure.csv").write_text(text)
    with StreamingServer(steady) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--workload", "trace:azure.csv", "--json")
        found = infertune("load", *options, "--concurrency", "1", "--requests", "2")
    assert "Note: 1 of 2 rows of azure.csv are skipped: no GeneratedTokens (1)." in found.err
    assert found.json["notes"] == ["1 of 2 rows of azure.csv are skipped: no GeneratedTokens (1)"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rate", "1e-300"), "the rate must be above 0, at least 0.0001 requests/s"),
        (("--rate", "1", "--requests", "1" + "0" * 300), "1000000"),
        (("--rate", "1", "--extra-body", '{"prompt": "x"}'), "must not hold 'prompt'"),
        ((), "there must be --rate or --concurrency"),
        (("--rate", "1", "--concurrency", "1"), "not be given together"),
        (("--rate", "1,x"), "--rate must be numbers above 0"),
        (("--concurrency", "1.5"), "--concurrency must be whole numbers"),
        (("--rate", "1", "--slo", "p99_tftf<1s"), "did you mean 'p99_ttft'"),
        (("--rate", "1", "--early-stop"), "--early-stop needs --slo"),
        (("--concurrency", "2", "--burstiness", "2"), "--burstiness needs --rate"),
        (("--rate", "inf", "--burstiness", "2"), "--burstiness needs --rate"),
        (("--rate", "1", "--extra-body", "[]"), "--extra-body must be a JSON object"),
        (("--rate", "1", "--workload", "tsk:capitals"), "did you mean 'task'"),
        (("--rate", "1", "--burstiness", "-1"), "burstiness must be from 0 to 1000"),
        (("--rate", "1", "--config", "none.yaml"), "none.yaml"),
    ],
)
def test_wrong_options(infertune: Infertune, arguments: tuple[str, ...], message: str) -> None:
    found = infertune("load", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", *arguments)
    assert found.code == 2
    assert message in found.err
    assert "Traceback" not in found.err


def test_a_run_that_is_void_says_so(infertune: Infertune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infertune.load.outcome._MOST_LATE_SHARE", 0.0)
    monkeypatch.setattr("infertune.load.generator.generate.__kwdefaults__", _strict())
    with StreamingServer(steady) as server:
        options = ("--base-url", server.base_url, "--model", "m", "--concurrency", "2", "--requests", "4")
        found = infertune("load", *options, "--json")
    assert found.code == 6
    assert "must not be believed" in found.err
    assert "bottleneck" in found.json["loads"][0]["generator"]["void"]


def _strict() -> dict[str, object]:
    from infertune.load.generator import generate

    assert generate.__kwdefaults__ is not None
    return generate.__kwdefaults__ | {"most_lateness": 0.0}
