/*
 * http_bench.h: the HTTP sink, driven through its public tables as a task drives it, against a target in the same process
 * (http_target.h). Include after cmocka.h.
 */
#ifndef HTTP_BENCH_H
#define HTTP_BENCH_H

#include "connector_test.h"
#include "http_plugin.h"
#include "http_target.h"

#define ANSWER(status, more, body) "HTTP/1.1 " status " X\r\n" more "Content-Length: " body
#define REFUSED ANSWER("400", "", "3\r\n\r\nbad")
#define BROKEN ANSWER("500", "", "0\r\n\r\n")
#define AWAY ANSWER("503", "", "0\r\n\r\n")
#define TOKEN(text) ANSWER("200", "", "39\r\n\r\n{\"access_token\":\"" text "\",\"expires_in\":300}")
#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

struct http_bench {
    struct mr_sink_context context;
    struct mr_errant_reporter errant;
    const struct mr_sink_task_ops *ops;
    struct mr_config *config;
    void *self;
    struct mr_batch *batch;
    struct http_target target;
    struct mr_error *error;
    char reported[4096]; /* "offset: words\n" … */
    int reports;
};

static inline int report(void *owner, const struct mr_record *record, const struct mr_error *reason,
                         struct mr_future **future, struct mr_error **error)
{
    struct http_bench *bench = owner;
    size_t at = strlen(bench->reported);

    (void)future, (void)error;
    bench->reports++;
    snprintf(bench->reported + at, sizeof(bench->reported) - at, "%lld: %s\n", (long long)mr_record_offset(record),
             mr_error_message(reason));
    return 0;
}

static const struct errant_reporter_host errant_host = {.report = report};
static const struct sink_context_host sink_host;

/* `lines`: options besides the URL, which is the target's and ends in `path`. */
static inline void bench_start(struct http_bench *bench, const char *const *answers, const char *path,
                               const char *const *lines)
{
    const struct mr_plugin *plugin = plugin_at(0);
    char url[256], token_url[256];
    const char *all[16] = {url};
    size_t count = 1;

    *bench = (struct http_bench){.ops = ((const struct mr_sink_connector_ops *)plugin->ops)->task};
    target_start(&bench->target, answers);
    snprintf(url, sizeof(url), "http.api.url=http://127.0.0.1:%u%s", bench->target.port, path);
    snprintf(token_url, sizeof(token_url), "oauth2.token.url=http://127.0.0.1:%u/token", bench->target.port);
    for (; *lines != NULL; lines++)
        all[count++] = strcmp(*lines, "TOKEN_URL") == 0 ? token_url : *lines;
    bench->config = config_of(plugin->config_def, all);
    bench->context = (struct mr_sink_context){.host = &sink_host, .owner = bench, .connector = "test"};
    bench->errant = (struct mr_errant_reporter){.host = &errant_host, .owner = bench};
    bench->batch = mr_batch_create(64 << 20);
    bench->self = bench->ops->create(&bench->context, NULL);
    if (bench->ops->start(bench->self, bench->config, &bench->error) != 0)
        fail_msg("%s", mr_error_message(bench->error));
}

static inline void bench_end(struct http_bench *bench)
{
    bench->ops->stop(bench->self);
    bench->ops->destroy(bench->self);
    target_end(&bench->target);
    mr_config_destroy(bench->config);
    mr_batch_drop(bench->batch);
    mr_error_drop(bench->error);
}

static inline struct mr_record *add(struct http_bench *bench, int32_t partition, int64_t offset, const char *key,
                                    const char *value)
{
    struct mr_record *record = mr_batch_append(bench->batch);
    struct mr_arena *arena = mr_batch_arena(bench->batch);
    struct record_origin origin = {.topic = "t", .partition = partition, .offset = offset, .timestamp_ms = -1};

    assert_int_equal(0, record_set_origin(record, &origin));
    if (key != NULL)
        assert_int_equal(0, mr_record_set_key(record, NULL, mr_string(arena, key)));
    if (value != NULL)
        assert_int_equal(0, mr_record_set_value(record, NULL, mr_string(arena, value)));
    return record;
}

/* Puts all records of the batch. */
static inline int put(struct http_bench *bench)
{
    struct mr_record *records[64];
    size_t count = mr_batch_count(bench->batch);

    for (size_t i = 0; i < count; i++)
        records[i] = mr_batch_at(bench->batch, i);
    mr_error_clear(&bench->error);
    return bench->ops->put(bench->self, records, count, &bench->error);
}

static inline void give_header(struct http_bench *bench, struct mr_record *record, const char *name, const char *value)
{
    assert_int_equal(0, mr_record_add_header(record, name, NULL, mr_string(mr_batch_arena(bench->batch), value)));
}

static inline void assert_body(struct http_bench *bench, size_t number, const char *expected)
{
    assert_string_equal(expected, target_body(&bench->target, number));
}

static inline bool has_head(struct http_bench *bench, size_t number, const char *line)
{
    return strstr(bench->target.requests[number], line) != NULL;
}

/* Whole answers of 200 with this body. The text is the caller's to free. */
static inline char *answer_of(const char *body)
{
    char *answer;

    assert_true(asprintf(&answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body) > 0);
    return answer;
}

#endif
