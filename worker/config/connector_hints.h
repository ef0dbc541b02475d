/*
 * connector_hints: options of a connector's configuration that have no effect: misspelt ones, of transformations that are not listed, of
 * a converter that is the worker's. Kafka Connect takes them without a word, so they are no mistakes; who creates a connector, or tries
 * it, is told all the same.
 *
 * Names of options alone, no values. At most 20 hints; some 100 options without a definition are looked at.
 * thread: any. Cost: names, times definitions: where plugin code may run.
 */
#ifndef CONFIG_CONNECTOR_HINTS_H
#define CONFIG_CONNECTOR_HINTS_H

struct connector_report;
struct ptr_array;
struct string_map;

/* Adds a text for each such option (char *, mem_free); for want of memory fewer. `raw`: what was validated, as written. */
void connector_hints_find(struct ptr_array *hints, const struct connector_report *report, const struct string_map *raw);
/* All in one line; mem_free. NULL: there are none, or memory is short. */
char *connector_hints_line(const struct connector_report *report, const struct string_map *raw);

#endif
