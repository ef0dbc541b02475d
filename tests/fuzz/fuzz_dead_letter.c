/*
 * What anybody may write to a letter topic, and what is asked for: the first byte says which. Nothing crashes; a group's id and message are
 * of their form; a topic that a letter names may exist; a selection that was read has what it promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "base/utf8.h"
#include "dead_letters/letter.h"
#include "dead_letters/marks.h"
#include "dead_letters/selection.h"
#include "kafka/topic_tail.h"

#define HEADERS_MAX 16
#define NAME_MAX_BYTES 64

static void must(int fact)
{
    if (!fact)
        abort();
}

/* Lines of "name=value"; a name without prefix gets one where it begins with '@'. */
static size_t read_headers(const char *text, size_t size, char names[HEADERS_MAX][NAME_MAX_BYTES], struct topic_tail_header *headers)
{
    size_t count = 0;
    for (const char *at = text, *end = text + size; at < end && count < HEADERS_MAX;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end == NULL ? end : line_end;
        const char *equals = memchr(at, '=', (size_t)(line_end - at));
        size_t name = (size_t)((equals == NULL ? line_end : equals) - at);
        bool is_context = name > 0 && *at == '@';
        size_t prefix = is_context ? sizeof(LETTER_CONTEXT_PREFIX) - 1 : 0;
        if (prefix + name < NAME_MAX_BYTES) {
            memcpy(names[count], LETTER_CONTEXT_PREFIX, prefix);
            memcpy(names[count] + prefix, at + is_context, name - is_context);
            names[count][prefix + name - is_context] = '\0';
            headers[count].name = names[count];
            headers[count].value = (struct mr_bytes){.data = equals == NULL ? NULL : equals + 1,
                                                     .size = equals == NULL ? 0 : (size_t)(line_end - equals - 1)};
            count++;
        }
        at = line_end + 1;
    }
    return count;
}

static void look_at_letter(const char *text, size_t size)
{
    char names[HEADERS_MAX][NAME_MAX_BYTES], words[CAUSE_MESSAGE_MAX];
    struct topic_tail_header headers[HEADERS_MAX];
    struct topic_tail_record record = {.headers = headers, .value = {.data = text, .size = size}};
    struct letter_view view;
    record.header_count = read_headers(text, size, names, headers);
    letter_view_read(&view, &record);
    must(strlen(view.group) == LETTER_GROUP_SIZE - 1);
    must(view.topic[0] == '\0' || letter_topic_is_valid(view.topic, strlen(view.topic)));
    must(view.partition >= -1 && view.offset >= -1 && view.attempts >= LETTER_ATTEMPTS_UNKNOWN);
    must(strlen(view.replay) < LETTER_REPLAY_MAX);
    cause_message(view.fields[LETTER_MESSAGE], words);
    must(utf8_valid(words, strlen(words)));
}

static void look_at_selection(const char *text, size_t size)
{
    struct topic_tail_record record = {.offset = 3};
    struct letter_view view;
    struct selection selection;
    struct mr_error *error = NULL;
    letter_view_read(&view, &record);
    if (selection_read(&selection, text, size, &error) == 0) {
        must(error == NULL && selection.limit >= 0 && selection.rate >= 0 && selection.attempts >= 1);
        must(!(selection.edits_key || selection.edits_value) || selection.place_count == 1);
        selection_fits(&selection, &view);
        selection_release(&selection);
    } else {
        must(error != NULL);
    }
    mr_error_drop(error);
}

static void look_at_mark(const char *text, size_t size)
{
    const char *end = memchr(text, '\n', size);
    size_t key = end == NULL ? size : (size_t)(end - text);
    struct topic_tail_record record = {.key = {.data = text, .size = key}};
    struct marks marks;
    if (end != NULL)
        record.value = (struct mr_bytes){.data = end + 1, .size = size - key - 1};
    marks_init(&marks, "night");
    must(marks_add(&marks, &record, NULL) == 0);
    marks_sort(&marks);
    must(marks.count <= 1);
    marks_release(&marks);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static void (*const looks[])(const char *text, size_t size) = {look_at_letter, look_at_selection, look_at_mark};
    if (length > 0)
        looks[bytes[0] % 3]((const char *)bytes + 1, length - 1);
    return 0;
}
