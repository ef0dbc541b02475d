#include "logging/line_json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log_sink.h"
#include "base/utf8.h"

#include "base/bans.h"

#define TAIL_SIZE 80      /* kept for the mark, the last member and the end */
#define VALUE_BYTES_MAX 512 /* of a name, before it is escaped */

struct json_line {
    char *at, *end; /* end: the tail begins there */
};

static void put(struct json_line *json, const char *bytes, size_t length)
{
    memcpy(json->at, bytes, length);
    json->at += length;
}

/* One character of `text`, escaped into `out`; the bytes it took. */
static size_t escape(const char *text, size_t left, char out[8], size_t *length)
{
    uint32_t code;
    size_t taken = utf8_decode(text, left, &code);
    if (taken == 0) {
        taken = 1;
        code = UTF8_REPLACEMENT;
    }
    if (code == '"' || code == '\\')
        *length = (size_t)snprintf(out, 8, "\\%c", (char)code);
    else if (code == '\n')
        *length = (size_t)snprintf(out, 8, "\\n");
    else if (code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029)
        *length = (size_t)snprintf(out, 8, "\\u%04x", (unsigned)code);
    else
        *length = utf8_encode(code, out);
    return taken;
}

/* false: not all of it had room. */
static bool put_escaped(struct json_line *json, const char *text, size_t length)
{
    char piece[8];
    size_t piece_length;
    while (length > 0) {
        size_t taken = escape(text, length, piece, &piece_length);
        if (piece_length > (size_t)(json->end - json->at))
            return false;
        put(json, piece, piece_length);
        text += taken;
        length -= taken;
    }
    return true;
}

/* All names together have room: VALUE_BYTES_MAX each, at worst 6 times as long, would not, so they stop where the room does. */
static void put_member(struct json_line *json, const char *name, const char *value)
{
    size_t length = value == NULL ? 0 : strnlen(value, VALUE_BYTES_MAX);
    if (length == 0 || (size_t)(json->end - json->at) < strlen(name) + 8)
        return;
    json->at += snprintf(json->at, (size_t)(json->end - json->at), ",\"%s\":\"", name);
    json->end -= 1;
    put_escaped(json, value, length);
    json->end += 1;
    put(json, "\"", 1);
}

static void put_time(struct json_line *json, int64_t wall_ms)
{
    char text[64];
    struct tm parts;
    time_t seconds = (time_t)(wall_ms / 1000);
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, sizeof(text), "{\"time\":\"%Y-%m-%dT%H:%M:%S", &parts);
    length += (size_t)snprintf(text + length, sizeof(text) - length, ".%03dZ\"", (int)(wall_ms % 1000));
    put(json, text, length);
}

static void put_context(struct json_line *json, const struct log_line *line)
{
    if (line->frame != NULL) {
        put_member(json, "connector", line->frame->connector);
        if (line->frame->task >= 0 && json->end - json->at > 24)
            json->at += snprintf(json->at, 24, ",\"task\":%d", line->frame->task);
        put_member(json, "stage", line->frame->stage);
    }
    if (line->call != NULL && line->call->plugin != NULL) {
        put_member(json, "plugin", line->call->plugin->class_name);
        put_member(json, "call", line->call->name);
    }
}

size_t line_json_format(const struct log_line *line, const char *worker, uint64_t left_out, char *text, size_t size)
{
    static const char MARK[] = "\xE2\x80\xA6";
    assert(size >= 4096);
    struct json_line json = {text, text + size - TAIL_SIZE};
    put_time(&json, line->wall_ms);
    put_member(&json, "level", log_level_name(line->level));
    put_member(&json, "logger", line->logger);
    put_member(&json, "worker", worker);
    put_context(&json, line);
    put(&json, ",\"message\":\"", 12); /* may reach into the tail, which has room for it */
    if (json.at > json.end || !put_escaped(&json, line->message, line->message_length))
        put(&json, MARK, sizeof(MARK) - 1);
    put(&json, "\"", 1);
    if (left_out > 0)
        json.at += snprintf(json.at, 40, ",\"left_out\":%" PRIu64, left_out);
    put(&json, "}\n", 2);
    return (size_t)(json.at - text);
}
