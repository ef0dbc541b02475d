import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;

/** Schemas, values and records in the form of tests/corpus/README.md. */
final class Encode {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private Encode() {
    }

    static JsonNode schema(Schema schema) {
        if (schema == null)
            return JSON.nullNode();
        ObjectNode json = JSON.objectNode().put("type", schema.type().name().toLowerCase(Locale.ROOT));
        json.put("optional", schema.isOptional()).put("name", schema.name());
        json.put("version", schema.version()).put("doc", schema.doc());
        if (schema.parameters() != null) {
            ArrayNode pairs = json.putArray("parameters");
            schema.parameters().forEach((key, value) -> pairs.addArray().add(key).add(value));
        }
        if (schema.type() == Schema.Type.STRUCT) {
            ArrayNode fields = json.putArray("fields");
            for (Field field : schema.fields())
                fields.addObject().put("name", field.name()).set("schema", schema(field.schema()));
        }
        if (schema.type() == Schema.Type.MAP)
            json.set("keySchema", schema(schema.keySchema()));
        if (schema.type() == Schema.Type.MAP || schema.type() == Schema.Type.ARRAY)
            json.set("valueSchema", schema(schema.valueSchema()));
        Object standard = schema.defaultValue();
        if (standard != null) // a struct has that schema, but for the default itself
            json.set("default", value(standard, standard instanceof Struct ? ((Struct) standard).schema() : schema));
        return json;
    }

    private static ObjectNode tagged(String tag) {
        return JSON.objectNode().put("t", tag);
    }

    private static ObjectNode array(List<?> list, Schema place) {
        ObjectNode json = tagged("array");
        ArrayNode elements = json.putArray("v");
        for (Object element : list)
            elements.add(value(element, place != null && place.type() == Schema.Type.ARRAY ? place.valueSchema() : null));
        return json;
    }

    private static ObjectNode map(Map<?, ?> map, Schema place) {
        boolean hasSchema = place != null && place.type() == Schema.Type.MAP;
        ObjectNode json = tagged("map");
        ArrayNode entries = json.putArray("v");
        map.forEach((key, value) -> entries.addArray()
            .add(value(key, hasSchema ? place.keySchema() : null))
            .add(value(value, hasSchema ? place.valueSchema() : null)));
        return json;
    }

    private static ObjectNode struct(Struct struct, Schema place) {
        ObjectNode json = tagged("struct");
        ArrayNode fields = json.putArray("v");
        for (Field field : struct.schema().fields())
            fields.addArray().add(field.name()).add(value(struct.getWithoutDefault(field.name()), field.schema()));
        if (place == null || !place.equals(struct.schema()))
            json.set("schema", schema(struct.schema()));
        return json;
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static ObjectNode number(Number number) {
        if (number instanceof Byte || number instanceof Short || number instanceof Integer)
            return tagged(number instanceof Byte ? "int8" : number instanceof Short ? "int16" : "int32")
                .put("v", number.intValue());
        if (number instanceof Float)
            return tagged("float32").put("v", number.toString())
                .put("bits", String.format("%08x", Float.floatToIntBits((Float) number)));
        if (number instanceof Double)
            return tagged("float64").put("v", number.toString())
                .put("bits", String.format("%016x", Double.doubleToLongBits((Double) number)));
        if (number instanceof BigDecimal)
            return tagged("decimal").put("unscaled", ((BigDecimal) number).unscaledValue().toString())
                .put("scale", ((BigDecimal) number).scale());
        return tagged(number instanceof BigInteger ? "bigint" : "int64").put("v", number.toString());
    }

    static JsonNode value(Object value, Schema place) {
        if (value == null)
            return JSON.nullNode();
        if (value instanceof Number)
            return number((Number) value);
        if (value instanceof Boolean)
            return tagged("boolean").put("v", (Boolean) value);
        if (value instanceof String)
            return tagged("string").put("v", (String) value);
        if (value instanceof byte[])
            return tagged("bytes").put("v", (byte[]) value);
        if (value instanceof ByteBuffer)
            return tagged("bytes").put("v", bytes((ByteBuffer) value));
        if (value instanceof java.util.Date)
            return tagged("instant").put("ms", String.valueOf(((java.util.Date) value).getTime()));
        if (value instanceof List)
            return array((List<?>) value, place);
        if (value instanceof Map)
            return map((Map<?, ?>) value, place);
        if (value instanceof Struct)
            return struct((Struct) value, place);
        throw new IllegalArgumentException("no form for a value of " + value.getClass());
    }

    static ObjectNode record(ConnectRecord<?> record) {
        boolean isSink = record instanceof SinkRecord;
        ObjectNode json = JSON.objectNode().put("kind", isSink ? "sink" : "source").put("topic", record.topic());
        json.put("partition", record.kafkaPartition());
        if (isSink)
            json.put("offset", String.valueOf(((SinkRecord) record).kafkaOffset()));
        json.put("timestamp", record.timestamp() == null ? null : record.timestamp().toString());
        json.set("keySchema", schema(record.keySchema()));
        json.set("key", value(record.key(), record.keySchema()));
        json.set("valueSchema", schema(record.valueSchema()));
        json.set("value", value(record.value(), record.valueSchema()));
        ArrayNode headers = json.putArray("headers");
        for (Header header : record.headers()) {
            ObjectNode one = headers.addObject().put("key", header.key());
            one.set("schema", schema(header.schema()));
            one.set("value", value(header.value(), header.schema()));
        }
        return json;
    }
}
