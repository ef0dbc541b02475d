#include "logging/log_ring.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"

#include "base/bans.h"

struct log_ring {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    size_t size;
    _Atomic size_t first, used; /* changed under the lock; read without it by a crash */
    bool is_woken, has_ended;   /* lock */
    uint64_t untold;            /* lock */
    _Atomic uint64_t dropped;
    char bytes[];
};

struct log_ring *log_ring_create(size_t bytes)
{
    struct log_ring *ring = mem_calloc(1, sizeof(*ring) + bytes);
    if (ring == NULL)
        return NULL;
    ring->size = bytes;
    mutex_init(&ring->lock);
    cond_init(&ring->filled);
    cond_init(&ring->emptied);
    return ring;
}

void log_ring_destroy(struct log_ring *ring)
{
    if (ring == NULL)
        return;
    cond_destroy(&ring->emptied);
    cond_destroy(&ring->filled);
    mutex_destroy(&ring->lock);
    mem_free(ring);
}

/* lock held; there is room. */
static void copy_in(struct log_ring *ring, const char *line, size_t length)
{
    size_t used = atomic_load_explicit(&ring->used, memory_order_relaxed);
    size_t at = (atomic_load_explicit(&ring->first, memory_order_relaxed) + used) % ring->size;
    size_t piece = length < ring->size - at ? length : ring->size - at;
    memcpy(ring->bytes + at, line, piece);
    memcpy(ring->bytes, line + piece, length - piece);
    atomic_store(&ring->used, used + length);
}

/* lock held. */
static bool put_if_room(struct log_ring *ring, const char *line, size_t length)
{
    if (length > ring->size - atomic_load(&ring->used))
        return false;
    copy_in(ring, line, length);
    cond_signal(&ring->filled);
    return true;
}

bool log_ring_put(struct log_ring *ring, const char *line, size_t length)
{
    mutex_lock(&ring->lock);
    bool has_room = put_if_room(ring, line, length);
    if (!has_room) {
        ring->untold++;
        atomic_fetch_add(&ring->dropped, 1);
    }
    mutex_unlock(&ring->lock);
    return has_room;
}

bool log_ring_offer(struct log_ring *ring, const char *line, size_t length)
{
    mutex_lock(&ring->lock);
    bool has_room = put_if_room(ring, line, length);
    mutex_unlock(&ring->lock);
    return has_room;
}

uint64_t log_ring_take_dropped(struct log_ring *ring, bool at_once)
{
    uint64_t untold = 0;
    if (atomic_load_explicit(&ring->dropped, memory_order_relaxed) == 0)
        return 0;
    mutex_lock(&ring->lock);
    if (at_once || atomic_load(&ring->used) <= ring->size / 2) {
        untold = ring->untold;
        ring->untold = 0;
    }
    mutex_unlock(&ring->lock);
    return untold;
}

void log_ring_give_back_dropped(struct log_ring *ring, uint64_t lines)
{
    mutex_lock(&ring->lock);
    ring->untold += lines;
    mutex_unlock(&ring->lock);
}

uint64_t log_ring_dropped(const struct log_ring *ring)
{
    return atomic_load(&ring->dropped);
}

size_t log_ring_look(struct log_ring *ring, int64_t deadline_ms, const char **bytes)
{
    mutex_lock(&ring->lock);
    while (atomic_load(&ring->used) == 0 && !ring->is_woken && cond_wait_until_ms(&ring->filled, &ring->lock, deadline_ms))
        ;
    size_t first = atomic_load(&ring->first), used = atomic_load(&ring->used);
    if (used == 0)
        ring->is_woken = false;
    mutex_unlock(&ring->lock);
    *bytes = ring->bytes + first;
    return used < ring->size - first ? used : ring->size - first;
}

/* An empty ring begins at its start again, so that a quiet worker touches few pages. */
void log_ring_done(struct log_ring *ring, size_t length)
{
    mutex_lock(&ring->lock);
    size_t used = atomic_load(&ring->used) - length;
    atomic_store(&ring->first, used == 0 ? 0 : (atomic_load(&ring->first) + length) % ring->size);
    atomic_store(&ring->used, used);
    if (used == 0)
        cond_broadcast(&ring->emptied);
    mutex_unlock(&ring->lock);
}

void log_ring_wake(struct log_ring *ring)
{
    mutex_lock(&ring->lock);
    ring->is_woken = true;
    cond_signal(&ring->filled);
    mutex_unlock(&ring->lock);
}

void log_ring_writer_ended(struct log_ring *ring)
{
    mutex_lock(&ring->lock);
    ring->has_ended = true;
    cond_broadcast(&ring->emptied);
    mutex_unlock(&ring->lock);
}

bool log_ring_wait_writer(struct log_ring *ring, int64_t deadline_ms)
{
    mutex_lock(&ring->lock);
    while (!ring->has_ended && cond_wait_until_ms(&ring->emptied, &ring->lock, deadline_ms))
        ;
    bool has_ended = ring->has_ended;
    mutex_unlock(&ring->lock);
    return has_ended;
}

bool log_ring_wait_empty(struct log_ring *ring, int64_t deadline_ms)
{
    mutex_lock(&ring->lock);
    while (atomic_load(&ring->used) > 0 && cond_wait_until_ms(&ring->emptied, &ring->lock, deadline_ms))
        ;
    bool is_empty = atomic_load(&ring->used) == 0;
    mutex_unlock(&ring->lock);
    return is_empty;
}

/* The writer may be writing the first bytes at this moment: they may come twice, none is lost. PIPE_BUF at a time: what a pipe that says
 * it is writable takes without blocking. */
void log_ring_crash(const struct log_ring *ring, int fd, int patience_ms)
{
    size_t first = atomic_load(&ring->first), used = atomic_load(&ring->used);
    if (first >= ring->size || used > ring->size)
        return;
    while (used > 0) {
        struct pollfd look = {.fd = fd, .events = POLLOUT};
        size_t piece = used < ring->size - first ? used : ring->size - first;
        if (poll(&look, 1, patience_ms) != 1)
            return;
        ssize_t written = write(fd, ring->bytes + first, piece < PIPE_BUF ? piece : PIPE_BUF);
        if (written <= 0)
            return;
        first = (first + (size_t)written) % ring->size;
        used -= (size_t)written;
    }
}
