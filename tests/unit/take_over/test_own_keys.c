/* The table of our own keys has every kind that a room writes: looked for in the sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "take_over/own_keys.h"

#define KEY_MAX 64
#define LINE_MAX_BYTES 4096

/* Those that could write into the config topic. */
static const char *const rooms[] = {"store", "coordination", "herder", "executor", "task"};

/* "millrace-…" in quotes; what stands in a comment as a pattern ends in "…" and is passed over. false: none. */
static bool find_key(const char *line, char key[KEY_MAX])
{
    const char *at = strstr(line, "\"" OWN_KEY_START);
    if (at == NULL || sscanf(at + 1, "%63[a-z-]", key) != 1)
        return false;
    return strcmp(key, OWN_KEY_START) != 0;
}

static size_t look_through_file(const char *path)
{
    char line[LINE_MAX_BYTES], key[KEY_MAX];
    size_t found = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (!find_key(line, key))
            continue;
        if (own_key_of(key) == NULL)
            fail_msg("%s: %s has no row in worker/take_over/own_keys.c", path, key);
        found++;
    }
    fclose(file);
    return found;
}

static size_t look_through_room(const char *room)
{
    char folder[1024], path[2048];
    size_t found = 0;
    snprintf(folder, sizeof(folder), MR_TEST_SOURCE_DIR "/worker/%s", room);
    DIR *open = opendir(folder);
    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length < 3 || (strcmp(entry->d_name + length - 2, ".c") != 0 && strcmp(entry->d_name + length - 2, ".h") != 0))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        found += look_through_file(path);
    }
    closedir(open);
    return found;
}

static void every_key_in_the_sources_has_a_row(void **state)
{
    size_t found = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
        found += look_through_room(rooms[i]);
    assert_true(found >= own_key_count()); /* it does look */
}

static void a_key_belongs_to_its_kind_and_a_foreign_one_to_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < own_key_count(); i++) {
        char key[2 * KEY_MAX];
        snprintf(key, sizeof(key), "%shttp://a:8083/", own_key_at(i)->start);
        assert_ptr_equal(own_key_at(i), own_key_of(key));
        assert_int_equal(0, strncmp(own_key_at(i)->start, OWN_KEY_START, strlen(OWN_KEY_START)));
    }
    assert_null(own_key_of("connector-millrace-member-"));
    assert_null(own_key_of("millrace-later-x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_in_the_sources_has_a_row),
        cmocka_unit_test(a_key_belongs_to_its_kind_and_a_foreign_one_to_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
