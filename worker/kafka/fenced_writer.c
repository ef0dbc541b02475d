#include "kafka/fenced_writer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/client_config.h"
#include "kafka/native_internal.h"

#include "base/bans.h"

#define ABORT_TIMEOUT_MS 5000 /* beyond the deadline of the call that failed */
#define LONGEST_MS 600000

/* What the brokers said of the entries of one call. Belongs to the handle: its reports may come as long as it lives. */
struct outcome {
    rd_kafka_resp_err_t failure; /* the first */
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
    else if (outcome->failure == RD_KAFKA_RESP_ERR_NO_ERROR)
        outcome->failure = message->err;
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
    return native_open(RD_KAFKA_PRODUCER, &conf, error);
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

static bool is_denied(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
           code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

/* Consumes the native error, unless it is NULL (success). */
static int error_take(const struct fenced_writer *writer, rd_kafka_error_t *native, struct mr_error **error)
{
    char words[256];
    if (native == NULL)
        return 0;
    /* After a fatal error only that one tells why. */
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(writer->handle->rk, words, sizeof words);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = rd_kafka_error_code(native);
        snprintf(words, sizeof words, "%s", rd_kafka_error_string(native));
    }
    mr_error_set(error, is_denied(code) ? MR_ERR_NOT_SUPPORTED : native_error_code(code), "transactional id %s: %s",
                 writer->transactional_id, words);
    rd_kafka_error_destroy(native);
    return -1;
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

static int produce_all(struct fenced_writer *writer, const struct fenced_writer_entry *entries, size_t count,
                       struct mr_error **error)
{
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_produce(writer->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                             (void *)(uintptr_t)entries[i].value.data, entries[i].value.size, entries[i].key.data,
                             entries[i].key.size, writer->outcome) != 0)
            return native_error_set(error, rd_kafka_last_error(), "topic %s", rd_kafka_topic_name(writer->topic));
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
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR && !rd_kafka_error_is_fatal(native))
        native_error_set(error, failure, "topic %s", rd_kafka_topic_name(writer->topic));
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
