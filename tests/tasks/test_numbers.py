"""Numbers as people write them: the one that is meant, or none, but never another."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.tasks.extraction import Number
from infertune.tasks.numbers import in_text, read, written

# Text, and what it is with a decimal point and with a decimal comma.
MARKS = [
    ("1,5", "1.5", "1.5"),
    ("1.5", "1.5", "1.5"),
    ("1,234", "1234", "1.234"),
    ("1.234", "1.234", "1234"),
    ("1,234,567", "1234567", "1234567"),
    ("1.234.567", "1234567", "1234567"),
    ("1,234.5", "1234.5", "1234.5"),
    ("1.234,5", "1234.5", "1234.5"),
    ("1.234,00", "1234", "1234"),
    ("€1.234,56", "1234.56", "1234.56"),
    ("0,123", "0.123", "0.123"),
    ("1234,567", "1234.567", "1234.567"),
    ("12,34,567", "1234567", "1234567"),
    ("1,00,000", "100000", "100000"),
    ("1,00,000.50", "100000.5", "100000.5"),
    ("1 234 567", "1234567", "1234567"),
    ("1\u00a0234,5", "1234.5", "1234.5"),
    ("1\u202f234.5", "1234.5", "1234.5"),
    ("1'000", "1000", "1000"),
    ("1’000.50", "1000.5", "1000.5"),
    ("1_000", "1000", "1000"),
    ("٣٫٥", "3.5", "3.5"),
    ("1,2,3", None, None),
    ("1.2.3", None, None),
    ("1,234,56", None, None),
    ("1,234.567.8", None, None),
    ("1 5", None, None),
    ("1 00", None, None),
    ("1, 5", None, None),
    ("1'0", None, None),
]
FORMS = [
    ("-3", "-3"), ("−3", "-3"), ("–3", "-3"), ("－3", "-3"), ("- 3", "-3"), ("minus 3", "-3"),
    ("negative 3", "-3"), ("+3", "3"), ("-$5", "-5"), ("$-5", "-5"), ("$ 5", "5"), ("5 $", "5"), ("US$5", "5"),
    ("5 USD", "5"), ("EUR 5", "5"), ("Rs. 500", "500"), ("₹500", "500"), ("5 €", "5"), ("£5.20", "5.2"),
    ("5¢", "5"), ("**18**", "18"), ("*18*", "18"), ("__18__", "18"), ("`18`", "18"), ('"18"', "18"),
    ("“18”", "18"), ("$18$", "18"), (r"\(18\)", "18"), (r"\$18", "18"), (r"\boxed{18}", "18"),
    (r"18\text{ cm}", "18"), ("(3)", "3"), ("[3]", "3"), ("18.", "18"), ("18,", "18"), ("29.00", "29"),
    ("1０", "10"), ("٣", "3"), ("३", "3"), ("18 dollars", "18"), ("18 apples", "18"), ("60 km/h", "60"),
    ("18 m²", "18"), ("18 m^2", "18"), ("5 kg.", "5"), ("5kg", "5"), ("90°", "90"), (r"90^\circ", "90"),
    ("50%", "50"), ("50 percent", "50"), ("3/4", "0.75"), ("-3/4", "-0.75"), ("1 1/2", "1.5"), ("1½", "1.5"),
    ("½", "0.5"), (r"\frac{3}{4}", "0.75"), (r"\frac34", "0.75"), (r"-\dfrac{3}{4}", "-0.75"), ("1e3", "1000"),
    ("1.5E-3", "0.0015"), ("1.5 × 10^3", "1500"), ("1.5 x 10^3", "1500"), ("1.5*10**3", "1500"),
    (r"1.5 \times 10^{-3}", "0.0015"), ("10^6", "1000000"), ("10⁶", "1000000"), ("1{,}000", "1000"),
    (r"1,\!000", "1000"), ("x = 5", "5"), ("Answer: 5", "5"), ("about 5", "5"), ("≈5", "5"), ("~5", "5"),
    ("5k", "5000"), ("$5M", "5000000"), ("$5m", "5000000"), ("5 m", "5"), ("300 K", "300"),
    ("3 million", "3000000"), ("2.5 billion", "2500000000"), ("5 lakh", "500000"), ("2 dozen", "24"),
    ("2,5 Mio", "2500000"), ("5 Tsd.", "5000"), ("5 млн", "5000000"), ("5 mil", None), ("<b>5</b>", "5"),
    ("around 5", "5"), ("nearly 5", "5"), ("is 5", "5"), ("2024-06-05", None), ("18 (eighteen)", "18"),
    ("3 and a half", None), ("3 or 4", None), ("3-4", None),
    ("3 to 4", None), ("12:30", None), ("4:1", None), ("1/2/3", None), ("1/0", None), ("3x", None),
    ("2i", None), ("2π", None), ("3√2", None), ("2^10", None), ("5 + 3", None), ("±3", None), ("<3", None),
    ("3 squared", None), ("--3", None), ("1-2", None), ("two", None), ("$", None), ("", None), (",", None),
    ("1e999999999", None), ("1" * 400, None), ("inf", None), ("nan", None), ("0x10", None),
]  # fmt: skip
IN_TEXT = [
    ("The total is $29.00.", ["29"]),
    ("5-3 = 2", ["5", "3", "2"]),
    ("from 10-12", ["10", "12"]),
    ("it is -5.", ["-5"]),
    ("(−5)", ["-5"]),
    ("H2O, x^2, x_1, m²", []),
    ("at 3:30", []),
    ("on 2024-06-05", []),
    ("2^10, 20^2, 3**4 and 5²", []),
    ("x = 2^10 = 1024", ["1024"]),
    ("42<br>", ["42"]),
    ("1, 2, 3", ["1", "2", "3"]),
    ("v1.2.3", []),
    ("20% of 50 is 10.", ["20", "50", "10"]),
    ("3 million people", ["3000000"]),
    ("是18。", ["18"]),
    (r"\frac{3}{4}", ["0.75"]),
    ("**-7**", ["-7"]),
    ("In 2024, 5", ["2024", "5"]),
    ("In 2024 500 people", ["2024", "500"]),
    ("85 100 90", ["85", "100", "90"]),
    ("1 250 000 people, 5 kg", ["1250000", "5"]),
]


@pytest.mark.parametrize(("text", "point", "comma"), MARKS)
def test_marks_of_thousands_and_decimals(text, point, comma):
    assert [value if value is None else written(value) for value in (read(text), read(text, ","))] == [point, comma]


@pytest.mark.parametrize(("text", "plain"), FORMS)
def test_forms(text, plain):
    value = read(text)
    assert (value if value is None else written(value)) == plain


@pytest.mark.parametrize(("text", "numbers"), IN_TEXT)
def test_numbers_in_text(text, numbers):
    assert [written(value) for value in in_text(text)] == numbers


@given(
    st.integers(-(10**15), 10**15),
    st.integers(0, 6),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", ".")]),
)
def test_a_number_is_read_as_it_was_written(whole, n_decimals, marks):
    """What is written in full in one convention is read as that number in it, and never as another in the other."""
    group, decimal = marks
    value = Decimal(whole).scaleb(-n_decimals)
    text = f"{value:,.{n_decimals}f}".translate({ord(","): group, ord("."): decimal})
    assert read(text, decimal) == value
    other = read(text, "," if decimal == "." else ".")
    assert other in (value, None) or text.count(group) + text.count(decimal) == 1


@settings(deadline=None)
@given(st.text(alphabet="0123456789.,-+'$%/^e ×()") | st.text())
def test_any_text_is_a_number_or_none(text):
    for mark in (".", ","):
        value = read(text, mark)
        assert value is None or (value.is_finite() and read(written(value)) == value)
        assert all(one.is_finite() for one in in_text(text, mark))


@pytest.mark.parametrize(
    "text", ["1" * 100_000 + "/", "1 000 " * 10_000, "1," * 30_000, "(1" * 20_000, r"\text{" * 20_000]
)
def test_long_texts_end_soon(text):
    assert read(text) is None
    assert len(list(in_text(text))) <= 20_000


@pytest.mark.parametrize(
    ("step", "text", "found"),
    [
        (Number(), "3 then 4.50", "4.5"),
        (Number(which="first"), "3 then 4.50", "3"),
        (Number(after="####"), "1 #### 2 3 #### 4 5", "4"),
        (Number(after="####", which="first"), "1 #### 2 3 #### 4 5", "2"),
        (Number(after="answer is"), "the answer is 3 + 4 = 7, of 9", "7"),
        (Number(after="Answer"), "**Answer**\n\n**7**\n\n9", "7"),
        (Number(after="Answer"), "Answer: none\n9", None),
        (Number(decimal_mark=","), "1.234", "1234"),
        (Number(), "no number", None),
    ],
)
def test_the_step(step, text, found):
    assert step.find(text) == found


def test_a_broken_pattern_is_told():
    (problem,) = Number(after="(").problems()
    assert "'after' is not a regular expression" in problem
