/*
 * audit_test: a record in a file of its own, and what stands in it.
 */
#ifndef AUDIT_TEST_H
#define AUDIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <millrace/error.h>

#include "audit/audit.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "support/eventually.h"

#define SOON_MS 20000
#define RECORD_MAX (16u << 20)

struct record {
    char folder[64], path[128];
    struct audit *audit;
};

static inline struct audit_setup setup_of(const struct record *record)
{
    return (struct audit_setup){.file = record->path, .topic_replication_factor = -1, .worker = "one:8083"};
}

static inline void record_open(struct record *record)
{
    struct mr_error *error = NULL;
    struct audit_setup setup = setup_of(record);
    record->audit = audit_open(&setup, &error);
    if (record->audit == NULL)
        fail_msg("%s", mr_error_message(error));
}

static inline void record_init(struct record *record)
{
    snprintf(record->folder, sizeof(record->folder), "/tmp/audit-test-XXXXXX");
    assert_non_null(mkdtemp(record->folder));
    snprintf(record->path, sizeof(record->path), "%s/audit.log", record->folder);
    record_open(record);
}

static inline void record_close(struct record *record)
{
    audit_close(record->audit);
    record->audit = NULL;
}

static inline void record_release(struct record *record)
{
    char command[256];
    record_close(record);
    snprintf(command, sizeof(command), "rm -rf %s", record->folder);
    assert_int_equal(system(command), 0);
}

/* The n-th line as JSON, NULL: there is none; -1: the last. Lines must be whole and be objects. */
static inline json_t *line_of(const char *path, int wanted)
{
    char why[256];
    char *text = file_read(path, RECORD_MAX, NULL, why, sizeof(why));
    json_t *found = NULL;
    int i = 0;
    if (text == NULL)
        return NULL;
    for (char *at = text; *at != '\0'; i++) {
        char *end = strchr(at, '\n');
        assert_non_null(end);
        *end = '\0';
        json_t *line = json_loads(at, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(line))
            fail_msg("no line of a record: %s", at);
        if (i == wanted || wanted < 0) {
            json_decref(found);
            found = line;
        } else {
            json_decref(line);
        }
        at = end + 1;
    }
    mem_free(text);
    return found;
}

static inline int line_count(const char *path)
{
    char why[256];
    char *text = file_read(path, RECORD_MAX, NULL, why, sizeof(why));
    int count = 0;
    for (const char *at = text; at != NULL && *at != '\0'; at++)
        count += *at == '\n';
    mem_free(text);
    return count;
}

struct want_lines {
    const char *path;
    int count;
};
static inline bool has_lines(void *argument)
{
    const struct want_lines *want = argument;
    return line_count(want->path) >= want->count;
}
static inline void await_lines(const char *path, int count)
{
    if (!eventually(SOON_MS, has_lines, &(struct want_lines){path, count}))
        fail_msg("%d lines instead of %d", line_count(path), count);
}

static inline void assert_member(const json_t *line, const char *name, const char *text)
{
    const json_t *value = json_object_get(line, name);
    if (text == NULL)
        assert_true(json_is_null(value));
    else
        assert_string_equal(json_string_value(value), text);
}

/* ---- one who asks ---- */

struct asker {
    atomic_int told;
    struct audit_change *change;
    char why[AUDIT_WORDS_SIZE];
};

static inline void on_admitted(void *argument, struct audit_change *change, const char *why)
{
    struct asker *asker = argument;
    asker->change = change;
    snprintf(asker->why, sizeof(asker->why), "%s", why == NULL ? "" : why);
    asker->told++;
}

static inline bool is_told(void *argument)
{
    return ((struct asker *)argument)->told > 0;
}

static const struct audit_call CALL = {.request = "r-1",
                                       .user = "ada",
                                       .login = "password",
                                       .address = "10.0.0.7",
                                       .port = 5000,
                                       .method = "PUT",
                                       .path = "/connectors/files/config",
                                       .connector = "files"};

static inline void ask_audit(struct audit *audit, struct asker *asker)
{
    *asker = (struct asker){0};
    audit_admit(audit, &CALL, NULL, on_admitted, asker);
    assert_true(eventually(SOON_MS, is_told, asker));
}

static const struct audit_pair LOOK[] = {{"who", "ada"}, {"topic", "orders"}};

static inline void ask_to_look(struct audit *audit, struct asker *asker)
{
    *asker = (struct asker){0};
    audit_admit_look(audit, LOOK, 2, on_admitted, asker);
    assert_true(eventually(SOON_MS, is_told, asker));
    assert_null(asker->change);
}

static inline bool is_admitted_now(void *argument)
{
    struct asker asker;
    ask_audit(argument, &asker);
    if (asker.change != NULL)
        audit_change_end(asker.change, 200, NULL);
    return asker.change != NULL;
}

#endif
