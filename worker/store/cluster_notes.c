#include "store/cluster_notes_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/bans.h"

static struct cluster_note *note_create(const char *key, const char *text, size_t size, bool is_overruled)
{
    struct cluster_note *note = mem_calloc(1, sizeof(*note) + strlen(key) + 1);

    if (note == NULL)
        return NULL;
    refcount_init(&note->owners);
    memcpy(note->key, key, strlen(key) + 1);
    note->is_overruled = is_overruled;
    note->size = size;
    note->text = mem_strndup(text, size);
    if (note->text == NULL) {
        mem_free(note);
        return NULL;
    }
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
                                        int64_t epoch)
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
            note = note_create(key, notes->notes[i]->text, notes->notes[i]->size, true);
        i++;
    } else if (is_overruled) {
        note = note_create(key, "", 0, true);
    }
    if (!is_overruled && text != NULL)
        note = note_create(key, text, size, false);
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
