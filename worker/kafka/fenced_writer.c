#include "kafka/fenced_writer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/client_config.h"
#include "kafka/native_transaction_internal.h"

#include "base/bans.h"

#define ABORT_TIMEOUT_MS 5000 /* beyond the deadline of the call that failed */
#define LONGEST_MS 600000
#define TOPIC_MAX 250

/* What the brokers said of the entries of one call. Belongs to the handle: its reports may come as long as it lives. */
struct outcome {
    rd_kafka_resp_err_t failure; /* the first … */
    char topic[TOPIC_MAX];       /* … and where */
    struct fenced_writer_place last;
};

struct fenced_writer {
    struct native_handle *handle;
    rd_kafka_topic_t *topic;
    struct outcome *outcome;
    bool is_usable;
    char transactional_id[];
};

/* Called while the writer's thread waits in librdkafka: reports are callbacks, not events, so that no thread must serve them. */
static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct outcome *outcome = message->_private;
    (void)rk;
    (void)opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        outcome->last = (struct fenced_writer_place){message->partition, message->offset};
    else if (outcome->failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
        outcome->failure = message->err;
        snprintf(outcome->topic, sizeof outcome->topic, "%s", rd_kafka_topic_name(message->rkt));
    }
}

/* ---- opening ---- */

static rd_kafka_t *open_native(const struct fenced_writer_setup *setup, struct mr_error **error)
{
    char timeout[16];
    rd_kafka_conf_t *conf = native_conf_create(setup->config, error);
    if (conf == NULL)
        return NULL;
    snprintf(timeout, sizeof timeout, "%d", FENCED_WRITER_TRANSACTION_MS);
    native_conf_set(conf, "enable.idempotence", "true");
    native_conf_set(conf, "retries", "2147483647"); /* whatever the worker's file says: idempotence needs some */
    native_conf_set(conf, "transactional.id", setup->transactional_id);
    native_conf_set(conf, "transaction.timeout.ms", timeout);
    native_conf_set(conf, "message.timeout.ms", timeout);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    return native_open(setup->config, RD_KAFKA_PRODUCER, &conf, error);
}

static struct fenced_writer *writer_create(const struct fenced_writer_setup *setup, struct mr_error **error)
{
    size_t id_size = strlen(setup->transactional_id) + 1;
    struct fenced_writer *writer = mem_calloc(1, sizeof *writer + id_size);
    struct outcome *outcome = mem_calloc(1, sizeof *outcome);
    rd_kafka_t *rk = writer != NULL && outcome != NULL ? open_native(setup, error) : NULL;
    if (rk != NULL)
        writer->handle = native_handle_create(rk, setup->graveyard);
    if (rk == NULL || writer->handle == NULL) {
        if (rk != NULL)
            native_destroy(rk);
        mem_free(outcome);
        mem_free(writer);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for transactions"); /* unless it says another reason */
        return NULL;
    }
    memcpy(writer->transactional_id, setup->transactional_id, id_size);
    writer->outcome = outcome;
    writer->handle->hooked = outcome;
    writer->handle->drop_hooked = mem_free;
    return writer;
}

/* Without the metadata, the first transaction would wait for the next scan of topics, up to a second (librdkafka < 2.10.1). */
static int prepare_topic(struct fenced_writer *writer, const char *name, int64_t deadline_ms, struct mr_error **error)
{
    const struct rd_kafka_metadata *metadata;
    writer->topic = rd_kafka_topic_new(writer->handle->rk, name, NULL);
    if (writer->topic == NULL)
        return native_error_set(error, rd_kafka_last_error(), "topic %s", name);
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(writer->handle->rk, 0, writer->topic, &metadata, native_timeout_ms(deadline_ms, LONGEST_MS));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return native_error_set(error, code, "topic %s", name);
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

static int error_take(const struct fenced_writer *writer, rd_kafka_error_t *native, struct mr_error **error)
{
    return native_transaction_error_take(error, writer->handle->rk, writer->transactional_id, native);
}

struct fenced_writer *fenced_writer_open(const struct fenced_writer_setup *setup, int64_t deadline_ms,
                                         struct mr_error **error)
{
    struct fenced_writer *writer = writer_create(setup, error);
    if (writer == NULL)
        return NULL;
    if (prepare_topic(writer, setup->topic, deadline_ms, error) == 0 &&
        error_take(writer,
                       rd_kafka_init_transactions(writer->handle->rk, native_timeout_ms(deadline_ms, LONGEST_MS)),
                       error) == 0) {
        writer->is_usable = true;
        return writer;
    }
    fenced_writer_close(writer);
    return NULL;
}

void fenced_writer_close(struct fenced_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->topic != NULL)
        rd_kafka_topic_destroy(writer->topic);
    native_handle_drop(writer->handle);
    mem_free(writer);
}

/* ---- writing ---- */

bool fenced_writer_is_usable(const struct fenced_writer *writer)
{
    return writer->is_usable;
}

static int produce(struct fenced_writer *writer, const struct fenced_writer_entry *entry, struct mr_error **error)
{
    if (rd_kafka_produce(writer->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)entry->value.data,
                         entry->value.size, entry->key.data, entry->key.size, writer->outcome) != 0)
        return native_error_set(error, rd_kafka_last_error(), "topic %s", rd_kafka_topic_name(writer->topic));
    return 0;
}

static rd_kafka_headers_t *headers_of(const struct fenced_writer_entry *entry)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(entry->header_count);
    for (size_t i = 0; i < entry->header_count; i++)
        rd_kafka_header_add(headers, entry->headers[i].name, -1, entry->headers[i].value.data,
                            (ssize_t)entry->headers[i].value.size);
    return headers;
}

static int produce_elsewhere(struct fenced_writer *writer, const struct fenced_writer_entry *entry, struct mr_error **error)
{
    rd_kafka_headers_t *headers = headers_of(entry);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        writer->handle->rk, RD_KAFKA_V_TOPIC(entry->topic),
        RD_KAFKA_V_PARTITION(entry->partition < 0 ? RD_KAFKA_PARTITION_UA : entry->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(entry->key.data, entry->key.size),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)entry->value.data, entry->value.size), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_TIMESTAMP(entry->timestamp_ms < 0 ? 0 : entry->timestamp_ms), RD_KAFKA_V_OPAQUE(writer->outcome),
        RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    rd_kafka_headers_destroy(headers); /* still ours */
    return native_error_set(error, code, "topic %s", entry->topic);
}

static int produce_all(struct fenced_writer *writer, const struct fenced_writer_entry *entries, size_t count,
                       struct mr_error **error)
{
    for (size_t i = 0; i < count; i++) {
        const struct fenced_writer_entry *entry = &entries[i];
        if ((entry->topic != NULL ? produce_elsewhere(writer, entry, error) : produce(writer, entry, error)) != 0)
            return -1;
    }
    return 0;
}

/* Nothing of the call is to be left, and readers need not wait until the brokers abort it. */
static bool abort_all(struct fenced_writer *writer)
{
    rd_kafka_error_t *native = rd_kafka_abort_transaction(writer->handle->rk, ABORT_TIMEOUT_MS);
    bool is_done = native == NULL;
    if (native != NULL)
        rd_kafka_error_destroy(native);
    return is_done;
}

/* Where librdkafka asks for an abort, nothing was committed; where it does not, the brokers were asked to commit and did not answer, or
 * this writer is shut out. After a record that was refused, librdkafka 2.12 fails the next transaction as well: "skipped sequence
 * numbers". */
static int commit_failed(struct fenced_writer *writer, rd_kafka_error_t *native, struct mr_error **error)
{
    rd_kafka_resp_err_t failure = writer->outcome->failure;
    const char *topic = writer->outcome->topic;
    bool is_of_entry = failure == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED && strcmp(topic, rd_kafka_topic_name(writer->topic)) != 0;
    if (is_of_entry)
        mr_error_set(error, MR_ERR_DATA, "topic %s: %s", topic, rd_kafka_err2str(failure));
    else if (failure != RD_KAFKA_RESP_ERR_NO_ERROR && !rd_kafka_error_is_fatal(native))
        native_error_set(error, failure, "topic %s", topic);
    if (rd_kafka_error_txn_requires_abort(native))
        abort_all(writer);
    writer->is_usable = false;
    return error_take(writer, native, error);
}

static int commit(struct fenced_writer *writer, int64_t deadline_ms, struct mr_error **error)
{
    rd_kafka_error_t *native =
        rd_kafka_commit_transaction(writer->handle->rk, native_timeout_ms(deadline_ms, LONGEST_MS));
    return native == NULL ? 0 : commit_failed(writer, native, error);
}

int fenced_writer_write(struct fenced_writer *writer, const struct fenced_writer_entry *entries, size_t count,
                        int64_t deadline_ms, struct fenced_writer_place *last, struct mr_error **error)
{
    assert(writer->is_usable && count > 0);
    *writer->outcome = (struct outcome){.last = {-1, -1}};
    if (error_take(writer, rd_kafka_begin_transaction(writer->handle->rk), error) != 0) {
        writer->is_usable = false;
        return -1;
    }
    if (produce_all(writer, entries, count, error) != 0) {
        writer->is_usable = abort_all(writer);
        return -1;
    }
    if (commit(writer, deadline_ms, error) != 0)
        return -1;
    *last = writer->outcome->last;
    return 0;
}
