import pytest

from infertune.errors import InvalidInputError
from infertune.space.default_space import default_space
from infertune.space.notation import changed, read

SPACE = default_space(prompts=("qa_short", "qa_chat"), max_tokens=256)


@pytest.mark.parametrize(
    "setting, kind, domain, default",
    [
        ("temperature=0.2..1.2", "float", "0.2..1.2", 1.0),
        ("temperature=0.2..0.8:0.1", "float", "0.2..0.8:0.1", 0.8),
        ("decoding.temperature = 0..1 ", "float", "0.0..1.0", 1.0),
        ("temperature=0.7", "choice", "0.7", 0.7),
        ("temperature=0,1,.5", "choice", "0.0,1.0,0.5", 1.0),
        ("repetition_penalty=1e-1..10:log", "float", "0.1..10.0:log", 1.0),
        ("top_k=1..100:log", "int", "1..100:log", 1),
        ("top_k=0..50:10", "int", "0..50:10", 0),
        ("n=1,3,5,9", "choice", "1,3,5,9", 1),
        ("n=3,9", "choice", "3,9", 3),
        ("n=1..4", "int", "1..4", 1),
        ("prompt=qa_chat", "choice", "qa_chat", "qa_chat"),
        ("prompt=qa_chat, qa_short", "choice", "qa_chat,qa_short", "qa_short"),
        ("voter=majority", "choice", "majority", "majority"),
        ("max_tokens=16,64", "choice", "16,64", 64),
    ],
)
def test_set(setting, kind, domain, default):
    space = changed(SPACE, [setting])
    parameter = space[setting.partition("=")[0].strip()]
    assert (parameter.kind, parameter.domain, parameter.default) == (kind, domain, default)
    assert type(parameter.default) is type(SPACE[parameter.name].default)
    space.validate(space.default_configuration())


def test_set_keeps_everything_else():
    space = changed(SPACE, ["n=1,3", "temperature=0..1:0.5"])
    assert [p.name for p in space.parameters] == [p.name for p in SPACE.parameters]
    assert space["top_p"] == SPACE["top_p"]
    assert space["voter"].tier == "replay"
    assert space["temperature"].limits == SPACE["temperature"].limits
    assert changed(SPACE, []) == SPACE


def test_notation_round_trip():
    for parameter in SPACE.parameters:
        again = changed(SPACE, [f"{parameter.alias}={parameter.domain}"])[parameter.name]
        assert (again.domain, again.default) == (parameter.domain, parameter.default)


@pytest.mark.parametrize(
    "settings, message",
    [
        (["temprature=1"], "no parameter is called 'temprature'; did you mean 'temperature'"),
        (["decoding.temprature=1"], "did you mean 'decoding.temperature'"),
        (["prompt=qa_cat"], "did you mean 'qa_chat'"),
        (["voter=majorty"], "did you mean 'majority'"),
        (["temperature=-1"], "decoding.temperature must be at least 0.0, but found -1.0"),
        (["temperature=-1..1"], "at least 0"),
        (["top_p=1.5"], "above 0.0 and at most 1.0, but found 1.5"),
        (["top_p=0..1"], "above 0.0"),
        (["n=0"], "strategy.n must be at least 1, but found 0"),
        (["min_p=1"], "below 1.0"),
        (["temperature=hot"], "must be a number, but found 'hot'"),
        (["temperature=1e999"], "must be a number, but found inf"),
        (["n=1.5"], "must be a whole number"),
        (["n=true"], "must be a whole number"),
        (["n=1..2.5"], "must be a whole number"),
        (["temperature=1..x"], "a range must be LOW..HIGH, LOW..HIGH:STEP or LOW..HIGH:log"),
        (["temperature=1..2..3"], "a range must be"),
        (["temperature=2..1"], "low end"),
        (["temperature=0..1:0.3"], "whole number of steps of 0.3, as 0.0..0.9 is"),
        (["temperature=0..1:0"], "step must be above 0"),
        (["top_k=0..100:log"], "log range must lie above 0"),
        (["prompt=0..1"], "must be a list of choices, but found a range"),
        (["n=1,1"], "choices must differ"),
        (["temperature=0..1:1e-9"], "a range must have at most 1,000,000 values: give a larger step, or none"),
        (["temperature=0..1:1e-300"], "at most 1,000,000 values"),
        (["top_k=0..100000000"], "at most 1,000,000 values: give a larger step"),
        (["n=1..1001"], "at most 1,000 values"),
        (["temperature=" + "9" * 30], "must lie between -1,000,000,000,000,000 and 1,000"),
        (["n=" + "9" * 30], "must lie between -1,000,000,000,000,000 and 1,000"),
        (["n=" + "9" * 5000], "must be a whole number"),
        (["n=1_0"], "must be a whole number, but found '1_0'"),
        (["n=\u0663"], "must be a whole number"),
        (["temperature=nan"], "must be a number"),
        (["n=1,,3"], "must be a whole number, but found ''"),
        (["n"], "must be NAME=VALUES, as in temperature=0.2..1.2, but found 'n'"),
        (["n="], "must be NAME=VALUES"),
        (["n=1", "strategy.n=3"], "given twice"),
        (
            ["temperature=0", "n=3,5"],
            "no configuration is left: strategy.n must be 1 where decoding.temperature is 0.0",
        ),
        (["voter=majority", "n=1"], "no configuration is left: strategy.name must be first where strategy.n is 1"),
    ],
)
def test_set_misused(settings, message):
    with pytest.raises(InvalidInputError) as error:
        changed(SPACE, settings)
    assert message in str(error.value)
    assert str(error.value).startswith("settings")


def write(tmp_path, text):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    return path


def test_file_says_the_same_as_set(tmp_path):
    path = write(
        tmp_path,
        """
temperature: 0.2..1.2
top_p: {low: 0.8, high: 1, step: 0.1}
top_k: {low: 1, high: 100, log: true}
min_p: {choices: [0, 0.1]}
repetition_penalty: 1
n: [1, 3]
prompt: qa_chat
voter: first, majority
""",
    )
    settings = [
        "temperature=0.2..1.2",
        "top_p=0.8..1:0.1",
        "top_k=1..100:log",
        "min_p=0,0.1",
        "repetition_penalty=1",
        "n=1,3",
        "prompt=qa_chat",
        "voter=first,majority",
    ]
    assert read(path, SPACE) == changed(SPACE, settings)


def test_file_gives_a_default(tmp_path):
    space = read(write(tmp_path, "temperature: {low: 0, high: 1, step: 0.5, default: 0.5}"), SPACE)
    assert space["temperature"].default == 0.5


def test_file_adds_parameters(tmp_path):
    path = write(
        tmp_path,
        """
engine.max_num_seqs: {tier: engine, low: 1, high: 64, log: true, default: 8}
engine.speculate: {tier: engine, choices: [false, true], when: engine.max_num_seqs <= 8}
engine.memory: {tier: engine, low: 0.5, high: 0.9}
decoding.top_h: {tier: request, low: 0.1, high: 1, when: "prompt in qa_chat, qa_short"}
""",
    )
    space = read(path, SPACE)
    engine = space.tier("engine")
    assert [p.kind for p in engine.parameters] == ["int", "choice", "float"]
    assert dict(engine.default_configuration()) == {
        "engine.max_num_seqs": 8,
        "engine.speculate": False,
        "engine.memory": 0.5,
    }
    assert "engine.speculate" not in engine.active({"engine.max_num_seqs": 9})
    assert space["top_h"].when.value == ("qa_chat", "qa_short")


@pytest.mark.parametrize(
    "text, message",
    [
        ("temprature: 1", "'temprature': no parameter is called 'temprature'; did you mean 'temperature'"),
        ("temperature: {lo: 1}", "'temperature': unknown key 'lo'; did you mean 'low'"),
        ("temperature: {low: 1}", "there must be low and high, or choices"),
        ("temperature: {low: 0, high: 1, choices: [1]}", "without low, high, step and log"),
        ("temperature: {low: a, high: 2}", "'temperature'"),
        ("temperature: {low: 0, high: 1, tier: replay}", "keep its tier"),
        ("temperature: {low: 0, high: 1, default: 2}", "default must be 0.0..1.0, but found 2.0"),
        ("temperature: {low: -1, high: 1}", "at least 0"),
        ("temperature:", "'temperature'"),
        ("n: [1, [2]]", "'n'"),
        ("n: [1, 1.5]", "whole number"),
        ("n: 3\nstrategy.n: 5", "given twice"),
        ("n: 3\nn: 5", "given twice"),
        ("n: 3\ntemperature: 0", "no configuration is left"),
        ("engine.x: {low: 1, high: 2}", "a new one must have a dotted name and a tier"),
        ("speed: {tier: engine, low: 1, high: 2}", "a new one must have a dotted name and a tier"),
        ("engine.x: {tier: motor, low: 1, high: 2}", "'engine.x'"),
        ("engine.x: {tier: replay, low: 0.5, high: 2}", "list of choices"),
        ("engine.x: {tier: engine, low: 1, high: 2, when: temprature > 0}", "did you mean 'temperature'"),
        ("engine.x: {tier: engine, low: 1, high: 2, when: temperature is 0}", "a condition must be like"),
        ("engine.x: {tier: engine, low: 1, high: 2, when: prompt > qa_chat}", "compare numbers"),
        ("- 1", "space.yaml"),
        ("", "space.yaml"),
        ("a: [", "not valid YAML"),
    ],
)
def test_file_misused(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(InvalidInputError) as error:
        read(path, SPACE)
    assert message in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n: []", "strategy.n must have at least one value, but has none"),
        ("temperature: {low: 0, high: 1, step: 1.0e-9}", "at most 1,000,000 values"),
        ("temperature: {low: 0, high: .inf}", "must be a number, but found inf"),
        ("temperature: .nan", "must be a number, but is NaN"),
        (f"n: {'9' * 300}", "must have at most 18 digits"),
        ("[" * 3000, "not valid YAML: it is nested too deep"),
        ("n: 1..1001", "at most 1,000 values"),
    ],
)
def test_nonsense_in_a_file(tmp_path, text, message):
    (tmp_path / "space.yaml").write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read(tmp_path / "space.yaml", SPACE)


def test_a_range_of_the_replay_tier_is_all_of_its_values():
    space = changed(SPACE, ["n=1..2", "temperature=0.5"])
    choices = space.replay_choices(space.default_configuration())
    assert {one["strategy.n"] for one in choices} == {1, 2}
