import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamWriteConstraints;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

/**
 * Kafka Connect's own classes behind the case form of tests/corpus: each line of standard input is a case, each line of
 * standard output its outcome, until the input ends. A case that cannot be built is answered {"broken": why}.
 */
public final class Driver {
    /** Its cause is what the class under test threw while it was configured. */
    private static final class ConfigRefused extends Exception {
        private final ConfigDef definition;

        ConfigRefused(ConfigDef definition, Throwable cause) {
            super(cause);
            this.definition = definition;
        }
    }

    /** Its cause is what the class under test threw over the record. */
    private static final class DataRefused extends Exception {
        DataRefused(Throwable cause) {
            super(cause);
        }
    }

    interface Step<T> {
        T run() throws Exception;
    }

    private static final int NESTING_MAX = 20000; // of a case; what is converted has its own limit
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static Chain chain;

    static <T> T onData(Step<T> step) throws DataRefused {
        try {
            return step.run();
        } catch (Throwable thrown) { // deep values end in a StackOverflowError
            throw new DataRefused(thrown);
        }
    }

    static void configure(ConfigDef definition, Step<Void> step) throws ConfigRefused {
        try {
            step.run();
        } catch (Throwable thrown) {
            throw new ConfigRefused(definition, thrown);
        }
    }

    private static Map<String, String> properties(JsonNode test) {
        Map<String, String> properties = new LinkedHashMap<>();
        test.path("config").properties().forEach(entry -> properties.put(entry.getKey(), entry.getValue().textValue()));
        return properties;
    }

    private static ObjectNode recordOutcome(ConnectRecord<?> record) {
        ObjectNode outcome = JSON.objectNode();
        return record == null ? outcome.put("dropped", true) : outcome.set("record", Encode.record(record));
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static ObjectNode transform(Object plugin, Map<String, String> properties, JsonNode test) throws Exception {
        Transformation transformation = (Transformation) plugin;
        configure(transformation.config(), () -> {
            transformation.configure(properties);
            return null;
        });
        ConnectRecord input = Decode.record(test.get("input"));
        return recordOutcome(onData(() -> transformation.apply(input)));
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static ObjectNode predicate(Object plugin, Map<String, String> properties, JsonNode test) throws Exception {
        Predicate predicate = (Predicate) plugin;
        configure(predicate.config(), () -> {
            predicate.configure(properties);
            return null;
        });
        ConnectRecord input = Decode.record(test.get("input"));
        return JSON.objectNode().put("result", onData(() -> predicate.test(input)));
    }

    interface FromConnect {
        byte[] apply(Schema schema, Object value) throws Exception;
    }

    interface ToConnect {
        SchemaAndValue apply(byte[] bytes) throws Exception;
    }

    private static ObjectNode convert(JsonNode test, FromConnect from, ToConnect to) throws Exception {
        JsonNode input = test.get("input");
        ObjectNode outcome = JSON.objectNode();
        if ("fromConnect".equals(test.path("op").textValue())) {
            Schema schema = Decode.schema(input.get("schema"));
            Object value = Decode.value(input.get("value"), schema);
            byte[] bytes = onData(() -> from.apply(schema, value));
            return outcome.set("bytes", bytes == null ? JSON.nullNode() : JSON.binaryNode(bytes));
        }
        byte[] bytes = input.get("bytes").isNull() ? null : input.get("bytes").binaryValue();
        SchemaAndValue result = onData(() -> to.apply(bytes));
        Schema schema = result == null ? null : result.schema();
        outcome.set("schema", Encode.schema(schema));
        return outcome.set("value", Encode.value(result == null ? null : result.value(), schema));
    }

    private static ObjectNode converter(Object plugin, Map<String, String> properties, JsonNode test) throws Exception {
        Converter converter = (Converter) plugin;
        boolean isKey = test.path("isKey").booleanValue();
        configure(converter.config(), () -> {
            converter.configure(properties, isKey);
            return null;
        });
        return convert(test, (schema, value) -> converter.fromConnectData("golden", schema, value),
                       bytes -> converter.toConnectData("golden", bytes));
    }

    private static ObjectNode headerConverter(Object plugin, Map<String, String> properties, JsonNode test)
        throws Exception {
        HeaderConverter converter = (HeaderConverter) plugin;
        properties.put("converter.type", "header");
        configure(converter.config(), () -> {
            converter.configure(properties);
            return null;
        });
        return convert(test, (schema, value) -> converter.fromConnectHeader("golden", "h", schema, value),
                       bytes -> converter.toConnectHeader("golden", "h", bytes));
    }

    private static ObjectNode chain(Map<String, String> properties, JsonNode test) throws Exception {
        if (chain == null)
            chain = new Chain();
        try (Chain.Stages stages = chain.create(properties)) {
            ConnectRecord<?> input = Decode.record(test.get("input"));
            return recordOutcome(onData(() -> stages.apply(input)));
        } catch (Chain.Refused refused) {
            throw new ConfigRefused(null, refused.getCause());
        }
    }

    private static ObjectNode run(JsonNode test) throws Exception {
        Map<String, String> properties = properties(test);
        String name = test.get("class").textValue(), suite = test.get("suite").textValue();
        if ("chain".equals(name))
            return chain(properties, test);
        Object plugin = Class.forName(name).getDeclaredConstructor().newInstance();
        switch (suite) {
            case "transforms":
                return transform(plugin, properties, test);
            case "predicates":
                return predicate(plugin, properties, test);
            case "converters":
                return converter(plugin, properties, test);
            default:
                return headerConverter(plugin, properties, test);
        }
    }

    private static ObjectNode error(String kind, Throwable thrown) {
        ObjectNode content = JSON.objectNode().put("kind", kind).put("exception", thrown.getClass().getName());
        content.put("message", thrown.getMessage());
        return JSON.objectNode().set("error", content);
    }

    /** What the REST validation finds, option by option. */
    private static ObjectNode mistakes(ConfigDef definition, Map<String, String> properties) {
        ObjectNode mistakes = JSON.objectNode();
        try {
            for (ConfigValue value : definition.validate(properties)) {
                if (value.errorMessages().isEmpty())
                    continue;
                ArrayNode messages = mistakes.putArray(value.name());
                value.errorMessages().forEach(messages::add);
            }
        } catch (RuntimeException thrown) { // by a validator that was not ready for the value
            mistakes.removeAll();
        }
        return mistakes;
    }

    private static ObjectNode configError(ConfigRefused refused, Map<String, String> properties) {
        ObjectNode outcome = error("config", refused.getCause()), content = (ObjectNode) outcome.get("error");
        ObjectNode mistakes = refused.definition == null ? JSON.objectNode() : mistakes(refused.definition, properties);
        content.put("stage", mistakes.isEmpty() ? "configure" : "validate");
        content.set("mistakes", mistakes);
        return outcome;
    }

    private static ObjectNode answer(ObjectMapper mapper, String line) {
        JsonNode test = null;
        try {
            test = mapper.readTree(line);
            return run(test);
        } catch (ConfigRefused refused) {
            Map<String, String> properties = properties(test);
            boolean isHeader = "header-converters".equals(test.get("suite").textValue());
            properties.put("converter.type", isHeader ? "header" : test.path("isKey").booleanValue() ? "key" : "value");
            return configError(refused, properties);
        } catch (DataRefused refused) {
            return error("data", refused.getCause());
        } catch (Throwable thrown) {
            return JSON.objectNode().put("broken", String.valueOf(thrown));
        }
    }

    public static void main(String[] arguments) throws Exception {
        ObjectMapper mapper = new ObjectMapper(new JsonFactoryBuilder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(NESTING_MAX).build())
            .streamWriteConstraints(StreamWriteConstraints.builder().maxNestingDepth(NESTING_MAX).build()).build());
        mapper.getFactory().configure(JsonWriteFeature.ESCAPE_NON_ASCII.mappedFeature(), true); // keeps lone surrogates
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
        PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, "UTF-8");
        System.setOut(System.err); // whatever a library prints
        for (String line; (line = in.readLine()) != null;) {
            out.println(mapper.writeValueAsString(answer(mapper, line)));
            if (!in.ready())
                out.flush();
        }
        out.flush();
        System.exit(0); // metrics leave threads behind
    }
}
