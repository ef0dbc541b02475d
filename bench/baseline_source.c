/* baseline_source: a file's lines into a topic with librdkafka alone: the file mapped, messages pointing into the mapping, handed
 * over a thousand at a time, delivery reports as events. */
#include "baseline.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH 1000

static uint64_t delivered, failed;

static void serve(rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);

    if (event == NULL)
        return;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        const rd_kafka_message_t *message;

        while ((message = rd_kafka_event_message_next(event)) != NULL) {
            delivered++;
            failed += message->err != 0;
        }
    }
    rd_kafka_event_destroy(event);
}

static void hand_over(rd_kafka_topic_t *topic, rd_kafka_queue_t *queue, rd_kafka_message_t *messages, int count)
{
    int at = 0;

    while (at < count) {
        at += rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA, 0, messages + at, count - at);
        serve(queue, at < count ? 10 : 0);
        /* Those refused in the middle have err set; a full queue refuses from some message on. */
        while (at < count && messages[at].err == 0)
            at++;
    }
}

static const char *map_file(const char *path, size_t *size)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    const char *text;

    if (fd < 0 || fstat(fd, &status) != 0)
        baseline_die(path, strerror(2));
    *size = (size_t)status.st_size;
    text = mmap(NULL, *size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (text == MAP_FAILED)
        baseline_die(path, "cannot be mapped");
    return text;
}

static uint64_t send_lines(rd_kafka_topic_t *topic, rd_kafka_queue_t *queue, const char *text, size_t size)
{
    rd_kafka_message_t messages[BATCH];
    const char *end = text + size;
    uint64_t sent = 0;

    while (text < end) {
        int count = 0;

        memset(messages, 0, sizeof(messages));
        while (count < BATCH && text < end) {
            const char *newline = memchr(text, '\n', (size_t)(end - text));

            if (newline == NULL)
                newline = end;
            messages[count].payload = (void *)text;
            messages[count++].len = (size_t)(newline - text);
            text = newline + 1;
        }
        hand_over(topic, queue, messages, count);
        sent += (uint64_t)count;
    }
    return sent;
}

int main(int argc, char **argv)
{
    struct baseline baseline;
    char why[256];
    size_t size;
    uint64_t sent;

    baseline_parse(&baseline, argc, argv);
    rd_kafka_conf_set_events(baseline.conf, RD_KAFKA_EVENT_DR);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, baseline.conf, why, sizeof(why));
    if (rk == NULL)
        baseline_die("producer", why);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, baseline.topic, NULL);
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(rk, 0, topic, &metadata, 10000) == 0)
        rd_kafka_metadata_destroy(metadata);
    const char *text = map_file(baseline.file, &size);

    baseline_begin();
    sent = send_lines(topic, queue, text, size);
    while (delivered < sent)
        serve(queue, 100);
    baseline_end(sent);
    if (failed > 0)
        baseline_die("produce", "some records were refused");
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return 0;
}
