#include "regex_option.h"

#include <stdio.h>
#include <string.h>

#define WHY_BYTES 320

static struct java_regex *create(const char *text, struct mr_error **error)
{
    char why[WHY_BYTES];
    struct java_regex *regex = java_regex_create(text, why, sizeof(why));
    if (regex == NULL && strncmp(why, "no memory", 9) == 0)
        mr_error_set(error, MR_ERR_NO_MEMORY, "%s", why);
    else if (regex == NULL)
        mr_error_set(error, MR_ERR_CONFIG, "Invalid regex: %s", why);
    return regex;
}

int check_regex(const char *name, const char *text, const struct mr_config *config, const void *argument,
                struct mr_error **error)
{
    (void)name;
    (void)config;
    (void)argument;
    if (text == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "Invalid regex: there is none");
    struct java_regex *regex = create(text, error);
    java_regex_destroy(regex);
    return regex == NULL ? -1 : 0;
}

int check_regex_not_empty(const char *name, const char *text, const struct mr_config *config, const void *argument,
                          struct mr_error **error)
{
    if (mr_check_not_empty(name, text, config, argument, error) < 0)
        return -1;
    return check_regex(name, text, config, argument, error);
}

struct java_regex *regex_option_create(const struct mr_config *config, const char *name, struct mr_error **error)
{
    return create(mr_config_string(config, name), error);
}

int regex_option_given_up(const struct java_regex *regex, const char *name, const char *what, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_DATA, "cannot tell whether %.200s matches %s: %s", what, name, java_regex_failure(regex));
}

int regex_option_matches(struct java_regex *regex, const char *name, const char *topic, bool *matches, struct mr_error **error)
{
    *matches = java_regex_matches(regex, topic, strlen(topic));
    if (*matches || java_regex_failure(regex) == NULL)
        return 0;
    char what[220];
    snprintf(what, sizeof(what), "topic %.200s", topic);
    return regex_option_given_up(regex, name, what, error);
}
