"""Makes a case smaller while it still shows the same difference."""
import base64
import copy
import itertools
import json
import time

ROUNDS = 60
CANDIDATES = 400
SECONDS = 8


def _texts(text):
    """Shorter texts: halves, then without a letter each."""
    half = len(text) // 2
    if half > 1:
        yield text[:half]
        yield text[half:]
    if len(text) <= 60:
        for at in range(len(text)):
            yield text[:at] + text[at + 1:]


def _configs(config):
    for name in config:
        yield {other: value for other, value in config.items() if other != name}
    for name, value in config.items():
        for shorter in _texts(value):
            yield {**config, name: shorter}


def _replaced(items, at, item):
    return items[:at] + [item] + items[at + 1:]


def _entries(value, schema):
    """Of an array's elements, a map's entries: without one, or with a smaller one. Their schema stays."""
    for at in range(len(value["v"])):
        yield schema, {**value, "v": value["v"][:at] + value["v"][at + 1:]}
    for at, entry in enumerate(value["v"]):
        if value["t"] == "array":
            for _, smaller in _pairs(None if schema is None else schema.get("valueSchema"), entry, False):
                yield schema, {**value, "v": _replaced(value["v"], at, smaller)}
        else:
            for side, name in ((0, "keySchema"), (1, "valueSchema")):
                for _, smaller in _pairs(None if schema is None else schema.get(name), entry[side], False):
                    yield schema, {**value, "v": _replaced(value["v"], at, _replaced(entry, side, smaller))}


def _fields(schema, value):
    """Of a struct: without a field, or with a smaller one; the default of the schema goes with it."""
    fields = schema["fields"]
    bare = {name: part for name, part in schema.items() if name != "default"}
    for at in range(len(fields)):
        yield ({**bare, "fields": fields[:at] + fields[at + 1:]},
               None if value is None else {**value, "v": value["v"][:at] + value["v"][at + 1:]})
    for at, field in enumerate(fields):
        inner = None if value is None else value["v"][at][1]
        for one, other in _pairs(field["schema"], inner, True):
            yield ({**bare, "fields": _replaced(fields, at, {**field, "schema": one})},
                   None if value is None else {**value, "v": _replaced(value["v"], at, [field["name"], other])})


def _pairs(schema, value, schema_too):
    """Smaller (schema, value)."""
    if schema_too and schema is not None:
        for name in ("default", "doc", "version", "name", "parameters", "optional"):
            if name in schema:
                yield {other: part for other, part in schema.items() if other != name}, value
    if value is not None and "schema" not in (value or {}):
        if value["t"] in ("array", "map"):
            yield from _entries(value, schema)
        elif value["t"] == "string":
            for shorter in _texts(value["v"]):
                yield schema, {**value, "v": shorter}
        elif value["t"] == "bytes" and value["v"]:
            yield schema, {**value, "v": ""}
        if schema is None or schema.get("optional"):
            yield schema, None
    if schema_too and schema is not None and schema["type"] == "struct" and (value is None or value["t"] == "struct"):
        yield from _fields(schema, value)


def _bytes(encoded):
    data = base64.b64decode(encoded)
    try:
        for shorter in _texts(data.decode()):
            yield base64.b64encode(shorter.encode()).decode()
    except UnicodeDecodeError:
        for at in range(len(data)):
            yield base64.b64encode(data[:at] + data[at + 1:]).decode()
    try:
        for smaller in _json(json.loads(data)):
            yield base64.b64encode(json.dumps(smaller, ensure_ascii=False).encode()).decode()
    except (ValueError, UnicodeError):
        pass


def _json(value):
    if isinstance(value, dict):
        for name in value:
            yield {other: part for other, part in value.items() if other != name}
        for name, part in value.items():
            for smaller in _json(part):
                yield {**value, name: smaller}
    if isinstance(value, list):
        for at, part in enumerate(value):
            yield value[:at] + value[at + 1:]
            for smaller in _json(part):
                yield _replaced(value, at, smaller)


def _inputs(given):
    if given.get("bytes") is not None:
        for encoded in _bytes(given["bytes"]):
            yield {"bytes": encoded}
    for schema_name, name in (("schema", "value"), ("keySchema", "key"), ("valueSchema", "value")):
        if schema_name not in given:
            continue
        yield {**given, schema_name: None, name: None}
        for schema, value in _pairs(given[schema_name], given[name], True):
            yield {**given, schema_name: schema, name: value}
    for at in range(len(given.get("headers", []))):
        yield {**given, "headers": given["headers"][:at] + given["headers"][at + 1:]}
    if len(given.get("topic") or "") > 1:
        for shorter in _texts(given["topic"]):
            yield {**given, "topic": shorter}


def candidates(case):
    for config in _configs(case["config"]):
        yield {**case, "config": config}
    for given in _inputs(case["input"]):
        yield {**case, "input": given}


def shrink(case, still_shows):
    """`still_shows(cases)` says of each whether it shows the difference. Ends when nothing smaller does, or after SECONDS."""
    case = copy.deepcopy(case)
    end = time.monotonic() + SECONDS
    for _ in range(ROUNDS):
        smaller = list(itertools.islice(candidates(case), CANDIDATES))
        if time.monotonic() > end:
            return case
        shows = still_shows(smaller)
        found = [one for one, yes in zip(smaller, shows) if yes]
        if not found:
            return case
        case = min(found, key=lambda one: len(json.dumps(one)))
    return case
