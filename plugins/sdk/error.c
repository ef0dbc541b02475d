#include <millrace/error.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "base/bans.h"

/* A message is cut here, at a whole character. */
#define ERROR_MESSAGE_MAX_BYTES ((size_t)16384)
/* Wrapping goes no deeper: a further sentence is left out. */
#define ERROR_CAUSES_MAX 32

struct mr_error {
    enum mr_error_code code;
    uint32_t retry_after_ms;
    uint32_t causes; /* length of the chain below */
    struct mr_error *cause;
    char *class_name; /* NULL: follows from the code */
    const char *message;
    char text[]; /* the message; empty in the static object */
};

/* Handed out when there is no memory for an object. Never changed, never freed. */
static struct mr_error no_memory = {.code = MR_ERR_NO_MEMORY, .message = "out of memory"};

static bool error_is_static(const struct mr_error *error)
{
    return error == &no_memory;
}

static struct mr_error *error_create(enum mr_error_code code, const char *text, size_t size)
{
    struct mr_error *error = mem_alloc(sizeof(*error) + size + 1);
    if (error == NULL)
        return NULL;
    *error = (struct mr_error){.code = code, .message = error->text};
    memcpy(error->text, text, size);
    error->text[size] = '\0';
    return error;
}

static struct mr_error *error_format(enum mr_error_code code, const char *format, va_list args)
{
    char text[512];
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(text, sizeof(text), format, args);
    struct mr_error *error = NULL;
    if (size < 0) {
        error = error_create(code, format, strlen(format));
    } else if ((size_t)size < sizeof(text)) {
        error = error_create(code, text, (size_t)size);
    } else {
        size_t room = (size_t)size < ERROR_MESSAGE_MAX_BYTES ? (size_t)size : ERROR_MESSAGE_MAX_BYTES;
        char *longer = mem_alloc(room + 1);
        if (longer != NULL) {
            vsnprintf(longer, room + 1, format, again);
            error = error_create(code, longer, room < (size_t)size ? utf8_cut(longer, room, room - 1) : room);
            explicit_bzero(longer, room);
            mem_free(longer);
        }
    }
    explicit_bzero(text, sizeof(text));
    va_end(again);
    return error;
}

int mr_error_set_v(struct mr_error **error, enum mr_error_code code, const char *format, va_list args)
{
    if (error == NULL || *error != NULL)
        return -1;
    *error = error_format(code, format, args);
    if (*error == NULL)
        *error = &no_memory;
    return -1;
}

int mr_error_set(struct mr_error **error, enum mr_error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mr_error_set_v(error, code, format, args);
    va_end(args);
    return -1;
}

int mr_error_wrap(struct mr_error **error, const char *format, ...)
{
    if (error == NULL || *error == NULL || (*error)->causes >= ERROR_CAUSES_MAX)
        return -1;
    va_list args;
    va_start(args, format);
    struct mr_error *wrapped = error_format((*error)->code, format, args);
    va_end(args);
    if (wrapped == NULL)
        return -1;
    wrapped->retry_after_ms = (*error)->retry_after_ms;
    wrapped->causes = (*error)->causes + 1;
    wrapped->cause = *error;
    *error = wrapped;
    return -1;
}

void mr_error_set_retry_after_ms(struct mr_error *error, uint32_t retry_after_ms)
{
    if (error != NULL && !error_is_static(error))
        error->retry_after_ms = retry_after_ms;
}

void mr_error_set_class_name(struct mr_error *error, const char *class_name)
{
    if (error == NULL || error_is_static(error) || class_name == NULL)
        return;
    char *copy = mem_strdup(class_name);
    if (copy == NULL)
        return; /* the name of the code is good enough then */
    mem_free(error->class_name);
    error->class_name = copy;
}

enum mr_error_code mr_error_code(const struct mr_error *error)
{
    return error->code;
}

const char *mr_error_message(const struct mr_error *error)
{
    return error->message;
}

static const char *code_class_name(enum mr_error_code code)
{
    switch (code) {
    case MR_ERR_CONNECT: break;
    case MR_ERR_DATA: return "org.apache.kafka.connect.errors.DataException";
    case MR_ERR_CONFIG: return "org.apache.kafka.common.config.ConfigException";
    case MR_ERR_RETRIABLE: return "org.apache.kafka.connect.errors.RetriableException";
    case MR_ERR_NOT_SUPPORTED: return "java.lang.UnsupportedOperationException";
    case MR_ERR_NOT_FOUND: return "org.apache.kafka.connect.errors.NotFoundException";
    case MR_ERR_NO_MEMORY: return "java.lang.OutOfMemoryError";
    case MR_ERR_TIMEOUT: return "org.apache.kafka.common.errors.TimeoutException";
    case MR_ERR_CONFLICT: break; /* no class of its own in Kafka Connect */
    case MR_ERR_ILLEGAL_STATE: return "java.lang.IllegalStateException";
    }
    return "org.apache.kafka.connect.errors.ConnectException";
}

const char *mr_error_class_name(const struct mr_error *error)
{
    return error->class_name != NULL ? error->class_name : code_class_name(error->code);
}

bool mr_error_is_retriable(const struct mr_error *error)
{
    return error->code == MR_ERR_RETRIABLE;
}

uint32_t mr_error_retry_after_ms(const struct mr_error *error)
{
    return error->retry_after_ms;
}

const struct mr_error *mr_error_cause(const struct mr_error *error)
{
    return error->cause;
}

size_t mr_error_trace(const struct mr_error *error, char *text, size_t size)
{
    size_t length = 0;
    if (size > 0)
        text[0] = '\0';
    for (const struct mr_error *at = error; at != NULL; at = at->cause) {
        bool fits = length < size;
        int written = snprintf(fits ? text + length : NULL, fits ? size - length : 0, "%s%s: %s",
            at == error ? "" : "\nCaused by: ", mr_error_class_name(at), at->message);
        if (written > 0)
            length += (size_t)written;
    }
    if (length >= size && size > 1)
        text[utf8_valid_length(text, size - 1)] = '\0'; /* no half character at the cut */
    return length;
}

static struct mr_error *error_copy_one(const struct mr_error *error)
{
    struct mr_error *copy = error_create(error->code, error->message, strlen(error->message));
    if (copy == NULL)
        return NULL;
    copy->retry_after_ms = error->retry_after_ms;
    copy->causes = error->causes;
    if (error->class_name != NULL) {
        copy->class_name = mem_strdup(error->class_name);
        if (copy->class_name == NULL) {
            mem_free(copy);
            return NULL;
        }
    }
    return copy;
}

struct mr_error *mr_error_copy(const struct mr_error *error)
{
    struct mr_error *first = NULL, **last = &first;
    for (const struct mr_error *at = error; at != NULL; at = at->cause) {
        *last = error_is_static(at) ? &no_memory : error_copy_one(at);
        if (*last == NULL) {
            *last = &no_memory; /* a short chain says so at its end */
            break;
        }
        if (error_is_static(*last))
            break;
        last = &(*last)->cause;
    }
    return first;
}

void mr_error_drop(struct mr_error *error)
{
    while (error != NULL && !error_is_static(error)) {
        struct mr_error *cause = error->cause;
        mem_free(error->class_name);
        explicit_bzero(error->text, strlen(error->text)); /* plugins say their passwords in errors */
        mem_free(error);
        error = cause;
    }
}

void mr_error_clear(struct mr_error **error)
{
    mr_error_drop(*error);
    *error = NULL;
}
