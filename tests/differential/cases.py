"""Random cases in the form of tests/corpus: a built-in, a configuration for it, a record. One seed, one sequence."""
import base64
import random as randomness

from records import CONNECT, DAY, LOGICAL, NAMES, SIMPLE, Records, field_names
from texts import Texts

CONNECT_PACKAGE = "org.apache.kafka.connect."
TRANSFORMS = CONNECT_PACKAGE + "transforms."
TARGETS = ["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"]
CHARSETS = ["UTF-8", "utf8", "UTF-16", "UTF-16LE", "UTF-16BE", "ISO-8859-1", "US-ASCII", "latin1", "UTF-32", "windows-1252", "UTF_16LE", "UTF16BE", "unicode", "utf_8", "UTF-7", "UTF-32LE", "l1"]


class Cases:
    """One case: Cases(seed).case(name). Everything that is drawn comes from the seed."""

    def __init__(self, seed):
        self.random = randomness.Random(seed)
        self.texts = Texts(self.random)
        self.records = Records(self.random, lambda: self.texts.number() if self.chance(0.7) else self.texts.header_part(1))
        self.is_key = False

    def chance(self, share):
        return self.random.random() < share

    def pick(self, *choices):
        return self.random.choice(choices)

    def case(self, name):
        if name == "Chain":
            return self.chain()
        if name in TRANSFORM_CONFIGS:
            return self.transform(name)
        if name in PREDICATE_CONFIGS:
            return self.predicate(name)
        return self.converter(name)

    # Configurations ---------------------------------------------------------------------------------------------

    def names_of(self, record):
        side = "key" if self.is_key else "value"
        return field_names(record[side + "Schema"], record[side])

    def field(self, record):
        names = self.names_of(record)
        return self.random.choice(names) if names and self.chance(0.85) else self.random.choice(NAMES + ["nosuch"])

    def fields(self, record, most=3):
        return ",".join(self.field(record) for _ in range(self.random.randrange(1, most + 1))) + self.rarely(",", "")

    def rarely(self, wrong, *right):
        return wrong if self.chance(0.03) else self.pick(*right)

    def padded(self, text):
        return self.pick(" ", "", "\t") + text + self.pick(" ", "\n") if self.chance(0.03) else text

    def spoiled(self, config):
        """Now and then: an option gone, one too many, blanks around a value, a value of nothing. Never U+0000: the worker refuses it before."""
        if config and self.chance(0.03):
            del config[self.random.choice(sorted(config))]
        if config and self.chance(0.02):
            config[self.random.choice(sorted(config))] = self.pick("", " ", "true", "null", ",", "-1", "é")
        if self.chance(0.02):
            config["no.such.option"] = "x"
        return {name: self.padded(value).replace("\0", "") for name, value in config.items()}

    def with_defaults(self, config):
        """replace.null.with.default, which many have."""
        if self.chance(0.4):
            config["replace.null.with.default"] = self.rarely("yes", "true", "false", "false", "FALSE")
        return config

    def cast(self, record):
        if self.chance(0.15):
            spec = self.pick(*TARGETS)
        else:
            spec = ",".join(self.castable(record) + self.pick(":", ":", ":", " : ") + self.target()
                            for _ in range(self.random.randrange(1, 4)))
        return self.with_defaults({"spec": spec})

    def castable(self, record):
        """Mostly a field that has no parts."""
        schema = record["keySchema" if self.is_key else "valueSchema"]
        names = [one["name"] for one in (schema or {}).get("fields", []) if one["schema"]["type"] not in ("array", "map", "struct")]
        return self.random.choice(names) if names and self.chance(0.9) else self.field(record)

    def target(self):
        if self.chance(0.04):
            return self.pick("bytes", "struct", "array", "map", "decimal", "", "a:b")
        return self.pick(*TARGETS) if self.chance(0.9) else self.pick("INT32", "String", "Float64")

    def extract_field(self, record):
        config = {"field": self.field(record)}
        if self.chance(0.5):
            config["field.syntax.version"] = self.rarely("V3", "V1", "V2", "V2", "V2", "v2")
            config["field"] = self.path(record) if self.chance(0.8) else config["field"]
        return self.with_defaults(config)

    def path(self, record):
        side = "key" if self.is_key else "value"
        schema, value, steps = record[side + "Schema"], record[side], []
        for _ in range(self.random.randrange(1, 4)):
            names = field_names(schema, value)
            name = self.random.choice(names) if names and self.chance(0.9) else self.pick(*NAMES)
            steps.append("`" + name.replace("`.", "\\`.") + "`" if "." in name or self.chance(0.1) else name)
            schema = next((one["schema"] for one in (schema or {}).get("fields", []) if one["name"] == name), None)
            value = None if value is None or value["t"] not in ("map", "struct") else next(
                (one[1] for one in value["v"] if (one[0] if value["t"] == "struct" else (one[0] or {}).get("v")) == name), None)
        text = ".".join(steps)
        return self.texts.mutated(text, ".`\\a") if self.chance(0.1) else text

    def flatten(self, record):
        return {"delimiter": self.pick(".", "_", "", ":", "é", "..", " ")} if self.chance(0.5) else {}

    def header_from(self, record):
        count = self.random.randrange(1, 4)
        headers = count if self.chance(0.95) else count + 1
        return self.with_defaults({"fields": ",".join(self.field(record) for _ in range(count)),
                                   "headers": ",".join(self.pick("h", "x", "é", "h2") for _ in range(headers)),
                                   "operation": self.rarely("MOVE", "move", "copy")})

    def hoist_field(self, record):
        return {"field": self.pick("f", "a", "é", "x.y", "", "`q`")}

    def insert_field(self, record):
        config = {}
        for name in ("topic", "partition", "timestamp", "offset", "static"):
            if self.chance(0.4 if name != "offset" else 0.15):
                config[name + ".field"] = self.pick("new", "n2", "é", self.field(record), "t_" + name) + self.pick("", "", "!", "?", "!?")
        if "static.field" in config or self.chance(0.05):
            config["static.value"] = self.pick("v", "é", "1", "")
        return self.with_defaults(config)

    def mask_field(self, record):
        config = {"fields": self.fields(record)}
        if self.chance(0.5):
            config["replacement"] = self.texts.number() if self.chance(0.6) else self.rarely("", "x", "***", "300", "é", " 5", "1e5", "abc")
        return self.with_defaults(config)

    def replace_field(self, record):
        config = {}
        if self.chance(0.5):
            config["exclude"] = self.fields(record)
        if self.chance(0.4):
            config["include"] = self.fields(record, 4)
        if self.chance(0.5):
            config["renames"] = ",".join(self.field(record) + ":" + self.pick("new", "r", "é", self.field(record), "")
                                         for _ in range(self.random.randrange(1, 3)))
            if self.chance(0.05):
                config["renames"] += self.pick(":x", "x", ",", " , a:b")
        return self.with_defaults(config)

    def set_schema_metadata(self, record):
        config = {}
        if self.chance(0.7):
            config["schema.name"] = self.pick("N", "com.example.X", "é", "", CONNECT + "Decimal")
        if self.chance(0.6):
            config["schema.version"] = self.rarely("x", "1", "0", "-5", "2147483647", "+3", " 7 ") if self.chance(0.97) else self.pick("", "2147483648")
        return self.with_defaults(config)

    def timestamp_converter(self, record):
        pattern = self.texts.pattern()
        config = {"target.type": self.pick("string", "unix", "Date", "Time", "Timestamp")}
        if self.chance(0.02):
            config["target.type"] = self.pick("date", "STRING", "")
        if self.chance(0.7):
            config["field"] = self.field(record)
        if config["target.type"] == "string" or self.chance(0.7):
            config["format"] = pattern
        if self.chance(0.4):
            config["unix.precision"] = self.rarely("Seconds", "seconds", "milliseconds", "microseconds", "nanoseconds")
        return self.with_defaults(config)

    def timestamp_router(self, record):
        config = {}
        if self.chance(0.7):
            config["topic.format"] = "".join(self.pick("${topic}", "${timestamp}", "-", "x", "$", "{topic}", "é", "\\") for _ in range(4))
        if self.chance(0.7):
            config["timestamp.format"] = self.texts.pattern()
        return config

    def regex_router(self, record):
        return {"regex": self.regex(record), "replacement": self.texts.replacement()}

    def regex(self, record):
        return self.texts.regex_for(record["topic"] or "") if self.chance(0.65) else self.texts.regex()

    # Transforms, predicates, chains -------------------------------------------------------------------------------

    def timestamped_side(self):
        """For TimestampConverter: something it may convert, alone or in a field."""
        kind = self.pick("string", "string", "unix", "Date", "Time", "Timestamp", "any")
        if kind == "any":
            return self.records.side()
        if kind == "string":
            schema, value = {"type": "string"}, {"t": "string", "v": self.texts.dated(self.texts.pattern())}
        elif kind == "unix":
            schema, value = {"type": "int64"}, self.records.number("int64")
        else:
            schema = {"type": LOGICAL[kind], "name": CONNECT + kind, "version": 1}
            value = {"t": "instant", "ms": str(self.records.instant(kind))}
        self.records.decorate(schema, "logical")
        if self.chance(0.1) and schema.get("optional"):
            value = None
        with_schema = self.chance(0.6)
        if self.chance(0.35):
            return (schema if with_schema else None), value
        if not with_schema:
            return None, {"t": "map", "v": [[{"t": "string", "v": "ts"}, value]]}
        schema = {"type": "struct", "fields": [{"name": "ts", "schema": schema}]}
        return schema, {"t": "struct", "v": [["ts", value]]}

    def input_record(self, name):
        """And whether the transform works on the key."""
        self.is_key = name in BOTH_SIDES and self.chance(0.3)
        side = self.timestamped_side() if name == "TimestampConverter" and self.chance(0.8) else None
        record = self.records.record(self.is_key, side)
        if name in ("RegexRouter", "TopicNameMatches"):
            record["topic"] = self.texts.topic()
        return record

    def class_of(self, name):
        return TRANSFORMS + name + (("$Key" if self.is_key else "$Value") if name in BOTH_SIDES else "")

    def transform(self, name):
        record = self.input_record(name)
        config = self.spoiled(TRANSFORM_CONFIGS[name](self, record))
        if name == "TimestampConverter" and self.chance(0.8):
            self.date_fit(record, config)
        return {"suite": "transforms", "class": self.class_of(name), "config": config, "input": record}

    def date_fit(self, record, config):
        """Makes the texts to be converted fit the format, mostly; and the field the one that there is."""
        side = "key" if self.is_key else "value"
        value = record[side]
        if "field" in config and value is not None and value["t"] in ("map", "struct") and value["v"] and "ts" in self.names_of(record):
            config["field"] = "ts"
        elif value is not None and value["t"] not in ("map", "struct"):
            config.pop("field", None)
        if value is None or not config.get("format"):
            return
        fitting = self.texts.dated(config["format"])
        if value["t"] == "string":
            value["v"] = fitting
        for entry in value["v"] if value["t"] in ("map", "struct") else []:
            if entry[1] is not None and entry[1]["t"] == "string":
                entry[1]["v"] = fitting

    def predicate(self, name):
        record = self.input_record(name)
        return {"suite": "predicates", "class": TRANSFORMS + "predicates." + name,
                "config": self.spoiled(PREDICATE_CONFIGS[name](self, record)), "input": record}

    def chain(self):
        self.is_key = self.chance(0.2)
        record = self.records.record(self.is_key)
        aliases = ["a", "b", "c"][:self.random.randrange(0, 4)]
        config = {"transforms": ",".join(aliases)}
        predicates = ["p", "q"][:self.random.randrange(0, 3)]
        if predicates:
            config["predicates"] = ",".join(predicates)
        for alias in predicates:
            name = self.random.choice(sorted(PREDICATE_CONFIGS))
            self.add(config, f"predicates.{alias}.", TRANSFORMS + "predicates." + name, PREDICATE_CONFIGS[name](self, record))
        for alias in aliases:
            name = self.random.choice(sorted(set(TRANSFORM_CONFIGS) - {"RegexRouter"}))
            self.add(config, f"transforms.{alias}.", self.class_of(name), TRANSFORM_CONFIGS[name](self, record))
            if self.chance(0.5) and predicates:
                config[f"transforms.{alias}.predicate"] = self.pick(*predicates) if self.chance(0.97) else self.pick("nosuch", "")
                if self.chance(0.4):
                    config[f"transforms.{alias}.negate"] = self.pick("true", "false", "TRUE", "1") if self.chance(0.9) else ""
        return {"suite": "predicates", "class": "chain", "config": config, "input": record}

    @staticmethod
    def add(config, prefix, class_name, own):
        config[prefix + "type"] = class_name
        config.update({prefix + name: value.replace("\0", "") for name, value in own.items()})

    # Converters -------------------------------------------------------------------------------------------------------

    def converter(self, name):
        is_header = name.endswith("Header")
        bare = name[:-len("Header")] if is_header else name
        case = {"suite": "header-converters" if is_header else "converters", "class": CONVERTERS[bare],
                "config": self.spoiled(self.converter_config(bare)), "op": self.pick("fromConnect", "toConnect")}
        if not is_header:
            case["isKey"] = self.chance(0.2)
        if case["op"] == "fromConnect":
            schema, value = self.converted(bare)
            case["input"] = {"schema": schema, "value": value}
        else:
            data = None if self.chance(0.03) else self.data(bare, case["config"])
            case["input"] = {"bytes": None if data is None else base64.b64encode(data).decode()}
        return case

    def converter_config(self, name):
        config = {}
        if name == "StringConverter" and self.chance(0.6):
            config["converter.encoding"] = self.pick(*CHARSETS) if self.chance(0.9) else self.pick("nosuch", "", "UTF 8", "UTF-8//IGNORE")
        if name == "JsonConverter":
            if self.chance(0.6):
                config["schemas.enable"] = self.pick("true", "false", "false", "False")
            if self.chance(0.4):
                config["decimal.format"] = self.rarely("numerics", "NUMERIC", "BASE64", "numeric")
            if self.chance(0.1):
                config["schemas.cache.size"] = self.rarely("x", "0", "1", "10", "-1")
            if self.chance(0.15):
                config["schema.content"] = self.texts.json(self.json_schema()) if self.chance(0.95) else self.pick("", "null", "{", "[]", "1")
            self.with_defaults(config)
        return config

    def converted(self, name):
        """What goes to bytes: of the converter's own kind or of any."""
        own = OWN_KIND.get(name)
        if own is not None and self.chance(0.7):
            return self.pick({"type": own}, {"type": own, "optional": True}, None), self.records.plain(own)
        if self.chance(0.3):
            return None, self.records.schemaless()
        schema = self.records.schema()
        if self.chance(0.06):
            return schema, self.records.schemaless(1)
        return schema, self.records.value(schema)

    def data(self, name, config):
        random = self.random
        if name == "JsonConverter":
            return self.json_data(config)
        if name == "SimpleHeaderConverter":
            return self.texts.header().encode()
        if name in OWN_KIND and name != "StringConverter":
            size = {"int16": 2, "int32": 4, "int64": 8, "float32": 4, "float64": 8, "boolean": 1}.get(OWN_KIND[name], 3)
            size = size if self.chance(0.85) else random.randrange(0, 10)
            return bytes(random.choice([0, 1, 255, 128, random.getrandbits(8)]) for _ in range(size))
        text = self.records.text()
        try:
            return text.encode(config.get("converter.encoding", "UTF-8").strip()) if self.chance(0.7) else random.randbytes(random.randrange(0, 12))
        except (LookupError, UnicodeError):
            return text.encode()

    def json_data(self, config):
        with_schema = config.get("schemas.enable", "true").strip().lower() == "true" and "schema.content" not in config
        if not with_schema and "schema.content" not in config or self.chance(0.05):
            text = self.texts.number() if self.chance(0.1) else self.texts.json(self.texts.json_value())
        else:
            schema = self.json_schema()
            payload = self.json_payload(schema)
            text = self.texts.json({"schema": schema, "payload": payload} if with_schema else payload)
        data = text.encode("utf-8", "surrogatepass")
        if self.chance(0.03):
            data = self.pick(b"\xef\xbb\xbf" + data, data + b" x", b" " + data, data + b"\xff", data[:-1], b"", text.encode("utf-16-le", "surrogatepass"))
        return data

    def json_schema(self, depth=3):
        """The form of JsonConverter's envelope."""
        random = self.random
        kind = random.choice(["int8", "int16", "int32", "int64", "float", "double", "boolean", "string", "bytes"] * 2 + ["logical"] * 4 +
                             (["array", "map", "struct", "struct", "struct"] if depth > 0 else ["int32"]))
        schema = {"type": kind}
        if kind == "logical":
            schema = dict(self.records.logical_schema())
            schema["parameters"] = dict(schema.get("parameters", []))
            if not schema["parameters"]:
                del schema["parameters"]
        elif kind == "array":
            schema["items"] = self.json_schema(depth - 1)
        elif kind == "map":
            schema["keys"] = {"type": "string"} if self.chance(0.6) else self.json_schema(0)
            schema["values"] = self.json_schema(depth - 1)
        elif kind == "struct":
            names = random.sample(NAMES, random.choice([0, 1, 2, 3, 4]))
            schema["fields"] = [{**self.json_schema(depth - 1), "field": name} for name in names]
        if self.chance(0.6):
            schema["optional"] = self.chance(0.6)
        for name, values in (("name", ["N", "é", "", 1]), ("version", [1, 2, 1.5, "1"]), ("doc", ["d", "", None]), ("parameters", [{"p": "1"}, {}, {"p": 1}])):
            if name not in schema and self.chance(0.07):
                schema[name] = random.choice(values)
        if self.chance(0.2):
            schema["default"] = self.json_payload(schema)
        if self.chance(0.01):
            schema["type"] = self.pick("float32", "INT8", "", 1, None)
        return schema

    def json_payload(self, schema):
        """A payload for the schema, mostly of its kind."""
        if self.chance(0.08):
            return self.texts.json_value(1)
        if self.chance(0.12 if schema.get("optional") is True else 0.02):
            return None
        kind, name = schema["type"], schema.get("name")
        if name == CONNECT + "Decimal":
            return self.texts.json_scalar() if self.chance(0.3) else self.pick("AQ==", "AQI=", "/w==", 1.5, 1.50, 100, "")
        if isinstance(name, str) and name.startswith(CONNECT):
            return self.pick(0, 1, 19675, -1, DAY, DAY - 1, 2**31, 1700000000123)
        if kind == "array":
            return [self.json_payload(schema["items"]) for _ in range(self.records.size())]
        if kind == "map":
            entries = [(self.json_payload(schema["keys"]), self.json_payload(schema["values"])) for _ in range(self.records.size())]
            return {str(key): value for key, value in entries} if schema["keys"].get("type") == "string" else [list(pair) for pair in entries]
        if kind == "struct":
            return {field["field"]: self.json_payload(field) for field in schema["fields"] if self.chance(0.93)}
        if kind == "string":
            return self.texts.json_string()
        if kind == "bytes":
            return self.pick("", "AQ==", "AQI=", "AQIDBA==", "A", "AQ", "====", "A Q==", "-_==")
        if kind == "boolean":
            return self.chance(0.5)
        return self.texts.json_scalar()


TRANSFORM_CONFIGS = {
    "Cast": Cases.cast,
    "DropHeaders": lambda self, record: {"headers": ",".join(self.pick(*NAMES, "h") for _ in range(self.random.randrange(1, 4)))},
    "ExtractField": Cases.extract_field,
    "Filter": lambda self, record: {},
    "Flatten": Cases.flatten,
    "HeaderFrom": Cases.header_from,
    "HoistField": Cases.hoist_field,
    "InsertField": Cases.insert_field,
    "InsertHeader": lambda self, record: {"header": self.pick("h", "é", "", "a b"), "value.literal": self.texts.header()},
    "MaskField": Cases.mask_field,
    "RegexRouter": Cases.regex_router,
    "ReplaceField": Cases.replace_field,
    "SetSchemaMetadata": Cases.set_schema_metadata,
    "TimestampConverter": Cases.timestamp_converter,
    "TimestampRouter": Cases.timestamp_router,
    "ValueToKey": lambda self, record: self.with_defaults({"fields": self.fields(record)}),
}
BOTH_SIDES = ("Cast", "ExtractField", "Flatten", "HeaderFrom", "HoistField", "InsertField", "MaskField", "ReplaceField",
              "SetSchemaMetadata", "TimestampConverter")
PREDICATE_CONFIGS = {
    "HasHeaderKey": lambda self, record: {"name": self.pick(*([one["key"] for one in record["headers"]] or ["h"]), "h")},
    "RecordIsTombstone": lambda self, record: {},
    "TopicNameMatches": lambda self, record: {"pattern": self.regex(record)},
}
CONVERTERS = {
    "StringConverter": CONNECT_PACKAGE + "storage.StringConverter",
    "JsonConverter": CONNECT_PACKAGE + "json.JsonConverter",
    "SimpleHeaderConverter": CONNECT_PACKAGE + "storage.SimpleHeaderConverter",
    **{name: CONNECT_PACKAGE + "converters." + name for name in
       ("ByteArrayConverter", "BooleanConverter", "ShortConverter", "IntegerConverter", "LongConverter", "FloatConverter", "DoubleConverter")},
}
OWN_KIND = {"StringConverter": "string", "ByteArrayConverter": "bytes", "BooleanConverter": "boolean", "ShortConverter": "int16",
            "IntegerConverter": "int32", "LongConverter": "int64", "FloatConverter": "float32", "DoubleConverter": "float64"}

# How often each is drawn: those with more behind them more often.
WEIGHTS = {
    "Cast": 12, "DropHeaders": 1, "ExtractField": 6, "Filter": 0.2, "Flatten": 5, "HeaderFrom": 5, "HoistField": 2, "InsertField": 6,
    "InsertHeader": 4, "MaskField": 6, "RegexRouter": 6, "ReplaceField": 6, "SetSchemaMetadata": 3, "TimestampConverter": 12,
    "TimestampRouter": 3, "ValueToKey": 3, "HasHeaderKey": 0.5, "RecordIsTombstone": 0.3, "TopicNameMatches": 4, "Chain": 4,
    "StringConverter": 4, "JsonConverter": 20, "ByteArrayConverter": 0.5, "BooleanConverter": 0.5, "ShortConverter": 0.5,
    "IntegerConverter": 0.5, "LongConverter": 0.5, "FloatConverter": 0.5, "DoubleConverter": 0.5, "SimpleHeaderConverterHeader": 12,
    "JsonConverterHeader": 1, "StringConverterHeader": 0.5, "IntegerConverterHeader": 0.3,
}


def case_of(seed, index, only=None):
    """The case number `index` of a seed: the same again, whatever else is run."""
    draw = randomness.Random(f"{seed}/{index}/name")
    name = only if only is not None else draw.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
    case = Cases(f"{seed}/{index}").case(name)
    case["id"] = f"{name}/{seed}-{index}"
    return case
