/*
 * header_rules: response.http.headers.config, headers that every answer gets (KIP-577; the rules are those of Jetty's HeaderFilter).
 *
 * A comma list of "set|add|setDate|addDate NAME: VALUE"; a rule with a comma in it stands in double quotes. The value of a date
 * is an offset from now in milliseconds. `set` takes the place of what earlier rules gave that name. An answer's own header
 * of a name wins over `set`, and its Content-Type over any rule.
 * Refused at the start: what the JVM worker refuses, dates that are no numbers, and headers that say where an answer ends.
 *
 * Embedded: _init → _apply … → _release. thread: _apply any, at the same time; it reads only. Locks: none.
 */
#ifndef ROUTES_HEADER_RULES_H
#define ROUTES_HEADER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEADER_RULES_MAX 16

struct http_response;
struct mr_error;

struct header_rule {
    char *name, *value; /* of a date: no value */
    bool adds, is_date;
    int64_t offset_ms;
};

struct header_rules {
    struct header_rule rules[HEADER_RULES_MAX];
    size_t count;
};

/* `config` NULL or blank: no rules. -1: MR_ERR_CONFIG that quotes the rule, or MR_ERR_NO_MEMORY; nothing is held then. */
int header_rules_init(struct header_rules *rules, const char *config, struct mr_error **error);
void header_rules_release(struct header_rules *rules); /* also of zeroes */

/* The response keeps names of the rules: they outlive it. now_ms: since 1970. */
void header_rules_apply(const struct header_rules *rules, struct http_response *response, int64_t now_ms);

#endif
