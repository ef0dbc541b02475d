import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;

/** Schemas, values and records from the form of tests/corpus/README.md. */
final class Decode {
    private Decode() {
    }

    private static boolean isNothing(JsonNode json) {
        return json == null || json.isNull();
    }

    private static String text(JsonNode json) {
        return isNothing(json) ? null : json.textValue();
    }

    static Schema schema(JsonNode json) throws IOException {
        if (isNothing(json))
            return null;
        Schema plain = schema(json, null);
        return json.has("default") ? schema(json, value(json.get("default"), plain)) : plain;
    }

    /** Straight from its parts: the builder would refuse defaults that are structs. */
    private static Schema schema(JsonNode json, Object standard) throws IOException {
        Schema.Type type = Schema.Type.valueOf(json.get("type").textValue().toUpperCase(Locale.ROOT));
        Map<String, String> parameters = null;
        if (!isNothing(json.get("parameters"))) {
            parameters = new LinkedHashMap<>();
            for (JsonNode pair : json.get("parameters"))
                parameters.put(pair.get(0).textValue(), pair.get(1).textValue());
        }
        List<Field> fields = null;
        if (type == Schema.Type.STRUCT) {
            fields = new ArrayList<>();
            for (JsonNode field : json.path("fields"))
                fields.add(new Field(field.get("name").textValue(), fields.size(), schema(field.get("schema"))));
        }
        Integer version = isNothing(json.get("version")) ? null : Integer.valueOf(json.get("version").intValue());
        return new ConnectSchema(type, json.path("optional").booleanValue(), standard, text(json.get("name")), version,
                                 text(json.get("doc")), parameters, fields, schema(json.get("keySchema")),
                                 schema(json.get("valueSchema")));
    }

    private static boolean is(Schema schema, Schema.Type type) {
        return schema != null && schema.type() == type;
    }

    private static List<Object> array(JsonNode list, Schema place) throws IOException {
        List<Object> array = new ArrayList<>();
        for (JsonNode element : list)
            array.add(value(element, is(place, Schema.Type.ARRAY) ? place.valueSchema() : null));
        return array;
    }

    private static Map<Object, Object> map(JsonNode list, Schema place) throws IOException {
        boolean hasSchema = is(place, Schema.Type.MAP);
        Map<Object, Object> map = new LinkedHashMap<>();
        for (JsonNode entry : list)
            map.put(value(entry.get(0), hasSchema ? place.keySchema() : null),
                    value(entry.get(1), hasSchema ? place.valueSchema() : null));
        return map;
    }

    /** Fields that are null are left unset: the only way to have null in a required one. */
    private static Struct struct(JsonNode json, Schema place) throws IOException {
        Struct struct = new Struct(json.has("schema") ? schema(json.get("schema")) : place);
        for (JsonNode pair : json.get("v")) {
            Field field = struct.schema().field(pair.get(0).textValue());
            Object value = value(pair.get(1), field.schema());
            if (value != null)
                struct.put(field, value);
        }
        return struct;
    }

    static Object value(JsonNode json, Schema place) throws IOException {
        if (isNothing(json))
            return null;
        JsonNode v = json.get("v");
        switch (json.get("t").textValue()) {
            case "int8":
                return (byte) v.intValue();
            case "int16":
                return (short) v.intValue();
            case "int32":
                return v.intValue();
            case "int64":
                return Long.valueOf(v.textValue());
            case "float32":
                return Float.intBitsToFloat(Integer.parseUnsignedInt(json.get("bits").textValue(), 16));
            case "float64":
                return Double.longBitsToDouble(Long.parseUnsignedLong(json.get("bits").textValue(), 16));
            case "boolean":
                return v.booleanValue();
            case "string":
                return v.textValue();
            case "bytes":
                return v.binaryValue();
            case "decimal":
                return new BigDecimal(new BigInteger(json.get("unscaled").textValue()), json.get("scale").intValue());
            case "bigint":
                return new BigInteger(v.textValue());
            case "instant":
                return new java.util.Date(Long.parseLong(json.get("ms").textValue()));
            case "array":
                return array(v, place);
            case "map":
                return map(v, place);
            case "struct":
                return struct(json, place);
            default:
                throw new IOException("no such type of values: " + json.get("t"));
        }
    }

    static ConnectRecord<?> record(JsonNode json) throws IOException {
        String topic = text(json.get("topic"));
        Integer partition = isNothing(json.get("partition")) ? null : Integer.valueOf(json.get("partition").intValue());
        Long timestamp = isNothing(json.get("timestamp")) ? null : Long.valueOf(json.get("timestamp").textValue());
        Schema keySchema = schema(json.get("keySchema")), valueSchema = schema(json.get("valueSchema"));
        Object key = value(json.get("key"), keySchema), value = value(json.get("value"), valueSchema);
        ConnectHeaders headers = new ConnectHeaders();
        for (JsonNode header : json.path("headers")) {
            Schema schema = schema(header.get("schema"));
            headers.add(header.get("key").textValue(), value(header.get("value"), schema), schema);
        }
        if ("source".equals(json.get("kind").textValue()))
            return new SourceRecord(null, null, topic, partition, keySchema, key, valueSchema, value, timestamp, headers);
        return new SinkRecord(topic, partition, keySchema, key, valueSchema, value,
                              Long.parseLong(json.get("offset").textValue()), timestamp,
                              timestamp == null ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME, headers);
    }
}
