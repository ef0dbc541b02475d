"""Holds answers of a worker against its /openapi.json. Needs the package jsonschema (4.10 or newer, for JSON Schema 2020-12)."""

import functools
import json
import re

import jsonschema

ERROR = {"$ref": "#/components/responses/Error"}


def media_type(text):
    return (text or "").split(";")[0].strip().lower()


class Document:
    def __init__(self, document):
        self.document = document
        self.paths = [(self._pattern(path, operations), operations) for path, operations in document["paths"].items()]
        for schema in document["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)

    @staticmethod
    def _pattern(path, operations):
        integers = {parameter["name"] for operation in operations.values() for parameter in operation.get("parameters", ())
                    if "$ref" not in parameter and parameter["schema"]["type"] == "integer"}

        def part(match):
            return r"[+-]?\d{1,10}" if match.group(1) in integers else "[^/]+"
        return re.compile(re.sub(r"\{(\w+)\}", part, path.replace(".", r"\.")) + "$")

    def operation(self, method, path):
        """None: there is none, so the answer can only be an error."""
        path = re.sub(";[^/]*", "", path.split("?")[0])
        path = path[:-1] if path.endswith("/") and path != "/" else path
        for pattern, operations in self.paths:
            if pattern.match(path):
                return operations.get("get" if method == "HEAD" else method.lower())
        return None

    def _resolve(self, part):
        while "$ref" in part:
            found = self.document
            for name in part["$ref"].split("/")[1:]:
                found = found[name]
            part = found
        return part

    @functools.lru_cache(maxsize=None)
    def _validator(self, schema):
        return jsonschema.Draft202012Validator({**json.loads(schema), "components": self.document["components"]})

    def problem(self, method, path, status, content_type, body):
        """What is wrong with an answer, in words; None: nothing. `body`: bytes, or the JSON of an answer that was recorded as JSON."""
        if method == "OPTIONS" and status == 200:
            return None if media_type(content_type) == "text/plain" else "a list of methods is text/plain"
        operation = self.operation(method, path)
        answers = operation["responses"] if operation else {"default": ERROR}
        if status < 400 and str(status) not in answers:
            return "%d is not described" % status
        answer = self._resolve(answers.get(str(status), answers["default"]))
        if method == "HEAD" or "content" not in answer:
            return "there is a body" if body not in (b"", None) else None
        kind = media_type(content_type) or "application/json"  # the JVM worker's router names none
        if kind not in answer["content"]:
            return "%s is not described" % kind
        if kind != "application/json":
            return None
        value = json.loads(body) if isinstance(body, bytes) else body
        error = next(self._validator(json.dumps(answer["content"][kind]["schema"])).iter_errors(value), None)
        return None if error is None else "%s: %s" % (error.json_path, error.message[:300])


def _other(value):
    """Something of another kind, that no shape has in its place."""
    return 7 if isinstance(value, str) else {"altered": [7]} if isinstance(value, list) else [[]]


def alterations(value):
    """Copies of an answer with one thing made wrong: one for each place. What connectors choose themselves is left alone."""
    if isinstance(value, dict):
        yield {**value, "altered": [[7]]}
        for name, member in value.items():
            yield {**value, name: _other(member)}
            if name not in ("partition", "offset"):
                for altered in alterations(member):
                    yield {**value, name: altered}
    elif isinstance(value, list):
        yield value + [[7]]
        for at, item in enumerate(value):
            for altered in alterations(item):
                yield value[:at] + [altered] + value[at + 1:]
    else:
        yield _other(value)
