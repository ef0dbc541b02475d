/*
 * health_board: what is wrong with this worker as a whole, said by whoever finds out and read by /readyz and its like.
 *
 *     health_board_raise(board, "config_topic_cleanup", HEALTH_WARNING, "topic %s is not compacted any more: ...", topic);
 *     ...
 *     health_board_clear(board, "config_topic_cleanup");
 *
 * One entry a name; raising it again gives it new words. A warning leaves the worker ready; HEALTH_NOT_READY takes it out of the
 * service until it is cleared, so it is for what makes this worker, and not the whole cluster, useless. The log has a line when an
 * entry comes, becomes graver, and goes. The words are shown to everybody, without login: no secrets, no names of connectors.
 *
 * At most HEALTH_ENTRIES_MAX entries; further ones are logged and counted as one entry "more".
 * thread: any. locks: its own, shortly; nothing is called under it but `each`.
 */
#ifndef BASE_HEALTH_BOARD_H
#define BASE_HEALTH_BOARD_H

#include <stddef.h>

#define HEALTH_ENTRIES_MAX 32
#define HEALTH_NAME_MAX 64   /* bytes with the NUL; letters, digits and _ */
#define HEALTH_WORDS_MAX 320 /* bytes with the NUL; the rest is cut */

enum health_weight {
    HEALTH_WARNING,
    HEALTH_NOT_READY,
};

struct health_board;

struct health_board *health_board_create(void); /* NULL: no memory */
void health_board_destroy(struct health_board *board);

void health_board_raise(struct health_board *board, const char *name, enum health_weight weight, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void health_board_clear(struct health_board *board, const char *name); /* not there: fine */

/* All entries of that weight, in the order in which they were raised. `each` must not call the board. `board` NULL: none. */
typedef void health_board_fn(void *argument, const char *name, const char *words);
void health_board_each(struct health_board *board, enum health_weight weight, health_board_fn *each, void *argument);

#endif
