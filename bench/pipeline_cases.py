"""What bench/pipeline measures: one record of an order, with a schema and without, and what is done to it."""

import base64
import json
import struct

CONNECT = "org.apache.kafka.connect."
SMT = CONNECT + "transforms."
OWN = "millrace.transforms."
JSON = CONNECT + "json.JsonConverter"

ORDER = {"id": 4711, "name": "Ann Müller", "price": 19.99, "quantity": 3, "active": True, "created": 1700000000123,
         "note": "leave it at the \"mill\", please", "address": {"street": "Mill Lane 7", "city": "York", "zip": "YO1 7HH"},
         "tags": ["new", "gift", "fragile"]}
KEY = {"id": 4711}
EVENT = {"before": None, "after": ORDER, "op": "u", "ts_ms": 1700000000456,
         "source": {"table": "orders", "lsn": 123456, "ts_ms": 1700000000400}}


def typed(of, optional=False, **more):
    return dict({"type": of, "optional": optional}, **more)


def fields(optional, *pairs, **more):
    return typed("struct", optional, fields=[dict(schema, field=name) for name, schema in pairs], **more)


TIMESTAMP = typed("int64", name=CONNECT + "data.Timestamp", version=1)
KEY_SCHEMA = fields(False, ("id", typed("int64")))
ADDRESS = fields(True, ("street", typed("string")), ("city", typed("string")), ("zip", typed("string", True)))


def order_schema(optional=False):
    return fields(optional, ("id", typed("int64")), ("name", typed("string")), ("price", typed("double")),
                  ("quantity", typed("int32")), ("active", typed("boolean")), ("created", TIMESTAMP),
                  ("note", typed("string", True)), ("address", ADDRESS), ("tags", typed("array", items=typed("string"))),
                  name="shop.Order")


EVENT_SCHEMA = fields(False, ("before", order_schema(True)), ("after", order_schema(True)), ("op", typed("string")),
                      ("ts_ms", typed("int64", True)),
                      ("source", fields(False, ("table", typed("string")), ("lsn", typed("int64")), ("ts_ms", typed("int64")))),
                      name="shop.Envelope")


def text(value, schema=None):
    """As JsonConverter has it; with a schema in its envelope."""
    return json.dumps(value if schema is None else {"schema": schema, "payload": value}, ensure_ascii=False, separators=(",", ":"))


def transform(name, class_name, config, value=None, schema=None, **more):
    """Without a value: the order, once with its schema and once without."""
    case = {"name": name, "kind": "transform", "class": class_name, "config": config, **more}
    if value is not None:
        yield dict(case, typed=schema is not None, value=text(value, schema), key=text(KEY, schema and KEY_SCHEMA))
        return
    yield dict(case, name=name + ", schema", typed=True, key=text(KEY, KEY_SCHEMA), value=text(ORDER, order_schema()))
    yield dict(case, name=name + ", none", typed=False, key=text(KEY), value=text(ORDER))


def one(name, class_name, config, **more):
    """What does not look at the value."""
    return transform(name, class_name, config, ORDER, order_schema(), **more)


HEADERS = {"trace": "00-4bf92f3577b34da6", "tenant": "north", "retry": "1"}


def transforms():
    yield from transform("Cast, 3 fields", SMT + "Cast$Value", {"spec": "quantity:int64,price:string,active:int8"})
    yield from transform("Cast, whole", SMT + "Cast$Value", {"spec": "int64"}, "123456", typed("string"))
    yield from one("DropHeaders", SMT + "DropHeaders", {"headers": "trace,retry"}, headers=HEADERS)
    yield from transform("ExtractField", SMT + "ExtractField$Value", {"field": "name"})
    yield from transform("ExtractField, V2", SMT + "ExtractField$Value", {"field": "address.city", "field.syntax.version": "V2"})
    yield from one("Filter", SMT + "Filter", {})
    yield from transform("Flatten", SMT + "Flatten$Value", {}, dict(ORDER, tags=None),
                         dict(order_schema(), fields=[dict(field, optional=True) for field in order_schema()["fields"]]))
    yield from transform("Flatten, none", SMT + "Flatten$Value", {}, ORDER)
    yield from transform("HeaderFrom, copy", SMT + "HeaderFrom$Value", {"fields": "id,name", "headers": "i,n", "operation": "copy"})
    yield from transform("HeaderFrom, move", SMT + "HeaderFrom$Value", {"fields": "id,name", "headers": "i,n", "operation": "move"})
    yield from transform("HoistField", SMT + "HoistField$Value", {"field": "order"})
    yield from transform("InsertField", SMT + "InsertField$Value", {
        "topic.field": "topic", "offset.field": "offset", "timestamp.field": "at", "static.field": "site", "static.value": "north"})
    yield from one("InsertHeader", SMT + "InsertHeader", {"header": "site", "value.literal": "north"})
    yield from transform("MaskField", SMT + "MaskField$Value", {"fields": "name,price"})
    yield from transform("MaskField, text", SMT + "MaskField$Value", {"fields": "name,note", "replacement": "***"})
    yield from one("RegexRouter", SMT + "RegexRouter", {"regex": "(or)(.*)", "replacement": "shop-$2-$1"})
    yield from transform("ReplaceField", SMT + "ReplaceField$Value", {"exclude": "note,active", "renames": "id:number,name:who"})
    yield from one("SetSchemaMetadata", SMT + "SetSchemaMetadata$Value", {"schema.name": "shop.Sale", "schema.version": "2"})
    yield from transform("TimestampConverter, print", SMT + "TimestampConverter$Value", {
        "field": "created", "target.type": "string", "format": "yyyy-MM-dd'T'HH:mm:ss.SSS"}, ORDER, order_schema())
    yield from transform("TimestampConverter, parse", SMT + "TimestampConverter$Value", {
        "field": "created", "target.type": "unix", "format": "yyyy-MM-dd'T'HH:mm:ss.SSS"},
        dict(ORDER, created="2023-11-14T22:13:20.123"))
    yield from transform("TimestampConverter, unix", SMT + "TimestampConverter$Value", {
        "field": "created", "target.type": "Timestamp", "unix.precision": "milliseconds"}, ORDER)
    yield from one("TimestampRouter", SMT + "TimestampRouter", {"topic.format": "${topic}-${timestamp}", "timestamp.format": "yyyyMMdd"})
    yield from transform("ValueToKey", SMT + "ValueToKey", {"fields": "id,name"})


def predicates():
    for name, config in (("HasHeaderKey", {"name": "tenant"}), ("RecordIsTombstone", {}), ("TopicNameMatches", {"pattern": "ord.*s"})):
        case, = one(name, CONNECT + "transforms.predicates." + name, config, headers=HEADERS)
        yield dict(case, kind="predicate")


def own():
    order_as_text = dict(ORDER, note=text({"by": "ann", "n": [1, 2, 3], "at": {"x": 1.5}}))
    yield from transform("ArrayExplode", OWN + "ArrayExplode$Value", {"field": "tags"})
    yield from transform("FilterByField", OWN + "FilterByField$Value", {"field": "address.city", "values": "Leeds,York"})
    yield from transform("FilterByField, pattern", OWN + "FilterByField$Value", {"field": "name", "pattern": "Ann .*"})
    yield from transform("ParseJson, schema", OWN + "ParseJson$Value", {"field": "note"}, order_as_text, order_schema())
    yield from transform("ParseJson, none", OWN + "ParseJson$Value", {"field": "note"}, order_as_text)
    yield from transform("Redact, 2 fields", OWN + "Redact$Value", {"fields": "name,address.street"})
    yield from transform("Redact, pattern", OWN + "Redact$Value", {"pattern": "[0-9]{4}"})
    yield from transform("RouteByField", OWN + "RouteByField$Value", {"field": "address.city", "topic.format": "${topic}-${field}"})
    yield from transform("Script, a number", OWN + "Script", {"script": "record.value.quantity = record.value.quantity + 1"})
    yield from transform("Script, a filter", OWN + "Script", {"script": "return record.value.address.city == 'York'"})
    yield from transform("Unwrap", OWN + "Unwrap", {}, EVENT, EVENT_SCHEMA)
    yield from transform("Unwrap, 2 fields added", OWN + "Unwrap", {"add.fields": "op,source.lsn"}, EVENT, EVENT_SCHEMA)


def both_ways(name, class_name, config, value, schema, serialized, **more):
    case = {"class": class_name, "config": config, "typed": schema is not None, **more}
    prefix = more.pop("prefix", "")
    case.pop("prefix", None)
    yield dict(case, name=name + ", from", kind=prefix + "from_connect", value=text(value, schema))
    yield dict(case, name=name + ", to", kind=prefix + "to_connect", bytes=base64.b64encode(serialized).decode())


def converters():
    for name, schema, form in (("Short", "int16", ">h"), ("Integer", "int32", ">i"), ("Long", "int64", ">q"), ("Float", "float", ">f"),
                               ("Double", "double", ">d")):
        yield from both_ways(name + "Converter", CONNECT + "converters." + name + "Converter", {}, 42, typed(schema), struct.pack(form, 42))
    yield from both_ways("BooleanConverter", CONNECT + "converters.BooleanConverter", {}, True, typed("boolean"), b"\1")
    yield from both_ways("ByteArrayConverter", CONNECT + "converters.ByteArrayConverter", {}, base64.b64encode(b"x" * 100).decode(),
                         typed("bytes"), b"x" * 100)
    line = "the miller grinds what the river brings, day by day, a hundred bytes a line, no more, no less, ok".ljust(100, ".")
    yield from both_ways("StringConverter", CONNECT + "storage.StringConverter", {}, line, typed("string"), line.encode())
    yield from both_ways("StringConverter, ü", CONNECT + "storage.StringConverter", {}, "ü" * 50, typed("string"), ("ü" * 50).encode())
    yield from both_ways("JsonConverter, schema", JSON, {"schemas.enable": "true"}, ORDER, order_schema(),
                         text(ORDER, order_schema()).encode())
    yield from both_ways("JsonConverter, none", JSON, {"schemas.enable": "false"}, ORDER, None, text(ORDER).encode())
    yield from both_ways("JsonConverter, a number", JSON, {"schemas.enable": "false"}, 4711, None, b"4711")
    for name, value, serialized in (("a text", "north-west", b"north-west"), ("a number", 42, b"42"),
                                    ("a list", [1, 2, 3], b"[1,2,3]"), ("an object", {"a": 1, "b": "x"}, b'{"a":1,"b":"x"}'),
                                    ("a time", "2023-11-14T22:13:20.123Z", b"2023-11-14T22:13:20.123Z")):
        yield from both_ways("SimpleHeader, " + name, CONNECT + "storage.SimpleHeaderConverter", {}, value, None, serialized,
                             prefix="header_")


GROUPS = (("transforms", transforms), ("predicates", predicates), ("converters and header converters", converters), ("our own", own))
