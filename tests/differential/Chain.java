import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.runtime.ConnectMetrics;
import org.apache.kafka.connect.runtime.ConnectorConfig;
import org.apache.kafka.connect.runtime.TransformationStage;
import org.apache.kafka.connect.runtime.isolation.LoaderSwap;
import org.apache.kafka.connect.runtime.isolation.Plugins;
import org.apache.kafka.connect.runtime.standalone.StandaloneConfig;
import org.apache.kafka.connect.util.ConnectorTaskId;

/** Connector-level properties to the stages that a worker of Kafka Connect makes of them. */
final class Chain {
    static final class Refused extends Exception {
        Refused(Throwable cause) {
            super(cause);
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static final class Stages implements AutoCloseable {
        private final List<TransformationStage> stages;

        Stages(List stages) {
            this.stages = stages;
        }

        ConnectRecord<?> apply(ConnectRecord record) {
            for (TransformationStage stage : stages) {
                if (record != null)
                    record = stage.apply(record);
            }
            return record;
        }

        @Override
        public void close() {
            stages.forEach(TransformationStage::close);
        }
    }

    private final Plugins plugins;
    private final ConnectMetrics metrics;

    Chain() {
        Map<String, String> worker = new HashMap<>();
        worker.put("bootstrap.servers", "127.0.0.1:1");
        worker.put("key.converter", "org.apache.kafka.connect.storage.StringConverter");
        worker.put("value.converter", "org.apache.kafka.connect.storage.StringConverter");
        worker.put("offset.storage.file.filename", "none");
        worker.put("plugin.discovery", "only_scan");
        plugins = new Plugins(worker);
        metrics = new ConnectMetrics("differential", new StandaloneConfig(worker), Time.SYSTEM, "cluster");
    }

    @SuppressWarnings("rawtypes")
    Stages create(Map<String, String> properties) throws Refused {
        Map<String, String> all = new HashMap<>(properties);
        all.put("name", "c");
        all.put("connector.class", "org.apache.kafka.connect.tools.MockSinkConnector");
        try (LoaderSwap swap = plugins.withClassLoader(plugins.delegatingLoader())) {
            ConnectorConfig config = new ConnectorConfig(plugins, ConnectorConfig.configDef(), all);
            List stages = config.transformationStages(plugins, new ConnectorTaskId("c", 0), metrics);
            return new Stages(stages);
        } catch (Throwable thrown) {
            throw new Refused(thrown);
        }
    }
}
