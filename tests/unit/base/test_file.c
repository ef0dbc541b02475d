#include "base_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/properties.h"
#include "base/string_map.h"
#include "support/alloc_torture.h"

static char folder[64], path[128];

static int with_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_file.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/worker.properties", folder);
    return 0;
}

static int without_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_text(const char *text)
{
    char why[300] = "";
    struct file_content content = { text, strlen(text), 0600 };
    if (!file_replace(path, &content, why, sizeof(why)))
        fail_msg("%s", why);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    char why[300];
    size_t length;
    write_text("old and longer");
    write_text("new");
    char *text = file_read(path, 3, &length, why, sizeof(why));
    assert_string_equal(text, "new");
    assert_int_equal(length, 3);
    mem_free(text);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    write_text("");
    text = file_read(path, 0, NULL, why, sizeof(why));
    assert_string_equal(text, "");
    mem_free(text);
}

static void a_file_beyond_the_maximum_is_refused(void **state)
{
    (void)state;
    char why[300];
    write_text("1234");
    assert_null(file_read(path, 3, NULL, why, sizeof(why)));
    assert_non_null(strstr(why, path));
    assert_non_null(strstr(why, "3 bytes"));
}

static void what_cannot_be_read_is_named(void **state)
{
    (void)state;
    char why[300];
    assert_null(file_read(path, 100, NULL, why, sizeof(why)));
    assert_non_null(strstr(why, path));
    assert_non_null(strstr(why, "No such file"));
    assert_null(file_read(folder, 100, NULL, why, sizeof(why)));
    assert_non_null(strstr(why, "directory"));
}

static void a_replacement_that_fails_leaves_the_old_file_and_no_litter(void **state)
{
    (void)state;
    char why[300], inside[200];
    write_text("old");
    snprintf(inside, sizeof(inside), "%s/not-a-folder", path);
    struct file_content content = { "new", 3, 0600 };
    assert_false(file_replace(inside, &content, why, sizeof(why)));
    assert_non_null(strstr(why, inside));
    assert_false(file_replace(folder, &content, why, sizeof(why)));   /* a folder is not replaced */
    char litter[80];
    snprintf(litter, sizeof(litter), "%s.tmp", folder);
    assert_int_not_equal(access(litter, F_OK), 0);
    char *text = file_read(path, 10, NULL, why, sizeof(why));
    assert_string_equal(text, "old");
    mem_free(text);
}

static bool write_and_read(void *argument)
{
    (void)argument;
    char why[300];
    struct file_content content = { "a=b\n", 4, 0600 };
    if (!file_replace(path, &content, why, sizeof(why)))
        return false;
    struct string_map *map = properties_load(path, PROPERTIES_LATIN1, why, sizeof(why));
    bool worked = map != NULL;
    string_map_destroy(map);
    assert_true(worked || strstr(why, path) != NULL);
    return worked;
}

static void no_memory_fails_cleanly(void **state)
{
    (void)state;
    alloc_torture(write_and_read, NULL);
}

static void a_bad_properties_file_is_named_with_its_line(void **state)
{
    (void)state;
    char why[300];
    write_text("a=b\npassword=\\u00g0\n");
    assert_null(properties_load(path, PROPERTIES_LATIN1, why, sizeof(why)));
    assert_non_null(strstr(why, path));
    assert_non_null(strstr(why, "line 2"));
    assert_null(strstr(why, "password"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, with_folder, without_folder)
RUN_TESTS(IN_FOLDER(what_was_written_is_read), IN_FOLDER(a_file_beyond_the_maximum_is_refused),
          IN_FOLDER(what_cannot_be_read_is_named),
          IN_FOLDER(a_replacement_that_fails_leaves_the_old_file_and_no_litter), IN_FOLDER(no_memory_fails_cleanly),
          IN_FOLDER(a_bad_properties_file_is_named_with_its_line))
