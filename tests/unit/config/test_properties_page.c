/* docs/properties.md lists the worker's own properties: those of the table of options, with their types and defaults, and no others. */
#include "config_room_test.h"

#include <stdlib.h>

#include <millrace/config_def.h>

#include "config/worker_config_internal.h"

#define PAGE MR_TEST_SOURCE_DIR "/docs/properties.md"
#define PROPERTIES_MAX 100

static const struct worker_option *found[PROPERTIES_MAX]; /* by the order of the page */
static size_t found_count;

static void read_row(const char *line)
{
    char name[100] = "", type[20] = "", expected[300];
    if (sscanf(line, "| `%99[a-z.]` | %19[A-Z] |", name, type) != 2)
        fail_msg("%s: not a row | `property` | TYPE | default | what it is |", line);
    const struct worker_option *option = worker_option_find(WORKER_DISTRIBUTED, name);
    if (option == NULL)
        fail_msg("%s: no worker has such a property", name);
    const char *standard = option->row.default_text;
    bool is_set = standard != NULL && *standard != '\0';
    snprintf(expected, sizeof(expected), "| `%s` | %s | %s%s%s| ", name, config_type_name(option->row.type), is_set ? "`" : "",
             is_set ? standard : "", is_set ? "` " : "");
    if (strncmp(line, expected, strlen(expected)) != 0)
        fail_msg("not as the table of options has it: %sexpected: %s", line, expected);
    assert_true(found_count < PROPERTIES_MAX);
    found[found_count++] = option;
}

static void read_page(void)
{
    char line[1000];
    FILE *page = fopen(PAGE, "re");
    assert_non_null(page);
    found_count = 0;
    while (fgets(line, sizeof(line), page) != NULL) {
        if (strncmp(line, "| `", 3) == 0)
            read_row(line);
    }
    fclose(page);
}

static size_t times_found(const char *name)
{
    size_t times = 0;
    for (size_t i = 0; i < found_count; i++)
        times += strcmp(found[i]->row.name, name) == 0;
    return times;
}

static void the_page_has_each_property_of_our_own_once(void **state)
{
    const struct mr_config_def *defs[WORKER_DEFS];
    (void)state;
    read_page();
    assert_true(found_count > 20);
    worker_option_defs(WORKER_DISTRIBUTED, defs);
    for (size_t i = 0; i < WORKER_DEFS; i++) {
        const struct worker_option *options = (const struct worker_option *)(const void *)defs[i]->rows;
        for (size_t j = 0; j < defs[i]->count; j++) {
            const char *name = options[j].row.name;
            size_t wanted = strncmp(name, "millrace.", 9) == 0;
            if (times_found(name) != wanted)
                fail_msg("%s stands %zu times in docs/properties.md, not %zu", name, times_found(name), wanted);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_page_has_each_property_of_our_own_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
