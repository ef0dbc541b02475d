"""The differences that stay: each is a row of docs/differences.md, by the name it has here."""
import base64
import copy
import json
import re
import struct

from outcome import canonical

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:E-?\d+)?")
HIGH, LOW = r"\\ud[89ab][0-9a-f]{2}", r"\\ud[c-f][0-9a-f]{2}"
HALF = re.compile(f"{HIGH}(?!{LOW})|(?<!{HIGH}){LOW}")
IDENTITY = re.compile(r"\[B@[0-9a-f]+")
BITS = re.compile(r'"([0-9a-f]{16})"')


def _texts(outcome):
    """The outcome as one text, with what it converted to bytes readable in it."""
    outcome = copy.deepcopy(outcome)
    if outcome.get("bytes"):
        data = base64.b64decode(outcome["bytes"]).replace(b"\0", b"")  # so that UTF-16 and UTF-32 can be read
        outcome["bytes"] = data.decode("utf-8", "backslashreplace")
    return json.dumps(canonical(outcome), sort_keys=True)


def _bits_as_number(match):
    number = struct.unpack(">d", bytes.fromhex(match[1]))[0]
    return repr(number).upper().replace("E+", "E") if number == number else match[0]


def _same_floats(left, right):
    """Two texts of one float32 or float64."""
    if left == right:
        return True
    one, other = float(left), float(right)
    try:
        return one == other or struct.pack(">f", one) == struct.pack(">f", other)
    except OverflowError:
        return False


def _float_digits(case, java, ours):
    """JDK 17 prints some floats with more digits than they need; from JDK 19 on it prints what we print. A text that is cast on
    to float64 shows it in its bits. Beside it there may be the identity of bytes."""
    if "error" in java or "error" in ours:
        return False
    left, right = (IDENTITY.sub("@", BITS.sub(_bits_as_number, _texts(outcome))) for outcome in (java, ours))
    if NUMBER.sub("", left) != NUMBER.sub("", right):
        return False
    pairs = zip(NUMBER.findall(left), NUMBER.findall(right))
    return all(_same_floats(one, other) and len(one) >= len(other) for one, other in pairs)


def _identity(case, java, ours):
    """Bytes as text are an object's identity in Java, another in each run."""
    return IDENTITY.sub("@", _texts(java)) == IDENTITY.sub("@", _texts(ours))


def _message(outcome):
    return outcome.get("error", {}).get("message", "")


def _look_behind(case, java, ours):
    """Of variable length: refused by PCRE2, and so at configuration."""
    return any(words in _message(outcome) for words in ("lookbehind assertion is not fixed length", "Look-behind group") for outcome in (java, ours))


def _words_of_mistake(text):
    for head in ("Invalid regex: ", "Invalid type found in casting spec: "):
        if head in text:
            return head
    return text


def _words(case, java, ours):
    """The same option is refused, in other words."""
    both = []
    for outcome in (java, ours):
        mistakes = outcome.get("error", {}).get("mistakes") or {}
        both.append({name: [_words_of_mistake(text) for text in texts] for name, texts in mistakes.items()})
    return bool(both[0]) and both[0] == both[1]


def _twice_in_chain(case, java, ours):
    """Where a connector is created both refuse a list that names something twice; the chain alone is not asked that here."""
    return case["class"] == "chain" and "values must not be duplicated" in _message(java)


def _half_pair(case, java, ours):
    """Half a surrogate pair, which JSON can write as an escape, is no character of UTF-8: U+FFFD stands for it. Java keeps it in
    values and refuses some in names."""
    data = base64.b64decode(case["input"].get("bytes") or "").replace(b"\0", b"")  # so that UTF-16 and UTF-32 can be read
    return HALF.search(data.decode("utf-8", "replace").lower()) is not None


def _week_year(case, java, ours):
    """Text to text by a pattern with a week year. With an offset: Java prints in the one that it has just read. With an era: years
    before Christ are counted otherwise."""
    pattern = case["config"].get("format", "")
    return case["class"].split("$")[0].endswith("TimestampConverter") and "Y" in pattern and any(letter in pattern for letter in "XZzG")


def _zone_names(case, java, ours):
    """The zone that a text names; Millrace knows the common ones, without their summer times."""
    pattern = case["config"].get("format", "")
    return case["class"].split("$")[0].endswith("TimestampConverter") and ("z" in pattern or "Z" in pattern)


def _two_renames(case, java, ours):
    """Of two fields renamed to one name Java takes the one that its hash map has last."""
    text = case["config"].get("renames", "") + ",".join(value for name, value in case["config"].items() if name.endswith(".renames"))
    news = [item.strip().split(":")[-1] for item in text.split(",") if item]
    return len(news) != len(set(news))


EXPLAINED = {
    "digits of floats": _float_digits,
    "half a surrogate pair": _half_pair,
    "identity of bytes": _identity,
    "look-behind of variable length": _look_behind,
    "a list with duplicates in a chain": _twice_in_chain,
    "names of time zones": _zone_names,
    "two renames onto one name": _two_renames,
    "week years with offsets or eras": _week_year,
    "words about a mistake": _words,
}


def name_of(case, java, ours):
    """The kind of a known difference, None of one that nobody explained."""
    if "died" in java or "died" in ours:
        return None
    for name, is_it in EXPLAINED.items():
        if is_it(case, java, ours):
            return name
    return None
