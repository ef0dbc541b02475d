/*
 * Options of connectors that Kafka Connect does not have. A validation shows those that were submitted, one by one.
 */
#include "config/connector_internal.h"

#include <string.h>

#include "base/placement.h"

#include "base/bans.h"

static int check_selector(const char *name, const char *text, const struct mr_config *config, const void *argument,
                          struct mr_error **error)
{
    char words[320];
    (void)name, (void)config, (void)argument;
    if (text == NULL || placement_check_selector(text, words, sizeof(words)))
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "%s", words);
}

/* Without one it is the worker's. */
static int check_restart_policy(const char *name, const char *text, const struct mr_config *config, const void *argument,
                                struct mr_error **error)
{
    return text == NULL ? 0 : mr_check_one_of(name, text, config, argument, error);
}

static const struct mr_range at_least_zero = {0, INT64_MAX};
static const char *const restart_policies[] = {"never", "on-failure", NULL};
static const char *const exactly_once[] = {"disabled", "enabled", NULL};

#define OWN "Millrace"
#define ROW(name_, type_, default_, order_, width_, display_, doc_)                                                    \
    .name = (name_), .type = MR_CONFIG_##type_, .default_text = (default_), .doc = (doc_), .importance = MR_LOW,       \
    .group = OWN, .order_in_group = (order_), .width = MR_WIDTH_##width_, .display_name = (display_)

static const struct mr_config_row rows[] = {
    {ROW(CONNECTOR_SELECTOR, STRING, "", 1, MEDIUM, "Placement Selector",
         "Labels that a worker must have to run the connector and its tasks: zone=a, zone!=b, ssd, !spare; with commas between them."),
     .validator = check_selector},
    {ROW(CONNECTOR_SOURCE_LETTERS, STRING, "", 2, MEDIUM, "Dead Letter Topic of a Source",
         "Topic that records of a source which fail are written to. Blank: none.")},
    {ROW(CONNECTOR_SOURCE_LETTERS_FACTOR, SHORT, "3", 3, MEDIUM, "Dead Letter Topic Replication Factor",
         "Replication factor of that topic when it has to be created.")},
    {ROW(CONNECTOR_SOURCE_LETTERS_CONTEXT, BOOLEAN, "false", 4, MEDIUM, "Enable Error Context Headers",
         "Say in headers (__connect.errors.*) of those records what failed, where and why.")},
    {ROW(CONNECTOR_ISOLATE, BOOLEAN, "false", 5, SHORT, "Isolate Refused Records",
         "Put a batch that the sink refuses again in ever smaller parts, so that only the records at fault are given up.")},
    {ROW(CONNECTOR_RESTART_POLICY, STRING, NULL, 6, MEDIUM, "Restart Policy",
         "on-failure: what fails, but not because of a record or its configuration, is started again after a while; never: it stays "
         "FAILED. Without it the worker's."),
     .validator = check_restart_policy, .validator_argument = restart_policies},
    {ROW(CONNECTOR_RATE_RECORDS, LONG, "0", 7, SHORT, "Records per Second",
         "How many records all tasks of the connector together read in a second at most; 0: as many as they can."),
     .validator = mr_check_range, .validator_argument = &at_least_zero},
    {ROW(CONNECTOR_RATE_BYTES, LONG, "0", 8, SHORT, "Bytes per Second",
         "How many bytes of keys and values all tasks of the connector together read in a second at most; 0: as many as they can."),
     .validator = mr_check_range, .validator_argument = &at_least_zero},
    {ROW(CONNECTOR_EXACTLY_ONCE, STRING, "disabled", 9, SHORT, "Exactly Once of a Source",
         "enabled: records and offsets in transactions, in a cluster whose exactly.once.source.support is preparing; where it is "
         "enabled every source has them."),
     .validator = mr_check_one_of_any_case, .validator_argument = exactly_once},
};
#define COUNT (sizeof(rows) / sizeof(rows[0]))

#define ONE(index) {.size = sizeof(struct mr_config_def), .row_size = sizeof(struct mr_config_row), .rows = &rows[index], .count = 1}
static const struct mr_config_def defs[COUNT] = {ONE(0), ONE(1), ONE(2), ONE(3), ONE(4), ONE(5), ONE(6), ONE(7), ONE(8)};
static const struct mr_config_def all = MR_CONFIG_DEF(rows);

const struct mr_config_def *connector_config_own_def(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(name, rows[i].name) == 0)
            return &defs[i];
    return NULL;
}

const struct mr_config_def *connector_config_own_defs(void)
{
    return &all;
}
