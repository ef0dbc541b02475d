#include "base/health_board.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"

#include "base/bans.h"

#define LOG_NAME "millrace.health"

struct health_entry {
    char name[HEALTH_NAME_MAX], words[HEALTH_WORDS_MAX];
    enum health_weight weight;
};

struct health_board {
    pthread_mutex_t lock;
    size_t count;
    bool is_full; /* more was raised than there is room for */
    struct health_entry entries[HEALTH_ENTRIES_MAX];
};

struct health_board *health_board_create(void)
{
    struct health_board *board = mem_calloc(1, sizeof(*board));
    if (board != NULL)
        mutex_init(&board->lock);
    return board;
}

void health_board_destroy(struct health_board *board)
{
    if (board == NULL)
        return;
    mutex_destroy(&board->lock);
    mem_free(board);
}

/* lock held. */
static struct health_entry *find(struct health_board *board, const char *name)
{
    for (size_t i = 0; i < board->count; i++)
        if (strncmp(board->entries[i].name, name, HEALTH_NAME_MAX - 1) == 0)
            return &board->entries[i];
    return NULL;
}

/* lock held. true: worth a line. */
static bool put(struct health_board *board, const char *name, enum health_weight weight, const char *words)
{
    struct health_entry *entry = find(board, name);
    bool is_new = entry == NULL;
    if (is_new && board->count == HEALTH_ENTRIES_MAX) {
        bool was_full = board->is_full;
        board->is_full = true;
        return !was_full;
    }
    if (is_new)
        entry = &board->entries[board->count++];
    bool is_graver = is_new || weight > entry->weight;
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    snprintf(entry->words, sizeof(entry->words), "%s", words);
    entry->weight = weight;
    return is_graver;
}

void health_board_raise(struct health_board *board, const char *name, enum health_weight weight, const char *format, ...)
{
    char words[HEALTH_WORDS_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    if (wanted >= (int)sizeof(words))
        words[utf8_cut(words, sizeof(words) - 1, sizeof(words) - 1)] = '\0';
    mutex_lock(&board->lock);
    bool is_news = put(board, name, weight, words);
    mutex_unlock(&board->lock);
    if (is_news)
        log_warn(LOG_NAME, "%s (%s): %s", name, weight == HEALTH_NOT_READY ? "this worker is not ready" : "a warning", words);
}

void health_board_clear(struct health_board *board, const char *name)
{
    mutex_lock(&board->lock);
    struct health_entry *entry = find(board, name);
    if (entry != NULL) {
        size_t after = board->count - (size_t)(entry - board->entries) - 1;
        memmove(entry, entry + 1, after * sizeof(*entry));
        board->count--;
        board->is_full = false;
    }
    mutex_unlock(&board->lock);
    if (entry != NULL)
        log_info(LOG_NAME, "%s: is well again", name);
}

void health_board_each(struct health_board *board, enum health_weight weight, health_board_fn *each, void *argument)
{
    if (board == NULL)
        return;
    mutex_lock(&board->lock);
    for (size_t i = 0; i < board->count; i++)
        if (board->entries[i].weight == weight)
            each(argument, board->entries[i].name, board->entries[i].words);
    if (board->is_full && weight == HEALTH_WARNING)
        each(argument, "more", "there is more than this list can hold; the log has it");
    mutex_unlock(&board->lock);
}
