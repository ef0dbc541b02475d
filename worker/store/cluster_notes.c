#include "store/cluster_notes_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/bans.h"

static struct cluster_note *note_create(const char *key, const char *text, size_t size, int64_t offset)
{
    struct cluster_note *note = mem_calloc(1, sizeof(*note) + strlen(key) + 1);

    if (note == NULL)
        return NULL;
    refcount_init(&note->owners);
    memcpy(note->key, key, strlen(key) + 1);
    note->offset = offset;
    note->size = size;
    note->text = mem_strndup(text, size);
    if (note->text == NULL) {
        mem_free(note);
        return NULL;
    }
    return note;
}

/* With what counted before it, if anything did. */
static struct cluster_note *note_create_overruled(const char *key, const struct cluster_note *before)
{
    struct cluster_note *note =
        before != NULL ? note_create(key, before->text, before->size, before->offset) : note_create(key, "", 0, -1);

    if (note != NULL)
        note->is_overruled = true;
    return note;
}

static void note_drop(struct cluster_note *note)
{
    if (note == NULL || !refcount_drop(&note->owners))
        return;
    mem_free(note->text);
    mem_free(note);
}

static struct cluster_notes *notes_create(size_t count)
{
    struct cluster_notes *notes = mem_calloc(1, sizeof(*notes) + count * sizeof(struct cluster_note *));

    if (notes != NULL)
        refcount_init(&notes->owners);
    return notes;
}

struct cluster_notes *cluster_notes_create(void)
{
    return notes_create(0);
}

struct cluster_notes *cluster_notes_take(struct cluster_notes *notes)
{
    refcount_take(&notes->owners);
    return notes;
}

void cluster_notes_drop(struct cluster_notes *notes)
{
    if (notes == NULL || !refcount_drop(&notes->owners))
        return;
    for (size_t i = 0; i < notes->count; i++)
        note_drop(notes->notes[i]);
    mem_free(notes);
}

static void append(struct cluster_notes *notes, struct cluster_note *note)
{
    notes->notes[notes->count++] = note;
}

struct cluster_notes *cluster_notes_put(const struct cluster_notes *notes, const char *key, const char *text, size_t size,
                                        int64_t epoch, int64_t offset)
{
    bool is_overruled = epoch >= 0 && (uint64_t)epoch < notes->epoch;
    struct cluster_notes *next = notes_create(notes->count + 1);
    struct cluster_note *note = NULL;
    size_t i = 0;

    if (next == NULL)
        return NULL;
    next->epoch = epoch >= 0 && !is_overruled ? (uint64_t)epoch : notes->epoch;
    for (; i < notes->count && strcmp(notes->notes[i]->key, key) < 0; i++) {
        refcount_take(&notes->notes[i]->owners);
        append(next, notes->notes[i]);
    }
    if (i < notes->count && strcmp(notes->notes[i]->key, key) == 0) {
        if (is_overruled)
            note = note_create_overruled(key, notes->notes[i]);
        i++;
    } else if (is_overruled) {
        note = note_create_overruled(key, NULL);
    }
    if (!is_overruled && text != NULL)
        note = note_create(key, text, size, offset);
    if (note != NULL) {
        append(next, note);
    } else if (is_overruled || text != NULL) {
        cluster_notes_drop(next);
        return NULL;
    }
    for (; i < notes->count; i++) {
        refcount_take(&notes->notes[i]->owners);
        append(next, notes->notes[i]);
    }
    return next;
}
