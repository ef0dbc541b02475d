/* baseline_sink: a topic's records into a file, a line each, with librdkafka alone: partition 0 read in batches, one write a
 * batch. */
#include "baseline.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 500

struct output {
    int fd;
    char *bytes;
    size_t size, capacity;
};

static void add(struct output *output, const void *text, size_t size)
{
    while (output->size + size + 1 > output->capacity) {
        output->capacity = output->capacity == 0 ? 65536 : output->capacity * 2;
        output->bytes = realloc(output->bytes, output->capacity);
        if (output->bytes == NULL)
            baseline_die("output", "no memory");
    }
    memcpy(output->bytes + output->size, text, size);
    output->size += size;
    output->bytes[output->size++] = '\n';
}

static void flush(struct output *output)
{
    for (size_t at = 0; at < output->size;) {
        ssize_t count = write(output->fd, output->bytes + at, output->size - at);

        if (count < 0)
            baseline_die("output", "cannot be written");
        at += (size_t)count;
    }
    output->size = 0;
}

static uint64_t take(struct output *output, rd_kafka_message_t **messages, ssize_t count)
{
    uint64_t taken = 0;

    for (ssize_t i = 0; i < count; i++) {
        if (messages[i]->err == 0) {
            add(output, messages[i]->payload, messages[i]->len);
            taken++;
        }
        rd_kafka_message_destroy(messages[i]);
    }
    return taken;
}

int main(int argc, char **argv)
{
    struct baseline baseline;
    rd_kafka_message_t *messages[BATCH];
    struct output output = {0};
    uint64_t taken = 0;
    char why[256];

    baseline_parse(&baseline, argc, argv);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, baseline.conf, why, sizeof(why));
    if (rk == NULL)
        baseline_die("consumer", why);
    output.fd = open(baseline.file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
    if (output.fd < 0)
        baseline_die(baseline.file, "cannot be created");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, baseline.topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;

    baseline_begin();
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(rk, baseline.topic, 0);
    rd_kafka_queue_forward(queue, NULL);
    rd_kafka_assign(rk, list);
    while (taken < baseline.records) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 100, messages, BATCH);

        taken += take(&output, messages, count);
        flush(&output);
    }
    baseline_end(taken);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    free(output.bytes);
    return 0;
}
