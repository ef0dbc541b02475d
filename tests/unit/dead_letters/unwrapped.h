/* unwrapped: the functions that test_replay_write has in its own hands, for a test of this folder that links them and wants the real ones. */
#ifndef TEST_DEAD_LETTERS_UNWRAPPED_H
#define TEST_DEAD_LETTERS_UNWRAPPED_H

#include "dead_letters/replay_internal.h"

int __real_letters_deliver(struct dead_letters *letters, struct sink_feed_item *items, size_t count, int64_t deadline_ms, struct mr_error **error);
int __wrap_letters_deliver(struct dead_letters *letters, struct sink_feed_item *items, size_t count, int64_t deadline_ms, struct mr_error **error);
int __real_fenced_writer_write(struct fenced_writer *writer, const struct fenced_writer_entry *entries, size_t count, int64_t deadline_ms,
                               struct fenced_writer_place *last, struct mr_error **error);
int __wrap_fenced_writer_write(struct fenced_writer *writer, const struct fenced_writer_entry *entries, size_t count, int64_t deadline_ms,
                               struct fenced_writer_place *last, struct mr_error **error);

int __wrap_letters_deliver(struct dead_letters *letters, struct sink_feed_item *items, size_t count, int64_t deadline_ms, struct mr_error **error)
{
    return __real_letters_deliver(letters, items, count, deadline_ms, error);
}

int __wrap_fenced_writer_write(struct fenced_writer *writer, const struct fenced_writer_entry *entries, size_t count, int64_t deadline_ms,
                               struct fenced_writer_place *last, struct mr_error **error)
{
    return __real_fenced_writer_write(writer, entries, count, deadline_ms, last, error);
}

int __real_letters_scan(struct dead_letters *letters, const struct selection *selection, size_t last, topic_tail_each_fn *each, void *argument,
                        struct mr_error **error);
int __wrap_letters_scan(struct dead_letters *letters, const struct selection *selection, size_t last, topic_tail_each_fn *each, void *argument,
                        struct mr_error **error);
int __wrap_letters_scan(struct dead_letters *letters, const struct selection *selection, size_t last, topic_tail_each_fn *each, void *argument,
                        struct mr_error **error)
{
    return __real_letters_scan(letters, selection, last, each, argument, error);
}

void __real_fenced_writer_close(struct fenced_writer *writer);
void __wrap_fenced_writer_close(struct fenced_writer *writer);
void __wrap_fenced_writer_close(struct fenced_writer *writer)
{
    __real_fenced_writer_close(writer);
}

int __real_letters_read_marks(struct dead_letters *letters, struct marks *marks, struct mr_error **error);
int __wrap_letters_read_marks(struct dead_letters *letters, struct marks *marks, struct mr_error **error);
int __wrap_letters_read_marks(struct dead_letters *letters, struct marks *marks, struct mr_error **error)
{
    return __real_letters_read_marks(letters, marks, error);
}

int __real_replay_open_writer(struct replaying *replaying, struct mr_error **error);
int __wrap_replay_open_writer(struct replaying *replaying, struct mr_error **error);
int __wrap_replay_open_writer(struct replaying *replaying, struct mr_error **error)
{
    return __real_replay_open_writer(replaying, error);
}

#endif
