/* letters_test: letters as they lie in a topic, made of texts. Include after cmocka.h. */
#ifndef TEST_DEAD_LETTERS_LETTERS_TEST_H
#define TEST_DEAD_LETTERS_LETTERS_TEST_H

#include <string.h>

#include "dead_letters/letter.h"
#include "kafka/topic_tail.h"

#define CONTEXT(name, text) {LETTER_CONTEXT_PREFIX name, {text, sizeof(text) - 1}}
#define HEADER(name, text) {name, {text, sizeof(text) - 1}}
#define MARK(text) HEADER(LETTER_MARK_HEADER, text)

static inline struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){.data = text, .size = text == NULL ? 0 : strlen(text)};
}

/* At partition 2, offset 41. */
static inline struct topic_tail_record record_of(const char *key, const char *value, const struct topic_tail_header *headers, size_t count)
{
    return (struct topic_tail_record){.partition = 2,
                                      .offset = 41,
                                      .timestamp_ms = 1700000000000,
                                      .key = bytes_of(key),
                                      .value = bytes_of(value),
                                      .headers = headers,
                                      .header_count = count};
}
#define RECORD(key, value, headers) record_of(key, value, headers, sizeof(headers) / sizeof((headers)[0]))

#endif
