/* regex_option.h: options whose text is a regular expression in Java's dialect. */
#ifndef TRANSFORMS_SUPPORT_REGEX_OPTION_H
#define TRANSFORMS_SUPPORT_REGEX_OPTION_H

#include <millrace/millrace.h>

#include "regex/java_regex.h"

/* Validators: an expression; one that is not empty either. */
mr_config_validator check_regex;
mr_config_validator check_regex_not_empty;

/* NULL: MR_ERR_CONFIG or no memory. Ends with java_regex_destroy. */
struct java_regex *regex_option_create(const struct mr_config *config, const char *name, struct mr_error **error);

/* Does the whole name of the topic match the option? -1: MR_ERR_DATA, the expression was given up on it. */
int regex_option_matches(struct java_regex *regex, const char *name, const char *topic, bool *matches, struct mr_error **error);
/* MR_ERR_DATA for a value ("the value at x") on which the option's expression was given up, with the reason and the remedy. */
int regex_option_given_up(const struct java_regex *regex, const char *name, const char *what, struct mr_error **error);

#endif
