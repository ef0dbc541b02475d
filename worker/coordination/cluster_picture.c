#include "coordination/cluster_picture.h"

#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "base/bans.h"

#define LOG_NAME "millrace.coordination"

static void known_free(void *item)
{
    struct cluster_known *known = item;

    cluster_member_release(&known->member);
    cluster_assignment_release(&known->assignment);
    mem_free(known->url);
    mem_free(known);
}

static void seat_free(void *item)
{
    struct cluster_seat *seat = item;

    mem_free(seat->url);
    mem_free(seat);
}

void cluster_picture_init(struct cluster_picture *picture)
{
    *picture = (struct cluster_picture){0};
    ptr_array_init(&picture->known, known_free);
    ptr_array_init(&picture->seats, seat_free);
    cluster_head_init(&picture->head);
}

void cluster_picture_release(struct cluster_picture *picture)
{
    ptr_array_release(&picture->known);
    ptr_array_release(&picture->seats);
    cluster_head_release(&picture->head);
}

/* --- workers --------------------------------------------------------------------------------------------------------- */

static size_t place_of(const struct cluster_picture *picture, const char *url)
{
    size_t i = 0;

    while (i < picture->known.count && strcmp(((struct cluster_known *)picture->known.items[i])->url, url) < 0)
        i++;
    return i;
}

struct cluster_known *cluster_picture_find(const struct cluster_picture *picture, const char *url)
{
    size_t place = place_of(picture, url);
    struct cluster_known *known = place < picture->known.count ? picture->known.items[place] : NULL;

    return known != NULL && strcmp(known->url, url) == 0 ? known : NULL;
}

static struct cluster_known *known_create(const char *url)
{
    struct cluster_known *known = mem_calloc(1, sizeof(*known));

    if (known == NULL)
        return NULL;
    cluster_member_init(&known->member);
    cluster_assignment_init(&known->assignment);
    known->url = mem_strdup(url);
    if (known->url != NULL)
        return known;
    known_free(known);
    return NULL;
}

static struct cluster_known *find_or_add(struct cluster_picture *picture, const char *url)
{
    struct cluster_known *known = cluster_picture_find(picture, url);
    size_t place = place_of(picture, url);

    if (known != NULL)
        return known;
    known = known_create(url);
    if (known == NULL || !ptr_array_push(&picture->known, known)) {
        if (known != NULL)
            known_free(known);
        return NULL;
    }
    memmove(&picture->known.items[place + 1], &picture->known.items[place],
            (picture->known.count - 1 - place) * sizeof(void *));
    picture->known.items[place] = known;
    return known;
}

bool cluster_known_is_introduced(const struct cluster_known *known)
{
    return known->boot[0] != '\0' && known->has_member && strcmp(known->member.boot, known->boot) == 0;
}

bool cluster_known_is_gone(const struct cluster_picture *picture, const struct cluster_known *known)
{
    for (size_t i = 0; known->boot[0] != '\0' && i < picture->known.count; i++) {
        const struct cluster_known *witness = picture->known.items[i];

        if (cluster_known_is_introduced(witness) && cluster_member_says_gone(&witness->member, known->url, known->boot))
            return true;
    }
    return false;
}

bool cluster_known_has_orders(const struct cluster_known *known)
{
    return known->boot[0] != '\0' && known->has_assignment && strcmp(known->assignment.boot, known->boot) == 0;
}

bool cluster_known_is_at_work(const struct cluster_picture *picture, const struct cluster_known *known)
{
    return cluster_known_has_orders(known) && !cluster_known_is_gone(picture, known);
}

bool cluster_known_takes_work(const struct cluster_picture *picture, const struct cluster_known *known)
{
    return cluster_known_is_introduced(known) && !known->member.drains && !known->member.leaves &&
           !cluster_known_is_gone(picture, known);
}

/* --- seats ----------------------------------------------------------------------------------------------------------- */

const struct cluster_seat *cluster_picture_seat(const struct cluster_picture *picture, const char *url, const char *boot)
{
    for (size_t i = 0; i < picture->seats.count; i++) {
        const struct cluster_seat *seat = picture->seats.items[i];

        if (strcmp(seat->url, url) == 0 && strcmp(seat->boot, boot) == 0)
            return seat;
    }
    return NULL;
}

bool cluster_picture_add_seat(struct cluster_picture *picture, const char *url, const char *boot, bool leads)
{
    struct cluster_seat *seat = mem_calloc(1, sizeof(*seat));

    if (seat == NULL)
        return false;
    snprintf(seat->boot, sizeof(seat->boot), "%s", boot);
    seat->leads = leads;
    seat->url = mem_strdup(url);
    if (seat->url != NULL && ptr_array_push(&picture->seats, seat))
        return true;
    seat_free(seat);
    return false;
}

void cluster_picture_clear_seats(struct cluster_picture *picture)
{
    ptr_array_clear(&picture->seats);
}

static void seat_workers(struct cluster_picture *picture)
{
    for (size_t i = 0; i < picture->known.count; i++)
        ((struct cluster_known *)picture->known.items[i])->boot[0] = '\0';
    for (size_t i = 0; i < picture->seats.count; i++) {
        const struct cluster_seat *seat = picture->seats.items[i];
        struct cluster_known *known = cluster_picture_find(picture, seat->url);

        if (known == NULL)
            continue; /* no memory for it */
        if (known->boot[0] == '\0' || (known->has_member && strcmp(known->member.boot, seat->boot) == 0))
            snprintf(known->boot, sizeof(known->boot), "%s", seat->boot);
    }
}

/* --- records --------------------------------------------------------------------------------------------------------- */

static const char *without_prefix(const char *key, const char *prefix)
{
    return strncmp(key, prefix, strlen(prefix)) == 0 ? key + strlen(prefix) : NULL;
}

/* What cannot be read is as if it was not there; no memory is said as false. */
static bool was_read(int status, const char *key, struct mr_error *error, bool *is_there)
{
    bool had_memory = status == 0 || mr_error_code(error) != MR_ERR_NO_MEMORY;

    *is_there = status == 0;
    if (status != 0)
        log_error(LOG_NAME, "config topic: record %s is not understood: %s", key, mr_error_message(error));
    mr_error_drop(error);
    return had_memory;
}

static bool read_member(struct cluster_picture *picture, const char *key, const char *url, const char *text, size_t size)
{
    struct cluster_known *known = find_or_add(picture, url);
    struct mr_error *error = NULL;
    int status;

    if (known == NULL)
        return false;
    status = cluster_member_decode(&known->member, text, size, &error);
    return was_read(status, key, error, &known->has_member);
}

static bool read_assignment(struct cluster_picture *picture, const char *key, const char *url, const char *text, size_t size,
                            bool is_overruled)
{
    struct cluster_known *known = find_or_add(picture, url);
    struct mr_error *error = NULL;
    int status;

    if (known == NULL)
        return false;
    known->must_be_written = is_overruled;
    if (size == 0)
        return true;
    status = cluster_assignment_decode(&known->assignment, text, size, &error);
    return was_read(status, key, error, &known->has_assignment);
}

static bool read_head(struct cluster_picture *picture, const char *key, const char *text, size_t size)
{
    struct mr_error *error = NULL;
    int status;

    if (size == 0)
        return true;
    status = cluster_head_decode(&picture->head, text, size, &error);
    return was_read(status, key, error, &picture->has_head);
}

void cluster_picture_forget(struct cluster_picture *picture)
{
    for (size_t i = 0; i < picture->known.count; i++) {
        struct cluster_known *known = picture->known.items[i];

        cluster_member_release(&known->member);
        cluster_assignment_release(&known->assignment);
        known->has_member = known->has_assignment = known->must_be_written = false;
    }
    cluster_head_release(&picture->head);
    picture->has_head = false;
}

bool cluster_picture_read(struct cluster_picture *picture, const char *key, const char *text, size_t size, bool is_overruled)
{
    const char *url;

    if (strcmp(key, CLUSTER_HEAD_KEY) == 0)
        return read_head(picture, key, text, size);
    url = without_prefix(key, CLUSTER_MEMBER_PREFIX);
    if (url != NULL)
        return read_member(picture, key, url, text, size);
    url = without_prefix(key, CLUSTER_ASSIGNMENT_PREFIX);
    return url == NULL || read_assignment(picture, key, url, text, size, is_overruled);
}

static void drop_unknown(struct cluster_picture *picture)
{
    for (size_t i = picture->known.count; i > 0; i--) {
        const struct cluster_known *known = picture->known.items[i - 1];

        if (known->boot[0] == '\0' && !known->has_member && !known->has_assignment && !known->must_be_written)
            known_free(ptr_array_take_at(&picture->known, i - 1));
    }
}

bool cluster_picture_settle(struct cluster_picture *picture)
{
    bool all = true;

    for (size_t i = 0; i < picture->seats.count; i++)
        all = find_or_add(picture, ((struct cluster_seat *)picture->seats.items[i])->url) != NULL && all;
    seat_workers(picture);
    drop_unknown(picture);
    return all;
}
