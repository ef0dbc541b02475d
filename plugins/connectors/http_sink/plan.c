#include "plan.h"

#include <millrace/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_plugin.h"
#include "print.h"

#define OWN_HEADERS "millrace." /* millrace.replay is the mark of a dead letter that was sent again */

int plan_begin(struct plan *plan, const struct http_settings *settings, struct mr_arena *arena, size_t records,
               struct mr_error **error)
{
    *plan = (struct plan){.arena = arena, .settings = settings, .slot_count = 16};
    while (plan->slot_count < records)
        plan->slot_count *= 2;
    plan->slots = mr_arena_alloc(arena, plan->slot_count * sizeof(*plan->slots));
    if (plan->slots == NULL)
        return mr_arena_failed(arena, error);
    memset(plan->slots, 0, plan->slot_count * sizeof(*plan->slots));
    return 0;
}

/* --- the text of a record --------------------------------------------------------------------------------------------------- */

static int write_json(const struct mr_record *record, struct plan *plan, struct mr_bytes *bytes,
                      struct mr_error **error)
{
    return mr_json_write(plan->arena, mr_record_value_schema(record), mr_record_value(record),
                         plan->settings->json_flags, bytes, error);
}

static int write_string(const struct mr_record *record, struct plan *plan, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    const struct mr_value *value = mr_record_value(record);
    struct text text = {.arena = plan->arena};

    if (mr_value_kind(value) == MR_KIND_STRING || mr_value_kind(value) == MR_KIND_BYTES) {
        *bytes = mr_value_bytes(value);
        return 0;
    }
    if (print_value(&text, value, error) != 0)
        return -1;
    *bytes = (struct mr_bytes){.data = text.data == NULL ? "" : text.data, .size = text.size};
    return 0;
}

static int text_of(const struct mr_record *record, struct plan *plan, struct mr_bytes *bytes, struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(mr_record_value(record));
    int status;

    if (plan->settings->format == HTTP_FORMAT_JSON)
        status = write_json(record, plan, bytes, error);
    else if (plan->settings->format == HTTP_FORMAT_STRING || kind == MR_KIND_STRING)
        status = write_string(record, plan, bytes, error);
    else if (kind == MR_KIND_STRUCT || kind == MR_KIND_MAP)
        status = write_json(record, plan, bytes, error);
    else
        status = mr_error_set(error, MR_ERR_DATA,
                              "Record value must be a String, a Schema Struct or implement `java.util.Map`, but "
                              "%s is given",
                              mr_kind_name(kind));
    if (status != 0 || plan->settings->replacements.count == 0)
        return status;
    return replacements_apply(&plan->settings->replacements, record, plan->arena, bytes, error);
}

/* --- the headers of a record -------------------------------------------------------------------------------------------------- */

/* Those say how a message is framed and who speaks: a record has no part in it. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {"Host", "Expect", "Authorization", "Proxy-Authorization"};

    if (http_header_frames(name, strlen(name)))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return name[strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] !=
               '\0' ||
           name[0] == '\0';
}

/* What the operator set is not for a record to change, and our own marks are not for the target. */
static bool is_left_out(const struct http_settings *settings, const char *name)
{
    return is_reserved(name) || strncmp(name, OWN_HEADERS, strlen(OWN_HEADERS)) == 0 ||
           http_headers_have(settings->header_lines, settings->header_count, name);
}

static int header_line(const struct mr_record *record, size_t index, struct mr_arena *arena, char **line,
                       struct mr_error **error)
{
    struct text text = {.arena = arena};
    size_t name;

    text_add_string(&text, mr_record_header_key(record, index));
    text_add_string(&text, ": ");
    name = text.size;
    if (template_value_text(&text, mr_record_header_value(record, index), error) != 0)
        return -1;
    for (size_t i = name; i < text.size; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return mr_error_set(error, MR_ERR_DATA,
                                "the record's header %s holds a control character, which no HTTP header can",
                                mr_record_header_key(record, index));
    if (text.size == name) { /* libcurl's form of an empty one */
        text.size -= 2;
        text_add(&text, ";", 1);
    }
    text_add(&text, "", 1);
    *line = text.data;
    return text.failed ? mr_arena_failed(arena, error) : 0;
}

static int read_headers(struct request *draft, const struct mr_record *record, struct plan *plan,
                        struct mr_error **error)
{
    size_t count = plan->settings->forwards_record_headers ? mr_record_header_count(record) : 0;

    draft->header_count = 0;
    if (count == 0)
        return 0;
    draft->header_lines = mr_arena_alloc(plan->arena, count * sizeof(char *));
    if (draft->header_lines == NULL)
        return mr_arena_failed(plan->arena, error);
    for (size_t i = 0; i < count; i++) {
        if (is_left_out(plan->settings, mr_record_header_key(record, i)) ||
            mr_value_is_null(mr_record_header_value(record, i)))
            continue;
        if (header_line(record, i, plan->arena, &draft->header_lines[draft->header_count], error) != 0)
            return -1;
        draft->header_count++;
    }
    return 0;
}

/* --- where a record goes -------------------------------------------------------------------------------------------------------- */

static int url_of(struct request *draft, const struct mr_record *record, struct plan *plan, struct mr_error **error)
{
    const struct template *template = &plan->settings->url;
    struct text text = {.arena = plan->arena};
    bool appends_key = !draft->has_body && !template_has(template, TEMPLATE_KEY);

    if (template->count == 1 && template->parts[0].kind == TEMPLATE_TEXT && !appends_key) {
        draft->url = template->parts[0].text;
        return 0;
    }
    if (template_fill(template, record, template_write_url, &text, error) != 0)
        return -1;
    if (appends_key) {
        struct template key = {.parts = {{.kind = TEMPLATE_KEY, .text = "key"}}, .count = 1};

        if (text.size == 0 || text.data[text.size - 1] != '/')
            text_add(&text, "/", 1);
        if (template_fill(&key, record, template_write_url, &text, error) != 0)
            return -1;
    }
    text_add(&text, "", 1);
    draft->url = text.data;
    return text.failed ? mr_arena_failed(plan->arena, error) : 0;
}

/* What two records of one request have alike, as one text. */
static int group_of(struct request *draft, const struct mr_record *record, struct plan *plan, struct mr_error **error)
{
    const struct template *key = &plan->settings->batch_key;
    struct text text = {.arena = plan->arena};

    text_add_string(&text, draft->method);
    text_add_string(&text, "\n");
    text_add_string(&text, draft->url);
    for (size_t i = 0; i < draft->header_count; i++) {
        text_add_string(&text, "\n");
        text_add_string(&text, draft->header_lines[i]);
    }
    text_add_string(&text, "\n\n");
    if (key->count > 0 && (key->count > 1 || key->parts[0].kind != TEMPLATE_TEXT) &&
        template_fill(key, record, template_write_plain, &text, error) != 0)
        return -1;
    text_add(&text, "", 1);
    draft->group = text.data;
    return text.failed ? mr_arena_failed(plan->arena, error) : 0;
}

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261u;

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static unsigned bit_of(const struct mr_record *record)
{
    const char *topic = mr_record_origin_topic(record);

    return (hash_of(topic == NULL ? "" : topic) + (uint32_t)mr_record_origin_partition(record)) % 64;
}

static struct request *joinable(struct plan *plan, const struct request *draft, unsigned bit)
{
    struct request *item = plan->slots[hash_of(draft->group) & (plan->slot_count - 1)];

    while (item != NULL && strcmp(item->group, draft->group) != 0)
        item = item->next_in_slot;
    if (item == NULL || item->count >= plan->settings->batch_max || plan->last_of_bit[bit] > item->number)
        return NULL;
    return item;
}

static struct request *append(struct plan *plan, const struct request *draft)
{
    struct request *made = mr_arena_alloc(plan->arena, sizeof(*made));
    struct request **slot;

    if (made == NULL)
        return NULL;
    *made = *draft;
    made->number = ++plan->request_count;
    if (plan->last == NULL)
        plan->first = made;
    else
        plan->last->next = made;
    plan->last = made;
    if (draft->group != NULL) {
        slot = &plan->slots[hash_of(draft->group) & (plan->slot_count - 1)];
        made->next_in_slot = *slot; /* found before the older one of its group */
        *slot = made;
    }
    return made;
}

static int put_into(struct plan *plan, const struct request *draft, const struct planned *item, struct mr_error **error)
{
    unsigned bit = bit_of(item->record);
    struct request *request = draft->group == NULL ? NULL : joinable(plan, draft, bit);
    struct planned *kept = mr_arena_alloc(plan->arena, sizeof(*kept));

    if (kept == NULL || (request == NULL && (request = append(plan, draft)) == NULL))
        return mr_arena_failed(plan->arena, error);
    *kept = *item;
    if (request->last == NULL)
        request->first = kept;
    else
        request->last->next = kept;
    request->last = kept;
    request->count++;
    request->bytes += item->text.size;
    request->partitions |= (uint64_t)1 << bit;
    plan->last_of_bit[bit] = request->number;
    return 1;
}

/* 1: go on with it, as a DELETE; 0: left out; -1. */
static int act_on_null(const struct plan *plan, const struct mr_record *record, struct mr_error **error)
{
    switch (plan->settings->on_null) {
    case HTTP_NULL_FAIL:
        return mr_error_set(error, MR_ERR_DATA, "Record value must not be null");
    case HTTP_NULL_DELETE:
        return 1;
    case HTTP_NULL_LOG:
        mr_log(http_host, MR_LOG_WARN, HTTP_LOGGER, "left out: the record at %s-%d@%lld has no value",
               mr_record_origin_topic(record) == NULL ? "?" : mr_record_origin_topic(record),
               (int)mr_record_origin_partition(record), (long long)mr_record_offset(record));
        return 0;
    default:
        return 0;
    }
}

int plan_add(struct plan *plan, const struct mr_record *record, uint32_t index, struct mr_error **error)
{
    struct request draft = {.method = plan->settings->method, .has_body = true};
    struct planned item = {.record = record, .index = index};

    if (mr_value_is_null(mr_record_value(record))) {
        int status = act_on_null(plan, record, error);

        if (status != 1)
            return status;
        draft.method = "DELETE";
        draft.has_body = false;
    } else if (text_of(record, plan, &item.text, error) != 0) {
        return -1;
    }
    if (read_headers(&draft, record, plan, error) != 0 || url_of(&draft, record, plan, error) != 0)
        return -1;
    /* A request of its own needs no group. */
    if (draft.has_body && plan->settings->batch_max > 1 && group_of(&draft, record, plan, error) != 0)
        return -1;
    return put_into(plan, &draft, &item, error);
}

/* --- bodies ---------------------------------------------------------------------------------------------------------------------- */

static char *put_bytes(char *at, struct mr_bytes bytes)
{
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

int plan_body(const struct plan *plan, struct request *request, struct mr_bytes *body, struct mr_error **error)
{
    const struct http_settings *settings = plan->settings;
    size_t around = settings->prefix.size + settings->suffix.size;
    size_t size = around + request->bytes + settings->separator.size * (request->count - 1);
    char *at;

    if (request->count == 1 && around == 0) {
        *body = request->first->text;
        if (body->data == NULL)
            body->data = "";
        return 0;
    }
    request->body = at = malloc(size == 0 ? 1 : size);
    if (at == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a request of %zu bytes", size);
    at = put_bytes(at, settings->prefix);
    for (const struct planned *item = request->first; item != NULL; item = item->next) {
        if (item != request->first)
            at = put_bytes(at, settings->separator);
        at = put_bytes(at, item->text);
    }
    put_bytes(at, settings->suffix);
    *body = (struct mr_bytes){.data = request->body, .size = size};
    return 0;
}

void plan_body_drop(struct request *request)
{
    free(request->body);
    request->body = NULL;
}
