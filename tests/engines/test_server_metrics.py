"""The server's own counts: read, summed over engines, and taken as differences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.engines.vllm.metrics import ServerMetrics, as_json, parse

TEXT = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="a } b"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 4.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.5
vllm:prefix_cache_queries_total{engine="0",model_name="m"} 1000.0
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 640.0
vllm:prompt_tokens_total{engine="0",model_name="m"} 1.0e+03
vllm:generation_tokens_total{engine="0",model_name="m"} 250.0
vllm:generation_tokens_total{engine="1",model_name="m"} 50.0
vllm:num_preemptions_total{engine="0",model_name="m"} 2.0
vllm:spec_decode_num_drafts_total{engine="0",model_name="m"} 10.0
vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="m"} 40.0
vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="m"} 25.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",position="0"} 9.0
vllm:e2e_request_latency_seconds_bucket{le="0.3"} 7.0
vllm:generation_tokens_total what
process_cpu_seconds_total 3.1
"""


def test_a_reading() -> None:
    found = parse(TEXT)
    assert (found.n_running, found.n_waiting, found.kv_usage) == (5, 4, 0.5)
    assert (found.prompt_tokens, found.generation_tokens, found.n_preemptions) == (1000, 300, 2)
    assert found.prefix_hit_share == 0.64
    assert found.acceptance_rate == 0.625
    assert found.accepted_length == 3.5
    assert as_json(found)["prefix_hit_share"] == 0.64
    assert "n_running" not in as_json(found)


def test_what_is_not_counted_has_no_share() -> None:
    nothing = parse("")
    assert nothing == ServerMetrics()
    assert (nothing.prefix_hit_share, nothing.acceptance_rate, nothing.accepted_length) == (None, None, None)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_differences_add_up(first: int, more: int, other: int) -> None:
    early = ServerMetrics(generation_tokens=first, n_running=1)
    late = ServerMetrics(generation_tokens=first + more, n_running=2)
    assert late.since(early) == ServerMetrics(generation_tokens=more, n_running=2)
    assert late.since(early).plus(ServerMetrics(generation_tokens=other)).generation_tokens == more + other


@pytest.mark.parametrize("text", ["vllm:", "vllm:x{", "vllm:prompt_tokens_total{a} ", "\x00", "vllm:a 1\n" * 3])
def test_text_of_another_form_is_skipped(text: str) -> None:
    assert parse(text) == ServerMetrics()
