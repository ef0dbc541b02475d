package org.acme;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** What tests/plugins/reporting_sink.c is, for Kafka Connect's own worker. */
public class ReportingSink extends SinkConnector {
    private Map<String, String> properties;

    @Override
    public void start(Map<String, String> properties) {
        this.properties = properties;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return ReportingTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int count) {
        List<Map<String, String>> configs = new ArrayList<>();
        for (int i = 0; i < count; i++)
            configs.add(properties);
        return configs;
    }

    @Override
    public void stop() {
    }

    @Override
    public ConfigDef config() {
        return new ConfigDef();
    }

    @Override
    public String version() {
        return "1.0";
    }

    public static class ReportingTask extends SinkTask {
        private static final Integer UNLUCKY = 13;

        @Override
        public void start(Map<String, String> properties) {
        }

        @Override
        public void put(Collection<SinkRecord> records) {
            for (SinkRecord record : records)
                if (record.value() instanceof Map && UNLUCKY.equals(((Map<?, ?>) record.value()).get("n")))
                    context.errantRecordReporter().report(record, new DataException(UNLUCKY + " is not taken"));
        }

        @Override
        public void stop() {
        }

        @Override
        public String version() {
            return "1.0";
        }
    }
}
