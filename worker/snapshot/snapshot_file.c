#include "snapshot/snapshot_file.h"

#include <inttypes.h>
#include <millrace/error.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"

#include "base/bans.h"

#define HEAD "millrace-snapshot"
#define CONFIG "config"
#define OFFSET "source-offset"
#define GROUP "sink-group"
#define DIGEST_BYTES 32
#define DIGEST_TEXT (2 * DIGEST_BYTES + 1)
#define LINE_BYTES_MAX ((size_t)64 << 20)

static const char *const config_keys[] = {"connector-", "target-state-", "task-", "commit-", "tasks-fencing-"};

bool snapshot_wants_config(const char *key)
{
    for (size_t i = 0; i < sizeof(config_keys) / sizeof(config_keys[0]); i++) {
        size_t length = strlen(config_keys[i]);
        if (strncmp(key, config_keys[i], length) == 0 && key[length] != '\0')
            return true;
    }
    return false;
}

bool snapshot_init(struct snapshot *snapshot)
{
    *snapshot = (struct snapshot){.configs = json_object(), .offsets = json_object(), .groups = json_array()};
    return snapshot->configs != NULL && snapshot->offsets != NULL && snapshot->groups != NULL;
}

void snapshot_release(struct snapshot *snapshot)
{
    json_decref(snapshot->configs);
    json_decref(snapshot->offsets);
    json_decref(snapshot->groups);
    mem_free(snapshot->cluster_id);
    mem_free(snapshot->group_id);
    *snapshot = (struct snapshot){0};
}

static bool digest_of(const char *text, size_t size, char hex[DIGEST_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (EVP_Digest(text, size, bytes, &length, EVP_sha256(), NULL) != 1 || length != DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[DIGEST_TEXT - 1] = '\0';
    return true;
}

/* Writing ------------------------------------------------------------------------------------------------------ */

/* Takes `line`, which may be NULL. */
static bool add_line(struct str_buffer *out, json_t *line)
{
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);
    bool fine = text != NULL && str_buffer_append_text(out, text) && str_buffer_append_char(out, '\n');
    free(text);
    json_decref(line);
    return fine;
}

static bool add_records(struct str_buffer *out, const char *kind, json_t *records)
{
    const char *key;
    json_t *value;
    json_object_foreach(records, key, value) {
        if (!add_line(out, json_pack("{s:s, s:O}", kind, key, "value", value)))
            return false;
    }
    return true;
}

static bool add_groups(struct str_buffer *out, const json_t *groups)
{
    const json_t *group;
    size_t i;
    json_array_foreach(groups, i, group) {
        if (!add_line(out, json_incref((json_t *)(uintptr_t)group)))
            return false;
    }
    return true;
}

bool snapshot_write(const struct snapshot *snapshot, struct str_buffer *out)
{
    char hex[DIGEST_TEXT];
    size_t lines = json_object_size(snapshot->configs) + json_object_size(snapshot->offsets) + json_array_size(snapshot->groups);
    return add_line(out, json_pack("{s:i, s:s, s:s, s:I}", HEAD, SNAPSHOT_VERSION, "cluster", snapshot->cluster_id, "group",
                                   snapshot->group_id, "taken_ms", (json_int_t)snapshot->taken_ms)) &&
           add_records(out, CONFIG, snapshot->configs) && add_records(out, OFFSET, snapshot->offsets) && add_groups(out, snapshot->groups) &&
           digest_of(str_buffer_text(out), out->length, hex) &&
           add_line(out, json_pack("{s:I, s:s}", "lines", (json_int_t)lines, "sha256", hex));
}

/* Reading ------------------------------------------------------------------------------------------------------ */

struct reading {
    struct snapshot *snapshot;
    const char *text, *at, *end;
    size_t line;
    struct mr_error **error;
};

static int refuse(const struct reading *reading, const char *why)
{
    return mr_error_set(reading->error, MR_ERR_DATA, "line %zu %s", reading->line, why);
}

/* One with an end; NULL: refused. */
static json_t *next_line(struct reading *reading)
{
    const char *end = reading->at == reading->end ? NULL : memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
    reading->line++;
    if (end == NULL || (size_t)(end - reading->at) > LINE_BYTES_MAX) {
        refuse(reading, end == NULL ? "is missing, or has no end: the file was cut" : "is too long");
        return NULL;
    }
    json_t *line = json_loadb(reading->at, (size_t)(end - reading->at), JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(line)) {
        refuse(reading, "is not a JSON object: the file is damaged, or no snapshot");
        json_decref(line);
        return NULL;
    }
    reading->at = end + 1;
    return line;
}

static int read_head(struct reading *reading, const json_t *line)
{
    json_t *version = json_object_get(line, HEAD), *taken = json_object_get(line, "taken_ms");
    const char *cluster = json_string_value(json_object_get(line, "cluster")), *group = json_string_value(json_object_get(line, "group"));
    if (!json_is_integer(version))
        return refuse(reading, "does not begin a snapshot of millrace");
    if (json_integer_value(version) != SNAPSHOT_VERSION)
        return mr_error_set(reading->error, MR_ERR_DATA, "it is a snapshot of version %" JSON_INTEGER_FORMAT "; this program reads version %d",
                            json_integer_value(version), SNAPSHOT_VERSION);
    if (cluster == NULL || group == NULL || !json_is_integer(taken))
        return refuse(reading, "does not say where and when it was taken");
    reading->snapshot->cluster_id = mem_strdup(cluster);
    reading->snapshot->group_id = mem_strdup(group);
    reading->snapshot->taken_ms = json_integer_value(taken);
    if (reading->snapshot->cluster_id == NULL || reading->snapshot->group_id == NULL)
        return mr_error_set(reading->error, MR_ERR_NO_MEMORY, "no memory for a snapshot");
    return 0;
}

static int read_record(struct reading *reading, json_t *into, const char *key, json_t *value)
{
    if (!json_is_string(value) || *key == '\0')
        return refuse(reading, "has no key, or no value");
    if (json_object_get(into, key) != NULL)
        return refuse(reading, "has a key that came before");
    if (json_object_set(into, key, value) != 0)
        return mr_error_set(reading->error, MR_ERR_NO_MEMORY, "no memory for a snapshot");
    return 0;
}

static int read_group(struct reading *reading, json_t *line)
{
    const char *group = json_string_value(json_object_get(line, GROUP)), *topic = json_string_value(json_object_get(line, "topic"));
    json_t *partition = json_object_get(line, "partition"), *offset = json_object_get(line, "offset");
    if (group == NULL || *group == '\0' || topic == NULL || *topic == '\0' || !json_is_integer(partition) || !json_is_integer(offset) ||
        json_integer_value(partition) < 0 || json_integer_value(partition) > INT32_MAX || json_integer_value(offset) < 0)
        return refuse(reading, "is not the offset of a group");
    if (json_array_append(reading->snapshot->groups, line) != 0)
        return mr_error_set(reading->error, MR_ERR_NO_MEMORY, "no memory for a snapshot");
    return 0;
}

static int read_line(struct reading *reading, json_t *line)
{
    json_t *key = json_object_get(line, CONFIG), *value = json_object_get(line, "value");
    if (json_is_string(key) && !snapshot_wants_config(json_string_value(key)))
        return refuse(reading, "has a key of the config topic that is none of a connector's");
    if (json_is_string(key))
        return read_record(reading, reading->snapshot->configs, json_string_value(key), value);
    key = json_object_get(line, OFFSET);
    if (json_is_string(key))
        return read_record(reading, reading->snapshot->offsets, json_string_value(key), value);
    if (json_object_get(line, GROUP) != NULL)
        return read_group(reading, line);
    return refuse(reading, "is nothing that a snapshot has");
}

/* The last line: how many there were, and the print of all before it. */
static int check_end(struct reading *reading, const json_t *line, const char *begin, size_t lines)
{
    char hex[DIGEST_TEXT];
    const char *print = json_string_value(json_object_get(line, "sha256"));
    if (print == NULL || !digest_of(reading->text, (size_t)(begin - reading->text), hex) || strcmp(print, hex) != 0)
        return mr_error_set(reading->error, MR_ERR_DATA, "the file is damaged, or was changed by hand: its sha256 does not fit");
    if (json_integer_value(json_object_get(line, "lines")) != (json_int_t)lines)
        return refuse(reading, "counts other lines than there are");
    if (reading->at != reading->end)
        return refuse(reading, "ends it, but more follows");
    return 0;
}

static int read_lines(struct reading *reading)
{
    for (size_t lines = 0;; lines++) {
        const char *begin = reading->at;
        json_t *line = next_line(reading);
        if (line == NULL)
            return -1;
        bool is_end = json_object_get(line, "sha256") != NULL;
        int status = is_end ? check_end(reading, line, begin, lines) : read_line(reading, line);
        json_decref(line);
        if (status != 0 || is_end)
            return status;
    }
}

int snapshot_read(struct snapshot *snapshot, const char *text, size_t size, struct mr_error **error)
{
    struct reading reading = {.snapshot = snapshot, .text = text, .at = text, .end = text + size, .error = error};
    if (!snapshot_init(snapshot))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a snapshot");
    json_t *head = next_line(&reading);
    if (head == NULL)
        return -1;
    int status = read_head(&reading, head);
    json_decref(head);
    return status == 0 ? read_lines(&reading) : status;
}
