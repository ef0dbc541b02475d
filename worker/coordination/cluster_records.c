#include "coordination/cluster_records.h"

#include <inttypes.h>
#include <millrace/arena.h>
#include <millrace/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"

#include "base/bans.h"

int cluster_stamp_compare(struct cluster_stamp one, struct cluster_stamp other)
{
    if (one.epoch != other.epoch)
        return one.epoch < other.epoch ? -1 : 1;
    return (one.sequence > other.sequence) - (one.sequence < other.sequence);
}

bool cluster_revocation_parse(const char *text, struct cluster_stamp *stamp, const char **reason)
{
    int end = 0;

    *stamp = (struct cluster_stamp){0};
    *reason = text != NULL ? text : "";
    if (text == NULL || sscanf(text, "%" SCNu64 ".%" SCNu64 "%n", &stamp->epoch, &stamp->sequence, &end) != 2 || end == 0) {
        *stamp = (struct cluster_stamp){0};
        return false;
    }
    *reason = text + end + (text[end] == ' ');
    return true;
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

/* A JSON object in the making; a failed constructor is noticed once, at the end. */
struct writer {
    struct mr_arena *arena;
    struct mr_value *map;
    bool failed;
};

static void put(struct writer *writer, const char *name, const struct mr_value *value)
{
    if (writer->map == NULL || mr_map_put_text(writer->arena, writer->map, name, value) != 0)
        writer->failed = true;
}

static void put_text(struct writer *writer, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        put(writer, name, mr_string_ref(writer->arena, text, strlen(text)));
}

static void put_number(struct writer *writer, const char *name, int64_t number)
{
    put(writer, name, mr_int64(writer->arena, number));
}

static void put_flag(struct writer *writer, const char *name, bool flag)
{
    if (flag)
        put(writer, name, mr_boolean(true));
}

static void put_stamp(struct writer *writer, const char *name, struct cluster_stamp stamp)
{
    struct writer inner = {writer->arena, mr_map_create(writer->arena, 2), false};

    put_number(&inner, "epoch", (int64_t)stamp.epoch);
    put_number(&inner, "sequence", (int64_t)stamp.sequence);
    if (inner.failed)
        writer->failed = true;
    else
        put(writer, name, inner.map);
}

/*
 * Texts that several units of the cluster record have stand in it once, in "texts"; the units say "=N", counted from 0. So it stays below
 * what a topic takes (1 MB) with thousands of units that nobody runs. No text of ours begins with "=". Few units are written out, as
 * builds read them that know no "texts".
 */
#define SHARED_FROM 500 /* units */
#define SHARED_MAX 64 /* further ones are written out for each unit */
struct shared_texts {
    const char *texts[SHARED_MAX]; /* borrowed from the maps; those that only one unit has are left out at the end */
    size_t uses[SHARED_MAX];
    size_t count;
};

static size_t shared_find(const struct shared_texts *shared, const char *text)
{
    size_t at = 0;

    while (shared != NULL && at < shared->count && strcmp(shared->texts[at], text) != 0)
        at++;
    return shared != NULL && at < shared->count ? at : SHARED_MAX;
}

static void shared_count(struct shared_texts *shared, const struct unit_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const char *text = map->entries[i].text;
        size_t at = text != NULL ? shared_find(shared, text) : SHARED_MAX;

        if (at < SHARED_MAX)
            shared->uses[at]++;
        else if (text != NULL && shared->count < SHARED_MAX)
            shared->texts[shared->count++] = text;
    }
}

static void shared_keep_repeated(struct shared_texts *shared)
{
    size_t kept = 0;

    for (size_t i = 0; i < shared->count; i++)
        if (shared->uses[i] > 0)
            shared->texts[kept++] = shared->texts[i];
    shared->count = kept;
}

static void put_shared(struct writer *writer, const struct shared_texts *shared)
{
    struct mr_value *list = mr_array_create(writer->arena, shared->count);

    for (size_t i = 0; i < shared->count && list != NULL; i++)
        if (mr_array_append(writer->arena, list, mr_string_ref(writer->arena, shared->texts[i], strlen(shared->texts[i]))) != 0)
            list = NULL;
    if (list == NULL)
        writer->failed = true;
    else if (shared->count > 0)
        put(writer, "texts", list);
}

static const struct mr_value *text_or_null(struct mr_arena *arena, const struct shared_texts *shared, const char *text)
{
    size_t at = text != NULL ? shared_find(shared, text) : SHARED_MAX;

    if (text == NULL)
        return mr_null();
    if (at < SHARED_MAX)
        return mr_string(arena, mr_arena_printf(arena, "=%zu", at));
    return mr_string_ref(arena, text, strlen(text));
}

/* [-1, 0, 1] of the entries from `first` on that have the same connector, or {"-1": "text", …} where one has a text. */
static const struct mr_value *units_of_connector(struct mr_arena *arena, const struct shared_texts *shared,
                                                 const struct unit_map *map, size_t first, size_t end)
{
    bool has_texts = false;
    struct mr_value *list;

    for (size_t i = first; i < end; i++)
        has_texts = has_texts || map->entries[i].text != NULL;
    list = has_texts ? mr_map_create(arena, end - first) : mr_array_create(arena, end - first);
    for (size_t i = first; i < end && list != NULL; i++) {
        const struct unit_entry *entry = &map->entries[i];
        int result;

        if (has_texts)
            result = mr_map_put_text(arena, list, mr_arena_printf(arena, "%" PRId32, entry->task),
                                     text_or_null(arena, shared, entry->text));
        else
            result = mr_array_append(arena, list, mr_int32(arena, entry->task));
        if (result != 0)
            return NULL;
    }
    return list;
}

/* `shared` NULL: each with its text. */
static void put_units_sharing(struct writer *writer, const char *name, const struct unit_map *map, const struct shared_texts *shared)
{
    struct writer inner = {writer->arena, mr_map_create(writer->arena, 8), false};

    for (size_t first = 0, end; first < map->count; first = end) {
        for (end = first + 1; end < map->count; end++)
            if (strcmp(map->entries[end].connector, map->entries[first].connector) != 0)
                break;
        put(&inner, map->entries[first].connector, units_of_connector(writer->arena, shared, map, first, end));
    }
    if (inner.failed)
        writer->failed = true;
    else if (map->count > 0)
        put(writer, name, inner.map);
}

static void put_units(struct writer *writer, const char *name, const struct unit_map *map)
{
    put_units_sharing(writer, name, map, NULL);
}

static struct writer writer_begin(void)
{
    struct writer writer = {mr_arena_create(CLUSTER_RECORD_MAX * 4ul), NULL, false};

    writer.map = writer.arena != NULL ? mr_map_create(writer.arena, 16) : NULL;
    if (writer.map == NULL)
        writer.failed = true;
    else
        put_number(&writer, "v", CLUSTER_FORMAT);
    return writer;
}

static int writer_end(struct writer *writer, struct str_buffer *text, struct mr_error **error)
{
    struct mr_bytes bytes;
    int result = -1;

    if (writer->failed)
        mr_arena_failed(writer->arena, error);
    else if (mr_json_write(writer->arena, NULL, writer->map, 0, &bytes, error) == 0)
        result = str_buffer_append(text, bytes.data, bytes.size)
                     ? 0
                     : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a cluster record");
    mr_arena_destroy(writer->arena);
    return result;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

struct reader {
    struct mr_arena *arena;
    const struct mr_value *map; /* NULL: could not be read */
    bool no_memory;
};

static struct reader reader_begin(const char *text, size_t size, struct mr_error **error)
{
    struct reader reader = {.arena = mr_arena_create(CLUSTER_RECORD_MAX * 4ul)};

    if (reader.arena == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a cluster record");
        return reader;
    }
    reader.map = mr_json_read(reader.arena, (struct mr_bytes){text, size}, MR_JSON_WHOLE_TEXT, error);
    if (reader.map != NULL && mr_value_kind(reader.map) != MR_KIND_MAP) {
        mr_error_set(error, MR_ERR_DATA, "a cluster record is not a JSON object");
        reader.map = NULL;
    }
    return reader;
}

static int reader_end(struct reader *reader, struct mr_error **error)
{
    bool was_read = reader->map != NULL;

    mr_arena_destroy(reader->arena);
    if (!was_read)
        return -1;
    return reader->no_memory ? mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a cluster record") : 0;
}

/* A member of that kind, else NULL. */
static const struct mr_value *get(const struct mr_value *map, const char *name, enum mr_kind kind)
{
    const struct mr_value *value = mr_map_get(map, name);

    return value != NULL && mr_value_kind(value) == kind ? value : NULL;
}

static int64_t get_number(const struct mr_value *map, const char *name, int64_t otherwise)
{
    const struct mr_value *value = get(map, name, MR_KIND_INT64);

    return value != NULL ? mr_value_integer(value) : otherwise;
}

static bool get_flag(const struct mr_value *map, const char *name)
{
    const struct mr_value *value = get(map, name, MR_KIND_BOOLEAN);

    return value != NULL && mr_value_boolean(value);
}

/* A copy for the caller; NULL when absent. A text with a NUL inside is cut there: no name of ours has one. */
static char *copy_text(struct reader *reader, const struct mr_value *value)
{
    struct mr_bytes bytes;
    char *text;

    if (value == NULL || mr_value_kind(value) != MR_KIND_STRING)
        return NULL;
    bytes = mr_value_bytes(value);
    text = mem_strndup(bytes.data, bytes.size);
    if (text == NULL)
        reader->no_memory = true;
    return text;
}

static char *get_text(struct reader *reader, const char *name)
{
    return copy_text(reader, mr_map_get(reader->map, name));
}

static void get_boot(const struct reader *reader, const char *name, char boot[MEMBERSHIP_BOOT_ID_SIZE])
{
    const struct mr_value *value = get(reader->map, name, MR_KIND_STRING);
    struct mr_bytes bytes = value != NULL ? mr_value_bytes(value) : (struct mr_bytes){"", 0};

    if (bytes.size < MEMBERSHIP_BOOT_ID_SIZE)
        snprintf(boot, MEMBERSHIP_BOOT_ID_SIZE, "%.*s", (int)bytes.size, (const char *)bytes.data);
}

static struct cluster_stamp get_stamp(const struct mr_value *map, const char *name)
{
    const struct mr_value *stamp = get(map, name, MR_KIND_MAP);

    if (stamp == NULL)
        return (struct cluster_stamp){0};
    return (struct cluster_stamp){(uint64_t)get_number(stamp, "epoch", 0), (uint64_t)get_number(stamp, "sequence", 0)};
}

static void put_unit(struct reader *reader, struct unit_map *map, const char *connector, int64_t task, const char *text)
{
    if (task >= UNIT_IS_CONNECTOR && task <= INT32_MAX && !unit_map_put(map, connector, (int32_t)task, text))
        reader->no_memory = true;
}

static void read_list(struct reader *reader, struct unit_map *map, const char *connector, const struct mr_value *list)
{
    for (size_t i = 0; i < mr_array_count(list); i++) {
        const struct mr_value *task = mr_array_at(list, i);

        if (mr_value_kind(task) == MR_KIND_INT64)
            put_unit(reader, map, connector, mr_value_integer(task), NULL);
    }
}

/* "=N" is the Nth of the record's texts; what does not stand there is as it is written. */
static char *copy_shared(struct reader *reader, const struct mr_value *value)
{
    char *text = copy_text(reader, value), *end;
    const struct mr_value *texts = get(reader->map, "texts", MR_KIND_ARRAY);
    unsigned long at;

    if (text == NULL || text[0] != '=' || texts == NULL)
        return text;
    at = strtoul(text + 1, &end, 10);
    if (end == text + 1 || *end != '\0' || at >= mr_array_count(texts))
        return text;
    mem_free(text);
    return copy_text(reader, mr_array_at(texts, at));
}

static void read_texts(struct reader *reader, struct unit_map *map, const char *connector, const struct mr_value *texts)
{
    for (size_t i = 0; i < mr_map_count(texts); i++) {
        char *task = copy_text(reader, mr_map_key_at(texts, i)), *end = task;
        char *text = copy_shared(reader, mr_map_value_at(texts, i));
        long number = task != NULL ? strtol(task, &end, 10) : 0;

        if (task != NULL && end != task && *end == '\0')
            put_unit(reader, map, connector, number, text);
        mem_free(task);
        mem_free(text);
    }
}

static void get_units(struct reader *reader, const char *name, struct unit_map *map)
{
    const struct mr_value *units = get(reader->map, name, MR_KIND_MAP);

    for (size_t i = 0; units != NULL && i < mr_map_count(units); i++) {
        const struct mr_value *of = mr_map_value_at(units, i);
        char *connector = copy_text(reader, mr_map_key_at(units, i));

        if (connector != NULL && mr_value_kind(of) == MR_KIND_ARRAY)
            read_list(reader, map, connector, of);
        else if (connector != NULL && mr_value_kind(of) == MR_KIND_MAP)
            read_texts(reader, map, connector, of);
        mem_free(connector);
    }
}

/* --- the member record --------------------------------------------------------------------------------------------- */

bool cluster_member_says_gone(const struct cluster_member *member, const char *url, const char *boot)
{
    size_t length = strlen(url);

    for (size_t i = 0; i < member->gone.count; i++) {
        const char *id = member->gone.items[i];

        if (strncmp(id, url, length) == 0 && id[length] == '#' && strcmp(id + length + 1, boot) == 0)
            return true;
    }
    return false;
}

bool cluster_member_shares_secret(const struct cluster_member *member, const char *mark)
{
    if (member->secret_mark == NULL || mark == NULL)
        return member->secret_mark == mark;
    return strcmp(member->secret_mark, mark) == 0;
}

bool cluster_terms_differ(const char *one, const char *other)
{
    return one != NULL && other != NULL && one[0] != '\0' && other[0] != '\0' && strcmp(one, other) != 0;
}

void cluster_member_init(struct cluster_member *member)
{
    *member = (struct cluster_member){0};
    ptr_array_init(&member->gone, mem_free);
}

void cluster_member_release(struct cluster_member *member)
{
    mem_free(member->version);
    mem_free(member->host);
    mem_free(member->labels);
    mem_free(member->group);
    mem_free(member->offset_topic);
    mem_free(member->status_topic);
    mem_free(member->exactly_once);
    mem_free(member->secret_mark);
    unit_map_release(&member->stopped);
    unit_map_release(&member->prepared);
    ptr_array_release(&member->gone);
    cluster_member_init(member);
}

static void put_gone(struct writer *writer, const struct ptr_array *gone)
{
    struct mr_value *list = mr_array_create(writer->arena, gone->count);

    for (size_t i = 0; i < gone->count; i++) {
        const char *id = gone->items[i];

        if (list == NULL || mr_array_append(writer->arena, list, mr_string_ref(writer->arena, id, strlen(id))) != 0)
            writer->failed = true;
    }
    if (gone->count > 0)
        put(writer, "gone", list);
}

int cluster_member_encode(const struct cluster_member *member, struct str_buffer *text, struct mr_error **error)
{
    struct writer writer = writer_begin();

    if (!writer.failed) {
        put_text(&writer, "boot", member->boot);
        put_text(&writer, "version", member->version);
        put_text(&writer, "host", member->host);
        put_number(&writer, "pid", member->pid);
        put_number(&writer, "started", member->started);
        put_text(&writer, "labels", member->labels);
        put_text(&writer, "group", member->group);
        put_text(&writer, "offset_topic", member->offset_topic);
        put_text(&writer, "status_topic", member->status_topic);
        put_text(&writer, "exactly_once", member->exactly_once);
        put_text(&writer, "secret_mark", member->secret_mark);
        put_flag(&writer, "drains", member->drains);
        put_flag(&writer, "leaves", member->leaves);
        put_stamp(&writer, "as_of", member->as_of);
        put_units(&writer, "stopped", &member->stopped);
        put_units(&writer, "prepared", &member->prepared);
        put_gone(&writer, &member->gone);
    }
    return writer_end(&writer, text, error);
}

static void get_gone(struct reader *reader, struct ptr_array *gone)
{
    const struct mr_value *list = get(reader->map, "gone", MR_KIND_ARRAY);

    for (size_t i = 0; list != NULL && i < mr_array_count(list); i++) {
        char *id = copy_text(reader, mr_array_at(list, i));

        if (id != NULL && !ptr_array_push(gone, id)) {
            mem_free(id);
            reader->no_memory = true;
        }
    }
}

int cluster_member_decode(struct cluster_member *member, const char *text, size_t size, struct mr_error **error)
{
    struct reader reader = reader_begin(text, size, error);
    int result;

    if (reader.map != NULL) {
        get_boot(&reader, "boot", member->boot);
        member->version = get_text(&reader, "version");
        member->host = get_text(&reader, "host");
        member->pid = get_number(reader.map, "pid", 0);
        member->started = get_number(reader.map, "started", 0);
        member->labels = get_text(&reader, "labels");
        member->group = get_text(&reader, "group");
        member->offset_topic = get_text(&reader, "offset_topic");
        member->status_topic = get_text(&reader, "status_topic");
        member->exactly_once = get_text(&reader, "exactly_once");
        member->secret_mark = get_text(&reader, "secret_mark");
        member->drains = get_flag(reader.map, "drains");
        member->leaves = get_flag(reader.map, "leaves");
        member->as_of = get_stamp(reader.map, "as_of");
        get_units(&reader, "stopped", &member->stopped);
        get_units(&reader, "prepared", &member->prepared);
        get_gone(&reader, &member->gone);
    }
    result = reader_end(&reader, error);
    if (result != 0)
        cluster_member_release(member);
    return result;
}

/* --- the assignment ------------------------------------------------------------------------------------------------- */

void cluster_assignment_init(struct cluster_assignment *assignment)
{
    *assignment = (struct cluster_assignment){0};
}

void cluster_assignment_release(struct cluster_assignment *assignment)
{
    unit_map_release(&assignment->units);
    unit_map_release(&assignment->revoking);
    unit_map_release(&assignment->preparing);
    cluster_assignment_init(assignment);
}

int cluster_assignment_encode(const struct cluster_assignment *assignment, struct str_buffer *text,
                              struct mr_error **error)
{
    struct writer writer = writer_begin();

    if (!writer.failed) {
        put_number(&writer, "epoch", (int64_t)assignment->stamp.epoch);
        put_number(&writer, "sequence", (int64_t)assignment->stamp.sequence);
        put_text(&writer, "leader", assignment->leader);
        put_text(&writer, "boot", assignment->boot);
        put_units(&writer, "units", &assignment->units);
        put_units(&writer, "revoking", &assignment->revoking);
        put_units(&writer, "preparing", &assignment->preparing);
        put_flag(&writer, "unfit", assignment->is_unfit);
    }
    return writer_end(&writer, text, error);
}

static struct cluster_stamp own_stamp(const struct reader *reader)
{
    return (struct cluster_stamp){(uint64_t)get_number(reader->map, "epoch", 0),
                                  (uint64_t)get_number(reader->map, "sequence", 0)};
}

int cluster_assignment_decode(struct cluster_assignment *assignment, const char *text, size_t size,
                              struct mr_error **error)
{
    struct reader reader = reader_begin(text, size, error);
    int result;

    if (reader.map != NULL) {
        assignment->stamp = own_stamp(&reader);
        get_boot(&reader, "leader", assignment->leader);
        get_boot(&reader, "boot", assignment->boot);
        get_units(&reader, "units", &assignment->units);
        get_units(&reader, "revoking", &assignment->revoking);
        get_units(&reader, "preparing", &assignment->preparing);
        assignment->is_unfit = get_flag(reader.map, "unfit");
    }
    result = reader_end(&reader, error);
    if (result != 0)
        cluster_assignment_release(assignment);
    return result;
}

/* --- the cluster record ---------------------------------------------------------------------------------------------- */

void cluster_head_init(struct cluster_head *head)
{
    *head = (struct cluster_head){.rebalance_took_ms = -1};
}

void cluster_head_release(struct cluster_head *head)
{
    mem_free(head->leader_url);
    mem_free(head->group);
    mem_free(head->fencing);
    mem_free(head->rebalance_reason);
    unit_map_release(&head->unassigned);
    unit_map_release(&head->away);
    unit_map_release(&head->absent);
    cluster_head_init(head);
}

int cluster_head_encode(const struct cluster_head *head, struct str_buffer *text, struct mr_error **error)
{
    struct writer writer = writer_begin();
    struct shared_texts shared = {.count = 0};

    if (head->unassigned.count + head->away.count + head->absent.count >= SHARED_FROM) {
        shared_count(&shared, &head->unassigned);
        shared_count(&shared, &head->away);
        shared_count(&shared, &head->absent);
        shared_keep_repeated(&shared);
    }
    if (!writer.failed) {
        put_number(&writer, "epoch", (int64_t)head->stamp.epoch);
        put_number(&writer, "sequence", (int64_t)head->stamp.sequence);
        put_text(&writer, "leader", head->leader);
        put_text(&writer, "leader_url", head->leader_url);
        put_text(&writer, "group", head->group);
        put_text(&writer, "fencing", head->fencing);
        put_shared(&writer, &shared);
        put_units_sharing(&writer, "unassigned", &head->unassigned, &shared);
        put_units_sharing(&writer, "away", &head->away, &shared);
        put_units_sharing(&writer, "absent", &head->absent, &shared);
        put_number(&writer, "rebalance_number", (int64_t)head->rebalance_number);
        put_text(&writer, "rebalance_reason", head->rebalance_reason);
        put_number(&writer, "rebalance_began_ms", head->rebalance_began_ms);
        put_number(&writer, "rebalance_took_ms", head->rebalance_took_ms);
        put_number(&writer, "rebalance_moves", (int64_t)head->rebalance_moves);
    }
    return writer_end(&writer, text, error);
}

int cluster_head_decode(struct cluster_head *head, const char *text, size_t size, struct mr_error **error)
{
    struct reader reader = reader_begin(text, size, error);
    int result;

    if (reader.map != NULL) {
        head->stamp = own_stamp(&reader);
        get_boot(&reader, "leader", head->leader);
        head->leader_url = get_text(&reader, "leader_url");
        head->group = get_text(&reader, "group");
        head->fencing = get_text(&reader, "fencing");
        get_units(&reader, "unassigned", &head->unassigned);
        get_units(&reader, "away", &head->away);
        get_units(&reader, "absent", &head->absent);
        head->rebalance_number = (uint64_t)get_number(reader.map, "rebalance_number", 0);
        head->rebalance_reason = get_text(&reader, "rebalance_reason");
        head->rebalance_began_ms = get_number(reader.map, "rebalance_began_ms", 0);
        head->rebalance_took_ms = get_number(reader.map, "rebalance_took_ms", -1);
        head->rebalance_moves = (uint64_t)get_number(reader.map, "rebalance_moves", 0);
    }
    result = reader_end(&reader, error);
    if (result != 0)
        cluster_head_release(head);
    return result;
}
