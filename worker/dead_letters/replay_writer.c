/* The writer of a replay: whoever opens one ends those before it. */
#include "dead_letters/replay_internal.h"

#include <millrace/error.h>
#include <stdio.h>

#include "kafka/client_config.h"

#include "base/bans.h"

#define TRANSACTIONAL_ID "millrace-letters-"

int replay_open_writer(struct replaying *replaying, struct mr_error **error)
{
    struct dead_letters *letters = replaying->letters;
    char id[LETTER_TOPIC_MAX + sizeof(TRANSACTIONAL_ID)];
    if (replaying->selection->is_trial)
        return 0;
    if (target_reads(letters, letters->marks_topic))
        return mr_error_set(error, MR_ERR_CONFIG, "topics.regex matches %s, so the connector would read its marks: narrow it", letters->marks_topic);
    if (letters_make_marks_topic(letters, error) != 0)
        return -1;
    struct client_config *config = letters_producer(letters, error);
    if (config == NULL)
        return -1;
    snprintf(id, sizeof(id), TRANSACTIONAL_ID "%s", letters->topic);
    replaying->writer = fenced_writer_open(&(struct fenced_writer_setup){.config = config,
                                                                         .graveyard = letters->graveyard,
                                                                         .transactional_id = id,
                                                                         .topic = letters->marks_topic},
                                           letters->deadline_ms, error);
    client_config_drop(config);
    return replaying->writer != NULL ? 0 : mr_error_wrap(error, "letters are replayed and discarded in transactions, and these are not to be had");
}
