"""Text without the differences of typography: what is typed and what is typeset become the same characters."""

import unicodedata

# Compatibility characters that only look different (Unicode Standard Annex #44, 5.7.3). Superscripts, circled digits
# and fractions are not among them: 5² is not 52.
_LOOKS = frozenset(
    "<wide> <narrow> <small> <font> <noBreak> <compat> <initial> <medial> <final> <isolated> <vertical>".split()
)
_SAME = (
    ("'", "‘’‚‛′`´"),
    ('"', "“”„‟″«»"),
    ("-", "‐‑‒–—―−⁃﹘"),
)
_INVISIBLE = "\u00ad\u200b\u200e\u200f\u2060\ufeff" + "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_TABLE = {ord(one): same for same, others in _SAME for one in others} | dict.fromkeys(map(ord, _INVISIBLE), "")


def plain(text: str) -> str:
    """Return the text in Unicode's form NFC, with the digits 0 to 9, straight quotes, hyphens and plain spaces.

    Digits of any script and full-width letters become ASCII, ligatures their letters, dashes and minus signs ``-``;
    invisible characters go. Letters, accents and superscripts stay what they are.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", "".join(map(_plain, text))).translate(_TABLE)


def _plain(character: str) -> str:
    if character.isascii() or ord(character) in _TABLE:
        return character
    kind = unicodedata.category(character)
    if kind == "Nd":
        return str(unicodedata.decimal(character))
    if kind == "Zs":
        return " "
    looks = unicodedata.decomposition(character).partition(" ")[0] in _LOOKS
    other = unicodedata.normalize("NFKC", character) if looks else character
    return character if other[:1] == " " else other  # the accent ¨ is no space with an accent
