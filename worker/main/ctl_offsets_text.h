/*
 * ctl_offsets_text: offsets, and what a change of them would do, as a person reads them.
 */
#ifndef MAIN_CTL_OFFSETS_TEXT_H
#define MAIN_CTL_OFFSETS_TEXT_H

#include <jansson.h>
#include <stdbool.h>

struct str_buffer;

/* The answer of GET /connectors/{n}/offsets. false: no memory. */
bool ctl_offsets_write(const json_t *answer, struct str_buffer *out);
/* Of a dry run. */
bool ctl_offsets_write_trial(const json_t *answer, struct str_buffer *out);

#endif
