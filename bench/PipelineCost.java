import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Headers;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

/**
 * The cases of pipeline_subject.h through the classes of Kafka Connect: PipelineCost FILE WARM-UP-MS ROUNDS ROUND-MS. For
 * each a line {"name", "ns", "bytes"}: processor time of the thread that
 * works (that of the garbage collector is not in it) and bytes it asked for, per record, the median of the rounds.
 */
public class PipelineCost {
    private static final int INPUTS = 64, BATCH = 500;
    private static final String TOPIC = "orders";
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static Object seen; // so that nothing is optimized away

    private interface Step {
        Object run(int input);
    }

    private record Cost(double ns, double bytes) {
    }

    public static void main(String[] arguments) throws Exception {
        for (String line : Files.readAllLines(Path.of(arguments[0]), StandardCharsets.UTF_8)) {
            JsonNode test = MAPPER.readTree(line);
            Step step = step(test);
            round(step, Long.parseLong(arguments[1]) * 1_000_000);
            Cost[] costs = new Cost[Integer.parseInt(arguments[2])];
            for (int i = 0; i < costs.length; i++)
                costs[i] = round(step, Long.parseLong(arguments[3]) * 1_000_000);
            Arrays.sort(costs, (a, b) -> Double.compare(a.ns, b.ns));
            Cost median = costs[costs.length / 2];
            System.out.println(MAPPER.createObjectNode().put("name", test.get("name").asText()).put("ns", median.ns)
                .put("bytes", median.bytes));
        }
    }

    /** At least one batch. */
    private static Cost round(Step step, long leastNs) {
        long thread = Thread.currentThread().getId();
        long bytes = THREADS.getThreadAllocatedBytes(thread), began = THREADS.getCurrentThreadCpuTime(), spent, records = 0;
        do {
            for (int i = 0; i < BATCH; i++)
                seen = step.run(i % INPUTS);
            records += BATCH;
            spent = THREADS.getCurrentThreadCpuTime() - began;
        } while (spent < leastNs);
        return new Cost((double) spent / records, (double) (THREADS.getThreadAllocatedBytes(thread) - bytes) / records);
    }

    private static Step step(JsonNode test) throws Exception {
        String kind = test.get("kind").asText();
        Object plugin = Class.forName(test.get("class").asText()).getDeclaredConstructor().newInstance();
        Map<String, String> config = texts(test.get("config"));
        if (kind.equals("transform"))
            return transform((Transformation<SinkRecord>) plugin, config, test);
        if (kind.equals("predicate"))
            return predicate((Predicate<SinkRecord>) plugin, config, test);
        if (kind.startsWith("header_"))
            return headerConverter((HeaderConverter) plugin, config, test);
        return converter((Converter) plugin, config, test);
    }

    private static Step transform(Transformation<SinkRecord> transform, Map<String, String> config, JsonNode test) {
        SinkRecord[] records = records(test);
        transform.configure(config);
        return i -> transform.apply(records[i]);
    }

    private static Step predicate(Predicate<SinkRecord> predicate, Map<String, String> config, JsonNode test) {
        SinkRecord[] records = records(test);
        predicate.configure(config);
        return i -> predicate.test(records[i]) ? records : null;
    }

    private static Step converter(Converter converter, Map<String, String> config, JsonNode test) throws IOException {
        SchemaAndValue[] values = values(test, "value");
        byte[][] bytes = bytes(test);
        Headers none = new ConnectHeaders();
        converter.configure(config, false);
        if (test.get("kind").asText().equals("from_connect"))
            return i -> converter.fromConnectData(TOPIC, null, values[i].schema(), values[i].value());
        return i -> converter.toConnectData(TOPIC, null, bytes[i]);
    }

    private static Step headerConverter(HeaderConverter converter, Map<String, String> config, JsonNode test) throws IOException {
        SchemaAndValue[] values = values(test, "value");
        byte[][] bytes = bytes(test);
        Map<String, String> whole = new HashMap<>(config);
        whole.put("converter.type", "header");
        converter.configure(whole);
        if (test.get("kind").asText().equals("header_from_connect"))
            return i -> converter.fromConnectHeader(TOPIC, "h", values[i].schema(), values[i].value());
        return i -> converter.toConnectHeader(TOPIC, "h", bytes[i]);
    }

    // What goes in -----------------------------------------------------------------------------------------------

    private static SinkRecord[] records(JsonNode test) {
        SchemaAndValue[] keys = values(test, "key"), values = values(test, "value");
        SinkRecord[] records = new SinkRecord[INPUTS];
        for (int i = 0; i < INPUTS; i++)
            records[i] = new SinkRecord(TOPIC, 3, keys[i].schema(), keys[i].value(), values[i].schema(), values[i].value(), 42,
                1700000000123L, TimestampType.CREATE_TIME, headers(test.get("headers")));
        return records;
    }

    private static Headers headers(JsonNode json) {
        Headers headers = new ConnectHeaders();
        texts(json).forEach((name, text) -> headers.add(name, text, null));
        return headers;
    }

    private static SchemaAndValue[] values(JsonNode test, String member) {
        SchemaAndValue[] values = new SchemaAndValue[INPUTS];
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", test.path("typed").asBoolean()), false);
        for (int i = 0; i < INPUTS; i++)
            values[i] = test.has(member)
                ? converter.toConnectData(TOPIC, test.get(member).asText().getBytes(StandardCharsets.UTF_8)) : SchemaAndValue.NULL;
        return values;
    }

    private static byte[][] bytes(JsonNode test) {
        byte[][] bytes = new byte[INPUTS][];
        for (int i = 0; test.has("bytes") && i < INPUTS; i++)
            bytes[i] = Base64.getDecoder().decode(test.get("bytes").asText());
        return bytes;
    }

    private static Map<String, String> texts(JsonNode json) {
        Map<String, String> texts = new java.util.LinkedHashMap<>();
        for (Iterator<String> names = json == null ? List.<String>of().iterator() : json.fieldNames(); names.hasNext();) {
            String name = names.next();
            texts.put(name, json.get(name).asText());
        }
        return texts;
    }
}
