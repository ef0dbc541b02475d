/* What the tests of this room share: CMocka, maps and properties written in one line, a loader with test plugins. */
#ifndef CONFIG_ROOM_TEST_H
#define CONFIG_ROOM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/properties.h"
#include "base/string_map.h"
#include "config/worker_config.h"
#include "loader/host.h"
#include "loader/loader.h"

/* The text of a .properties file. */
static inline struct string_map *properties_of(const char *text)
{
    char why[256] = "";
    struct string_map *map = properties_parse(text, strlen(text), PROPERTIES_LATIN1, why, sizeof(why));
    if (map == NULL)
        fail_msg("%s", why);
    return map;
}

#define MINIMAL                                                                                                        \
    "bootstrap.servers=localhost:9092\ngroup.id=g\nconfig.storage.topic=c\noffset.storage.topic=o\n"                   \
    "status.storage.topic=s\nkey.converter=Thing\nvalue.converter=Thing\nheader.converter=Thing\n"

static inline struct worker_config *worker_of(const char *text)
{
    struct mr_error *error = NULL;
    struct string_map *map = properties_of(text);
    struct worker_config *worker = worker_config_create(WORKER_DISTRIBUTED, map, &error);
    if (worker == NULL)
        fail_msg("%s", mr_error_message(error));
    string_map_destroy(map);
    return worker;
}

/* What `text` is refused with; until the next call. */
static inline const char *refusal(enum worker_mode mode, const char *text)
{
    static char message[32768];
    struct mr_error *error = NULL;
    struct string_map *map = properties_of(text);
    struct worker_config *worker = worker_config_create(mode, map, &error);
    string_map_destroy(map);
    if (worker != NULL) {
        worker_config_destroy(worker);
        return "";
    }
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    snprintf(message, sizeof(message), "%s", mr_error_message(error));
    mr_error_drop(error);
    return message;
}

static inline struct loader *test_loader(void)
{
    struct mr_error *error = NULL;
    static const char path[] = MR_TEST_PLUGINS "/gallery.so," MR_TEST_PLUGINS "/secret_provider.so," MR_PLUGINS
                                               "/override_policies.so," MR_PLUGINS "/transforms.so";
    struct loader *loader = loader_create(&(struct loader_setup){.plugin_path = path, .host = loader_host()}, &error);
    assert_non_null(loader);
    assert_int_equal(loader_refusal_count(loader), 0);
    return loader;
}

static inline void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' is in:\n%s", part, text);
}

#endif
