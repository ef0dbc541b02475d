/*
 * millrace.kafka.preset: properties that a managed Kafka service documents for its clients, put under what the user wrote. What was
 * set, and what it does to failover, is told at the start.
 *
 * eventhubs: learn.microsoft.com/azure/event-hubs/apache-kafka-configurations ("Recommended configurations"): connections idle
 * for 240 s are cut without a word, requests beyond 1,046,528 bytes close the connection, time-outs below 20 s are not honoured,
 * sessions below 30 s end by themselves.
 * confluent-cloud: the client configuration that Confluent Cloud hands out for a cluster: SASL_SSL with PLAIN (the key and its secret
 * are the user's), sessions of 45 s.
 */
#include "config/worker_config_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/string_map.h"

#include "base/bans.h"

#define NOTE_MAX 4096
#define SESSION_MS_USUAL "10000"

enum {
    FOR_WORKER = 1 << 0,   /* its own clients: internal topics, administration */
    FOR_GROUP = 1 << 1,    /* its membership; a standalone worker has none */
    FOR_PRODUCERS = 1 << 2,
    FOR_CONSUMERS = 1 << 3,
    FOR_ADMINS = 1 << 4,
    FOR_ALL = FOR_WORKER | FOR_PRODUCERS | FOR_CONSUMERS | FOR_ADMINS
};

struct preset_row {
    const char *name;
    const char *value;
    int of;
};

static const struct preset_row eventhubs[] = {
    {"connections.max.idle.ms", "180000", FOR_ALL},
    {"metadata.max.age.ms", "180000", FOR_ALL},
    {"request.timeout.ms", "60000", FOR_ALL},
    {"max.request.size", "1000000", FOR_PRODUCERS},
    {"session.timeout.ms", "30000", FOR_GROUP | FOR_CONSUMERS},
    {"heartbeat.interval.ms", "3000", FOR_GROUP | FOR_CONSUMERS},
    {"millrace.internal.topics.compaction", "warn", FOR_GROUP},
    {NULL, NULL, 0},
};

static const struct preset_row confluent_cloud[] = {
    {"security.protocol", "SASL_SSL", FOR_ALL},
    {"sasl.mechanism", "PLAIN", FOR_ALL},
    {"session.timeout.ms", "45000", FOR_GROUP | FOR_CONSUMERS},
    {NULL, NULL, 0},
};

static const struct preset {
    const char *name;
    const struct preset_row *rows;
} presets[] = {{"eventhubs", eventhubs}, {"confluent-cloud", confluent_cloud}};

static const struct {
    int of;
    const char *prefix;
} places[] = {{FOR_WORKER, ""}, {FOR_GROUP, ""}, {FOR_PRODUCERS, "producer."}, {FOR_CONSUMERS, "consumer."}, {FOR_ADMINS, "admin."}};

static bool apply_row(struct worker_config_box *box, const struct preset_row *row, struct str_buffer *set, struct str_buffer *kept)
{
    char name[WORKER_NAME_MAX];
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if ((row->of & places[i].of) == 0 || (places[i].of == FOR_GROUP && box->config.mode == WORKER_STANDALONE))
            continue;
        snprintf(name, sizeof(name), "%s%s", places[i].prefix, row->name);
        const char *written = string_map_get(box->properties, name);
        if (written == NULL && !string_map_put(box->properties, name, row->value))
            return false;
        if (written == NULL)
            str_buffer_printf(set, "%s%s=%s", set->length > 0 ? ", " : "", name, row->value);
        else if (strcmp(written, row->value) != 0)
            str_buffer_printf(kept, "%s%s", kept->length > 0 ? ", " : "", name);
    }
    return !set->failed && !kept->failed;
}

static bool note(struct worker_config_box *box, struct str_buffer *line)
{
    char *text = line->failed ? NULL : str_buffer_take(line, NULL);
    bool is_kept = text != NULL && ptr_array_push(&box->notes, text);
    if (!is_kept)
        mem_free(text);
    return is_kept;
}

static bool tell(struct worker_config_box *box, const struct preset *preset, const struct str_buffer *set, const struct str_buffer *kept)
{
    struct str_buffer line;
    const char *session_ms = string_map_get(box->properties, "session.timeout.ms");
    str_buffer_init(&line, NOTE_MAX);
    str_buffer_printf(&line, "millrace.kafka.preset=%s set %s%s%s", preset->name, set->length > 0 ? str_buffer_text(set) : "nothing",
                      kept->length > 0 ? "; written otherwise, and kept: " : "", kept->length > 0 ? str_buffer_text(kept) : "");
    bool is_told = note(box, &line);
    str_buffer_release(&line);
    if (!is_told || box->config.mode == WORKER_STANDALONE || session_ms == NULL)
        return is_told;
    str_buffer_init(&line, NOTE_MAX);
    str_buffer_printf(&line,
                      "with session.timeout.ms=%s the work of a worker that is lost with its machine begins elsewhere after %s ms (%s "
                      "without a preset); sinks begin as soon as the work does, since their successors take their places",
                      session_ms, session_ms, SESSION_MS_USUAL);
    is_told = note(box, &line);
    str_buffer_release(&line);
    return is_told;
}

bool worker_preset_apply(struct worker_config_box *box)
{
    const char *wanted = string_map_get(box->properties, "millrace.kafka.preset");
    const struct preset *preset = NULL;
    struct str_buffer set, kept;
    for (size_t i = 0; wanted != NULL && i < sizeof(presets) / sizeof(presets[0]); i++)
        if (strcasecmp(presets[i].name, wanted) == 0)
            preset = &presets[i];
    if (preset == NULL) /* none, or one that the table of options refuses */
        return true;
    str_buffer_init(&set, NOTE_MAX);
    str_buffer_init(&kept, NOTE_MAX);
    bool is_done = true;
    for (const struct preset_row *row = preset->rows; row->name != NULL && is_done; row++)
        is_done = apply_row(box, row, &set, &kept);
    is_done = is_done && tell(box, preset, &set, &kept);
    str_buffer_release(&set);
    str_buffer_release(&kept);
    return is_done;
}
