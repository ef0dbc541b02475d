/* The lines. Whatever comes from outside is cut, and cannot end a line or begin a member: json_out escapes it; what could drive the
 * terminal of a reader or split a line for some tools (DEL, C1, U+2028, U+2029) becomes U+FFFD here. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit/audit_internal.h"
#include "base/utf8.h"
#include "json/json_out.h"

#include "base/bans.h"

#define TEXT_MAX 1024     /* bytes of a path or a text of a note */
#define NAME_MAX_BYTES 512 /* of a user, a connector */
#define WORD_MAX 64
#define ELLIPSIS "\xE2\x80\xA6"

static bool is_unfit(uint32_t code_point)
{
    return (code_point >= 0x7F && code_point <= 0x9F) || code_point == 0x2028 || code_point == 0x2029;
}

static void append_clean(struct str_buffer *out, const char *text, size_t max)
{
    const char *end = text + strlen(text);
    while (text < end) {
        uint32_t code_point = 0;
        size_t length = utf8_decode(text, (size_t)(end - text), &code_point);
        if (out->length + 4 > max) {
            str_buffer_append_text(out, ELLIPSIS);
            return;
        }
        if (length == 0 || is_unfit(code_point))
            str_buffer_append_text(out, "\xEF\xBF\xBD");
        else
            str_buffer_append(out, text, length);
        text += length == 0 ? 1 : length;
    }
}

static void pair(struct json_out *out, const char *name, const char *text, size_t max)
{
    struct str_buffer clean;
    if (text == NULL) {
        json_out_pair(out, name, NULL);
        return;
    }
    str_buffer_init(&clean, max + sizeof(ELLIPSIS));
    append_clean(&clean, text, max);
    json_out_pair(out, name, str_buffer_text(&clean));
    out->text->failed |= str_buffer_failed(&clean);
    str_buffer_release(&clean);
}

static void number(struct json_out *out, const char *name, uint64_t value)
{
    json_out_name(out, name);
    json_out_int(out, (int64_t)value);
}

static void pair_time(struct json_out *out, const char *name, int64_t at_ms)
{
    char text[40], whole[32];
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, sizeof(text), "%s.%03dZ", whole, (int)(at_ms % 1000));
    json_out_pair(out, name, text);
}

static void pair_who(struct json_out *json, const struct audit_call *call)
{
    pair(json, "who", call->user != NULL ? call->user : "anonymous", NAME_MAX_BYTES);
    pair(json, "login", call->login != NULL ? call->login : "none", WORD_MAX);
    if (call->tried != NULL)
        pair(json, "tried", call->tried, NAME_MAX_BYTES);
    pair(json, "address", call->address, WORD_MAX);
}

static void pair_forwarded(struct json_out *json, const struct audit_call *call)
{
    if (!call->is_forwarded)
        return;
    json_out_name(json, "forwarded");
    json_out_raw(json, "true", 4);
}

bool audit_members_of_kind(struct str_buffer *out, const struct audit_call *call)
{
    struct json_out json;
    json_out_init(&json, out);
    pair_who(&json, call);
    pair_forwarded(&json, call);
    pair(&json, "method", call->method, WORD_MAX);
    pair(&json, "route", call->route != NULL ? call->route : call->path, TEXT_MAX);
    return !str_buffer_failed(out);
}

bool audit_members_of_call(struct str_buffer *out, const struct audit_call *call)
{
    struct json_out json;
    json_out_init(&json, out);
    pair(&json, "request", call->request, WORD_MAX);
    pair_who(&json, call);
    if (call->port != 0)
        number(&json, "port", call->port);
    pair_forwarded(&json, call);
    pair(&json, "method", call->method, WORD_MAX);
    pair(&json, "path", call->path, TEXT_MAX);
    pair(&json, "connector", call->connector, NAME_MAX_BYTES);
    return !str_buffer_failed(out);
}

bool audit_members_of_pairs(struct str_buffer *out, const struct audit_pair *pairs, size_t count)
{
    struct json_out json;
    json_out_init(&json, out);
    for (size_t i = 0; i < count; i++)
        pair(&json, pairs[i].name, pairs[i].text, TEXT_MAX);
    return !str_buffer_failed(out);
}

static void begin(struct json_out *json, struct str_buffer *out, const char *event, const char *worker, uint64_t seq, int64_t at_ms)
{
    json_out_init(json, out);
    json_out_open(json, '{');
    pair_time(json, "time", at_ms);
    json_out_pair(json, "event", event);
    number(json, "seq", seq);
    pair(json, "worker", worker, NAME_MAX_BYTES);
}

static void end(struct json_out *json)
{
    json_out_close(json, '}');
    str_buffer_append_char(json->text, '\n');
}

static void pair_hash(struct json_out *json, const char *name, const char *hash)
{
    json_out_pair(json, name, hash[0] != '\0' ? hash : NULL);
}

static const char *outcome_of(int status)
{
    return status < 400 ? "done" : status < 500 ? "refused" : "failed";
}

void audit_line_append(struct str_buffer *out, const char *worker, uint64_t seq, const struct audit_change *entry)
{
    struct json_out json;
    begin(&json, out, entry->stage == AUDIT_OUTCOME ? "outcome" : entry->event, worker, seq, entry->at_ms);
    if (entry->stage == AUDIT_OUTCOME)
        number(&json, "intent", entry->intent);
    if (entry->members[0] != '\0')
        json_out_raw(&json, entry->members, strlen(entry->members));
    if (entry->stage == AUDIT_INTENT || entry->stage == AUDIT_OUTCOME)
        pair_hash(&json, "hash_before", entry->hash_before);
    if (entry->stage == AUDIT_OUTCOME) {
        pair_hash(&json, "hash_after", entry->hash_after);
        json_out_pair(&json, "outcome", outcome_of(entry->status));
    }
    if (entry->status != 0)
        number(&json, "status", (uint64_t)entry->status);
    end(&json);
}

void audit_gap_append(struct str_buffer *out, const char *worker, uint64_t seq, int64_t now_ms, const struct audit_gap *gap)
{
    struct json_out json;
    begin(&json, out, "gap", worker, seq, now_ms);
    pair_time(&json, "since", gap->since_ms);
    pair(&json, "reason", gap->reason, TEXT_MAX);
    number(&json, "refused_changes", gap->refused_changes);
    number(&json, "lost", gap->lost);
    end(&json);
}

/* One alone is a call as any other. */
void audit_kind_append(struct str_buffer *out, const char *worker, uint64_t seq, int64_t now_ms, const struct audit_kind *kind)
{
    struct json_out json;
    bool is_one = kind->count == 1;
    const char *members = is_one ? kind->first : kind->key;
    begin(&json, out, is_one ? "refused" : "refused-more", worker, seq, is_one ? kind->first_ms : now_ms);
    json_out_raw(&json, members, strlen(members));
    number(&json, "status", (uint64_t)kind->status);
    if (!is_one) {
        pair_time(&json, "since", kind->first_ms);
        number(&json, "count", kind->count);
    }
    end(&json);
}

void audit_unnamed_append(struct str_buffer *out, const char *worker, uint64_t seq, int64_t now_ms, uint64_t count)
{
    struct json_out json;
    begin(&json, out, "refused-more", worker, seq, now_ms);
    number(&json, "count", count);
    end(&json);
}
