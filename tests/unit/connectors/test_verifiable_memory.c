/* VerifiableSource and VerifiableSink when memory runs out, at each allocation in turn: they fail in words and leave nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connector_test.h"
#include "support/malloc_torture.h"
#include "verifiable_plugin.h"

/* What stands around a task; made before memory runs out. */
struct stand {
    struct mr_config *config;
    struct mr_error *failed;
};

/* Without words nobody would know. NULL is what a plugin must take for `error` as well. */
static bool has_failed(const struct mr_error *error)
{
    return error == NULL || mr_error_message(error)[0] != '\0';
}

/* --- the source ---- */

static bool poll_and_commit(const struct mr_source_task_ops *ops, void *self, const struct mr_config *config, struct mr_batch *batch,
                            struct mr_error **error)
{
    struct mr_record_metadata metadata = {.size = sizeof(metadata), .topic = "t"};

    if (ops->prepare(self, config, error) != 0 || ops->start(self, config, error) != 0 || ops->poll(self, batch, error) != 0)
        return false;
    for (size_t i = 0; i < mr_batch_count(batch); i++)
        if (ops->commit_record(self, mr_batch_at(batch, i), &metadata, error) != 0)
            return false;
    return true;
}

static bool source_lives(void *argument)
{
    struct stand *stand = argument;
    const struct mr_source_task_ops *ops = ((const struct mr_source_connector_ops *)verifiable_source_plugin.ops)->task;
    struct source_bench bench = {.stored = NULL};
    struct mr_source_context context = {.host = &bench_host, .owner = &bench, .connector = "test", .batch_records_max = 20,
                                        .batch_bytes_max = 1 << 20};
    struct mr_error *error = NULL;
    struct mr_batch *batch = mr_batch_create(1 << 20);
    void *self = batch == NULL ? NULL : ops->create(&context, &error);
    bool worked = self != NULL && poll_and_commit(ops, self, stand->config, batch, &error);

    assert_true(worked || has_failed(error));
    if (self != NULL) {
        ops->stop(self);
        ops->destroy(self);
    }
    mr_batch_drop(batch);
    mr_error_drop(error);
    return worked;
}

/* --- the sink ---- */

static bool add(struct mr_batch *batch, int64_t offset)
{
    const struct record_origin origin = {.topic = "t", .partition = (int32_t)(offset % 3), .offset = offset};
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);

    return record != NULL && mr_record_set_topic(record, "t") == 0 && mr_record_set_key(record, NULL, mr_int32(arena, 1)) == 0 &&
           mr_record_set_value(record, NULL, mr_int64(arena, offset)) == 0 && record_set_origin(record, &origin) == 0;
}

static bool put_and_flush(const struct mr_sink_task_ops *ops, void *self, const struct mr_config *config, struct mr_batch *batch,
                          struct mr_offsets *offsets, struct mr_error **error)
{
    if (ops->start(self, config, error) != 0)
        return false;
    for (size_t i = 0; i < mr_batch_count(batch); i++) {
        struct mr_record *record = mr_batch_at(batch, i);

        if (ops->put(self, &record, 1, error) != 0)
            return false;
    }
    return ops->flush(self, offsets, error) == 0 && ops->close(self, offsets, error) == 0;
}

static bool sink_lives(void *argument)
{
    static const struct sink_context_host host = {.assignment = NULL};
    struct stand *stand = argument;
    const struct mr_sink_task_ops *ops = ((const struct mr_sink_connector_ops *)verifiable_sink_plugin.ops)->task;
    struct mr_sink_context context = {.host = &host, .connector = "test"};
    struct mr_error *error = NULL;
    struct mr_batch *batch = mr_batch_create(1 << 20);
    struct mr_offsets *offsets = offsets_create();
    bool is_made = batch != NULL && offsets != NULL;

    for (int64_t offset = 0; is_made && offset < 30; offset++)
        is_made = add(batch, offset);
    is_made = is_made && mr_offsets_put(offsets, "t", 0, 30) == 0 && mr_offsets_put(offsets, "t", 1, 30) == 0;
    void *self = is_made ? ops->create(&context, &error) : NULL;
    bool worked = self != NULL && put_and_flush(ops, self, stand->config, batch, offsets, &error);

    assert_true(worked || has_failed(error));
    if (self != NULL) {
        ops->stop(self);
        ops->destroy(self);
    }
    offsets_destroy(offsets);
    mr_batch_drop(batch);
    mr_error_drop(error);
    return worked;
}

/* --- both, with their lines going nowhere ---- */

static void torture(bool (*lives)(void *argument), const struct mr_plugin *plugin, const char *const *lines)
{
    struct stand stand = {.config = config_of(plugin->config_def, lines)};
    int nowhere = open("/dev/null", O_WRONLY), own = dup(STDOUT_FILENO);

    assert_non_null(mr_module_v1(&test_host));
    fflush(stdout);
    assert_true(nowhere >= 0 && own >= 0 && dup2(nowhere, STDOUT_FILENO) == STDOUT_FILENO);
    lives(&stand); /* tables that live for ever are made now */
    malloc_torture(lives, &stand);
    assert_int_equal(STDOUT_FILENO, dup2(own, STDOUT_FILENO));
    close(own);
    close(nowhere);
    mr_config_destroy(stand.config);
}

static void a_source_survives_every_lack_of_memory(void **state)
{
    (void)state;
    torture(source_lives, &verifiable_source_plugin, (const char *const[]){"topic=t", NULL});
}

static void complete_records_do_so_as_well(void **state)
{
    (void)state;
    torture(source_lives, &verifiable_source_plugin, (const char *const[]){"topic=t", "complete.record.data=true", NULL});
}

static void a_sink_survives_every_lack_of_memory(void **state)
{
    (void)state;
    torture(sink_lives, &verifiable_sink_plugin, (const char *const[]){"id=2", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_survives_every_lack_of_memory),
        cmocka_unit_test(complete_records_do_so_as_well),
        cmocka_unit_test(a_sink_survives_every_lack_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
