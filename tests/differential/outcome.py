"""What counts as the same outcome: the rules of tests/corpus/README.md, as one canonical form of either side's answer."""
import json

INFORMATION = ("exception", "text", "stage")


def _is_nan(bits):
    number = int(bits, 16)
    if len(bits) == 16:
        return number & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000
    return number & 0x7FFFFFFF > 0x7F800000


def _float(value):
    return {"t": value["t"], "bits": "nan" if _is_nan(value["bits"]) else value["bits"]}


def _inner(place, name):
    return None if place is None else place.get(name)


def _struct(value, place):
    own = value.get("schema") or place or {}
    fields = {field["name"]: field["schema"] for field in own.get("fields", [])}
    out = {"t": "struct", "v": [[name, _value(field, fields.get(name))] for name, field in value["v"]]}
    # a default that stands for a null may have the schema of its place or, without default, its own: it is the same struct
    if value.get("schema") is not None and _schema(value["schema"]) != _without_default(_schema(place)):
        out["schema"] = _schema(value["schema"])
    return out


def _without_default(schema):
    return None if schema is None else {name: part for name, part in schema.items() if name != "default"}


def _value(value, place):
    if value is None:
        return None
    kind = value["t"]
    if kind in ("float32", "float64"):
        return _float(value)
    if kind == "array":
        return {"t": kind, "v": [_value(element, _inner(place, "valueSchema")) for element in value["v"]]}
    if kind == "map":
        entries = [[_value(key, _inner(place, "keySchema")), _value(entry, _inner(place, "valueSchema"))] for key, entry in value["v"]]
        return {"t": kind, "v": sorted(entries, key=lambda pair: json.dumps(pair, sort_keys=True))}
    if kind == "struct":
        return _struct(value, place)
    return value


def _schema(schema):
    if schema is None:
        return None
    out = {"type": schema["type"]}
    for name in ("name", "version", "doc", "parameters"):
        if schema.get(name) is not None:
            out[name] = schema[name]
    if schema.get("optional"):
        out["optional"] = True
    if schema["type"] == "struct":
        out["fields"] = [[field["name"], _schema(field["schema"])] for field in schema.get("fields", [])]
    for name in ("keySchema", "valueSchema"):
        if schema.get(name) is not None:
            out[name] = _schema(schema[name])
    if schema.get("default") is not None:
        out["default"] = _value(schema["default"], schema)
    return out


def _record(record):
    out = {name: record.get(name) for name in ("kind", "topic", "partition", "offset", "timestamp")}
    for side in ("key", "value"):
        out[side + "Schema"] = _schema(record.get(side + "Schema"))
        out[side] = _value(record.get(side), record.get(side + "Schema"))
    out["headers"] = [{"key": header["key"], "schema": _schema(header.get("schema")), "value": _value(header.get("value"), header.get("schema"))}
                      for header in record.get("headers", [])]
    return out


def canonical(outcome):
    """Equal outcomes have equal canonical forms. Of errors: the kind, and the mistakes in a configuration."""
    if "error" in outcome:
        error = outcome["error"]
        return {"error": error["kind"], "mistakes": error.get("mistakes") or {}}
    if "record" in outcome:
        return {"record": _record(outcome["record"])}
    if "schema" in outcome:
        return {"schema": _schema(outcome["schema"]), "value": _value(outcome["value"], outcome["schema"])}
    return {name: value for name, value in outcome.items() if name not in INFORMATION}


def first_difference(left, right, path=""):
    """Where two canonical forms differ first, without indexes: equal for the same difference in another case."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted(set(left) | set(right)):
            if left.get(name, "absent") != right.get(name, "absent"):
                return first_difference(left.get(name, "absent"), right.get(name, "absent"), f"{path}/{name}")
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return path + "/#"
        for one, other in zip(left, right):
            if one != other:
                return first_difference(one, other, path + "/*")
    if isinstance(left, (dict, list)) or isinstance(right, (dict, list)) or (left is None) != (right is None):
        return f"{path}:{_shape(left)}:{_shape(right)}"
    return path


def _shape(value):
    if value == "absent":
        return value
    return {dict: "object", list: "list", type(None): "null"}.get(type(value), "text")
