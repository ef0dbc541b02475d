"""Random schemas, values and records in the form of tests/corpus/README.md. Nearly all values fit their schemas."""
import base64
import struct

CONNECT = "org.apache.kafka.connect.data."
NAMES = ["a", "b", "c", "id", "n", "ts", "x.y", "`q`", "é", "😀", "A", "a b", "null", "a.b.c", "in\"q"]
WORDS = ["", "a", "true", "TRUE", "0", "-1", "42", "127", "128", "-129", "1.5", "1e3", "+7", " 8 ", "NaN", "Infinity", "0x1p3",
         "9223372036854775807", "9223372036854775808", "2147483648", "99999999999999999999", "1.", ".5", "1f", "3d", "١٢",
         "2023-11-14", "2023-11-14T22:13:20.123Z", "22:13:20.123Z", "text", "a,b", "ünï", "😀x", "\u2028", "\x00", "\x7f\x1f",
         "line\nline", "\"q\"", "back\\slash", "null", "[1]", "{}", "abc def", "-0", "1e400", "4.9e-325", "0.1", "false "]
INTS = [0, 1, -1, 5, 42, 127, 128, 255, 300, -128, -129, 32767, 32768, -32769, 86399999, 86400000, 86400001, 2147483647,
        2147483648, -2147483648, -2147483649, 1700000000123, 9223372036854775807, -9223372036854775808, 253402300800000,
        -62135596800001, 1 << 53, (1 << 53) + 1]
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 1e7, 9999999.0, 1e-3, 9.99e-4, 1e10, 3.4e38, 3.5e38, 1e308, 5e-324, 1.4e-45, float("nan"),
          float("inf"), float("-inf"), 127.9, -128.9, 2147483648.5, 9.3e18, -9.3e18, 1 / 3, 1e20, 123456789.125]
BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
SIMPLE = ["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string", "bytes"]
LOGICAL = {"Decimal": "bytes", "Date": "int32", "Time": "int32", "Timestamp": "int64"}
DAY = 86400000


def number_text(chance, value):
    return struct.pack(">d" if chance == "float64" else ">f", value).hex()


class Records:
    """Draws from one random.Random. `texts`: a function that draws a string value, or None for the common ones."""

    def __init__(self, random, texts=None):
        self.random = random
        self.texts = texts
        self.strict = False  # null only where it may be

    def chance(self, share):
        return self.random.random() < share

    def text(self):
        if self.texts is not None and self.chance(0.5):
            return self.texts()
        if self.chance(0.8):
            return self.random.choice(WORDS)
        letters = "abcXYZ0189 .,:-_/\\\"'{}[]é€漢😀\t\u00a0\u0301"
        return "".join(self.random.choice(letters) for _ in range(self.random.randrange(0, 14)))

    # Schemas ------------------------------------------------------------------------------------------------

    def schema(self, depth=3, kinds=None):
        random = self.random
        if kinds is None:
            kinds = SIMPLE * 2 + ["logical"] * 5 + (["array", "map", "struct", "struct"] if depth > 0 else [])
        kind = random.choice(kinds)
        schema = self.logical_schema() if kind == "logical" else {"type": kind}
        if kind == "array":
            schema["valueSchema"] = self.schema(depth - 1)
        elif kind == "map":
            schema["keySchema"] = {"type": "string"} if self.chance(0.7) else self.schema(0)
            schema["valueSchema"] = self.schema(depth - 1)
        elif kind == "struct":
            names = random.sample(NAMES, random.choice([0, 1, 2, 2, 3, 3, 4, 5, 6]))
            schema["fields"] = [{"name": name, "schema": self.schema(depth - 1)} for name in names]
        self.decorate(schema, kind)
        return schema

    def logical_schema(self):
        kind = self.random.choice(list(LOGICAL))
        schema = {"type": LOGICAL[kind], "name": CONNECT + kind, "version": 1}
        if kind == "Decimal":
            schema["parameters"] = [["scale", str(self.random.choice([0, 0, 1, 2, 2, 3, 10, -2]))]]
        return schema

    def decorate(self, schema, kind):
        random = self.random
        if self.chance(0.4):
            schema["optional"] = True
        if kind != "logical" and self.chance(0.15):
            schema["name"] = random.choice(["N", "com.example.Name", "ü"])
        if kind != "logical" and self.chance(0.1):
            schema["version"] = random.choice([0, 1, 2, 2147483647, -1])
        if self.chance(0.1):
            schema["doc"] = random.choice(["", "words", "\"é\n"])
        if kind != "logical" and self.chance(0.1):
            schema["parameters"] = [["p", "1"], ["é", ""]][:random.randrange(0, 3)]
        if self.chance(0.25):
            self.strict = True  # Millrace looks into structs within a default's lists and maps, Java does not
            schema["default"] = self.value(schema, may_be_null=False)
            self.strict = False

    # Values ---------------------------------------------------------------------------------------------------

    def instant(self, name):
        random = self.random
        if self.chance(0.02):
            return random.choice([2**63 - 1, -2**63, 2**62, -2**62 + 12345, random.randrange(-2**63, 2**63)])
        if name == "Date":
            return random.choice([0, 1, -1, 19675, -719162, 2932896, random.randrange(-800000, 3000000)]) * DAY
        if name == "Time":
            return random.choice([0, 1, DAY - 1, random.randrange(0, DAY)])
        return random.choice([0, 5, -1, DAY, 1700000000123, -62135596800000, random.randrange(-10**14, 3 * 10**14)])

    def logical_value(self, schema):
        name = schema["name"][len(CONNECT):]
        if name == "Decimal":
            scale = int(dict(schema["parameters"])["scale"])
            if self.chance(0.05):
                scale += 1
            return self.decimal(scale)
        ms = self.instant(name)
        if self.chance(0.05):
            ms = min(max(ms + self.random.choice([1, -1, DAY // 2, DAY, 3 * 10**12 + 7]), -2**63), 2**63 - 1)
        return {"t": "instant", "ms": str(ms)}

    def decimal(self, scale=None):
        random = self.random
        unscaled = random.choice([0, 1, -1, 150, 12345, -999, 255, 256, -128, 10**20, -(10**30) + 7, 2**63, -2**63 - 1, 10**400, random.randrange(-10**9, 10**9)])
        return {"t": "decimal", "unscaled": str(unscaled), "scale": random.choice([0, 1, 2, 5, 20, -3, 6, 7, 300, -300, 330]) if scale is None else scale}

    def number(self, kind):
        random = self.random
        if kind in BITS:
            bits = BITS[kind]
            fitting = [n for n in INTS if -(1 << bits - 1) <= n < 1 << bits - 1]
            value = random.choice(fitting) if self.chance(0.7) else random.getrandbits(bits) - (1 << bits - 1)
            return {"t": kind, "v": str(value) if kind == "int64" else value}
        wide = kind == "float64"
        form = ">d" if wide else ">f"
        value = random.choice(FLOATS)
        if self.chance(0.3):
            value = struct.unpack(form, random.getrandbits(64 if wide else 32).to_bytes(8 if wide else 4, "big"))[0]
        elif self.chance(0.3):
            value = random.uniform(-1000, 1000)
        try:
            bits = struct.pack(form, value)
        except OverflowError:
            bits = struct.pack(form, float("inf"))
        if value != value:
            bits = struct.pack(form, float("nan"))
        return {"t": kind, "v": "", "bits": bits.hex()}

    def bytes(self):
        data = self.random.choice([b"", b"\x00", b"a", b"\xff\xfe", b"hello", bytes(self.random.getrandbits(8) for _ in range(5))])
        return {"t": "bytes", "v": base64.b64encode(data).decode()}

    def plain(self, kind):
        if kind == "boolean":
            return {"t": kind, "v": self.chance(0.5)}
        if kind == "string":
            return {"t": kind, "v": self.text()}
        if kind == "bytes":
            return self.bytes()
        return self.number(kind)

    def value(self, schema, may_be_null=True):
        """Fits the schema; null where it is optional, rarely where it is not."""
        if schema is None:
            return self.schemaless()
        if may_be_null and self.chance(0.2 if schema.get("optional") else 0 if self.strict else 0.03):
            return None
        kind = schema["type"]
        if (schema.get("name") or "").startswith(CONNECT):
            return self.logical_value(schema)
        if kind == "array":
            return {"t": kind, "v": [self.inner(schema["valueSchema"]) for _ in range(self.size())]}
        if kind == "map":
            return self.map(lambda: self.inner(schema["keySchema"]), lambda: self.inner(schema["valueSchema"]))
        if kind == "struct":
            return {"t": kind, "v": [[field["name"], self.value(field["schema"])] for field in schema["fields"]]}
        return self.plain(kind)

    def inner(self, schema):
        """In a collection within a struct a null that does not belong there would be refused when the case is built."""
        return self.value(schema, may_be_null=bool(schema.get("optional")))

    def size(self):
        return self.random.choice([0, 1, 1, 2, 2, 3, 4])

    def map(self, key, value):
        entries, seen = [], set()
        for _ in range(self.size()):
            one = key()
            if repr(one) not in seen:
                seen.add(repr(one))
                entries.append([one, value()])
        return {"t": "map", "v": entries}

    def name(self):
        return {"t": "string", "v": self.random.choice(NAMES + [""])}

    def schemaless(self, depth=2):
        random = self.random
        kind = random.choice(SIMPLE * 2 + ["null", "decimal", "instant"] + (["array", "map", "map"] if depth > 0 else []))
        if kind == "null":
            return None
        if kind == "decimal":
            return self.decimal()
        if kind == "instant":
            return {"t": kind, "ms": str(self.instant(random.choice(["Date", "Time", "Timestamp"])))}
        if kind == "array":
            return {"t": kind, "v": [self.schemaless(depth - 1) for _ in range(self.size())]}
        if kind == "map":
            return self.schemaless_map(depth)
        return self.plain(kind)

    def schemaless_map(self, depth=2):
        if self.chance(0.93):
            return self.map(self.name, lambda: self.schemaless(depth - 1))
        return self.map(lambda: self.schemaless(0), lambda: self.schemaless(depth - 1))

    # Records ----------------------------------------------------------------------------------------------------

    def side(self, structs=0.75):
        """A schema and a value, mostly a struct or a map."""
        if self.chance(0.05):
            return None, None
        if self.chance(0.35):
            return None, self.schemaless_map() if self.chance(structs) else self.schemaless()
        schema = self.schema(kinds=["struct"]) if self.chance(structs) else self.schema()
        if self.chance(0.06):
            return schema, None
        return schema, self.value(schema)

    def headers(self):
        out = []
        for _ in range(self.random.choice([0, 0, 0, 1, 2, 3])):
            schema = self.schema(1) if self.chance(0.7) else None
            # a header with a schema is checked when the case is built
            value = self.inner(schema) if schema else self.schemaless(1)
            out.append({"key": self.random.choice(NAMES + [""]), "schema": schema, "value": value})
        return out

    def record(self, is_key=False, side=None):
        random = self.random
        main = side if side is not None else self.side()
        other = random.choice([(None, None), ({"type": "string"}, {"t": "string", "v": "k"}), (None, {"t": "int64", "v": "7"})])
        key, value = (main, other) if is_key else (other, main)
        kind = random.choice(["sink", "sink", "source"])
        record = {"kind": kind, "topic": random.choice(["orders", "t", "a.b-c_1", "${topic}", "tópic", "abcabc"]),
                  "partition": random.choice([0, 3, 2147483647]),
                  "timestamp": str(self.instant(random.choice(["Date", "Timestamp"]))) if self.chance(0.85) else None,
                  "keySchema": key[0], "key": key[1], "valueSchema": value[0], "value": value[1], "headers": self.headers()}
        if kind == "sink":
            record["offset"] = random.choice(["42", "0", "9223372036854775807"])
        else:
            record["topic"] = None if self.chance(0.05) else record["topic"]
            record["partition"] = None if self.chance(0.3) else record["partition"]
        return record


def field_names(schema, value):
    """The top-level names that a configuration can mean."""
    if schema is not None:
        return [field["name"] for field in schema.get("fields", [])]
    if value is not None and value["t"] == "map":
        return [key["v"] for key, _ in value["v"] if key is not None and key["t"] == "string"]
    return []
