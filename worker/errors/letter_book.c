#include "errors/letter_book.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "errors/letter.h"

#include "base/bans.h"

void letter_book_init(struct letter_book *book)
{
    *book = (struct letter_book){ .places = NULL };
}

void letter_book_release(struct letter_book *book)
{
    while (book->places != NULL) {
        struct letter_place *place = book->places;
        book->places = place->next;
        mem_free(place);
    }
    letter_book_init(book);
}

static bool place_is(const struct letter_place *place, const char *topic, int32_t partition)
{
    if (place->partition != partition || place->has_topic != (topic != NULL))
        return false;
    return topic == NULL || strcmp(place->topic, topic) == 0;
}

static struct letter_place *find_place(struct letter_book *book, const char *topic, int32_t partition)
{
    if (book->last != NULL && place_is(book->last, topic, partition))
        return book->last;
    for (struct letter_place *place = book->places; place != NULL; place = place->next) {
        if (place_is(place, topic, partition))
            return book->last = place;
    }
    return NULL;
}

static struct letter_place *add_place(struct letter_book *book, const char *topic, int32_t partition)
{
    size_t size = topic == NULL ? 1 : strlen(topic) + 1;
    struct letter_place *place = mem_alloc(sizeof(*place) + size);
    if (place == NULL)
        return NULL;
    *place = (struct letter_place){ .next = book->places, .failed_offset = INT64_MAX, .partition = partition,
                                    .has_topic = topic != NULL };
    memcpy(place->topic, topic == NULL ? "" : topic, size);
    return book->places = book->last = place;
}

static void remove_place(struct letter_book *book, struct letter_place *place)
{
    struct letter_place **at = &book->places;
    while (*at != place)
        at = &(*at)->next;
    *at = place->next;
    if (book->last == place)
        book->last = NULL;
    mem_free(place);
}

bool letter_book_hold(struct letter_book *book, struct letter *letter, const char *topic, int32_t partition)
{
    struct letter_place *place = find_place(book, topic, partition);
    if (place == NULL)
        place = add_place(book, topic, partition);
    if (place == NULL)
        return false;
    letter->place = place;
    letter->newer = NULL;
    letter->older = place->held;
    if (place->held != NULL)
        place->held->newer = letter;
    place->held = letter;
    book->pending_count++;
    book->pending_bytes += letter->bytes;
    book->ownerless_count += letter->offset < 0 ? 1 : 0;
    return true;
}

/* Takes the letter out of the list of its place. */
static void release_hold(struct letter_book *book, struct letter *letter)
{
    book->pending_count--;
    book->pending_bytes -= letter->bytes;
    if (letter->place == NULL)
        return;
    book->ownerless_count -= letter->offset < 0 ? 1 : 0;
    if (letter->newer != NULL)
        letter->newer->older = letter->older;
    else
        letter->place->held = letter->older;
    if (letter->older != NULL)
        letter->older->newer = letter->newer;
}

static void remove_place_if_empty(struct letter_book *book, struct letter_place *place)
{
    if (place != NULL && place->held == NULL && place->failed_offset == INT64_MAX)
        remove_place(book, place);
}

void letter_book_settle(struct letter_book *book, struct letter *letter)
{
    release_hold(book, letter);
    remove_place_if_empty(book, letter->place);
    letter->place = NULL;
}

bool letter_book_fail(struct letter_book *book, struct letter *letter)
{
    release_hold(book, letter);
    struct letter_place *place = letter->place;
    if (place == NULL)
        return false;
    if (letter->offset < place->failed_offset)
        place->failed_offset = letter->offset;
    book->ownerless_count += letter->offset < 0 ? 1 : 0; /* for good */
    letter->place = NULL;
    return true;
}

void letter_book_forget(struct letter_book *book, const char *topic, int32_t partition)
{
    struct letter_place *place = find_place(book, topic, partition);
    if (place == NULL)
        return;
    for (struct letter *letter = place->held; letter != NULL; letter = letter->older) {
        book->ownerless_count -= letter->offset < 0 ? 1 : 0;
        letter->place = NULL;
    }
    remove_place(book, place);
}

int64_t letter_book_safe_offset(struct letter_book *book, const char *topic, int32_t partition, int64_t upto)
{
    if (book->ownerless_count > 0)
        return -1;
    const struct letter_place *place = find_place(book, topic, partition);
    if (place == NULL)
        return upto;
    if (place->failed_offset < upto)
        upto = place->failed_offset;
    for (const struct letter *letter = place->held; letter != NULL; letter = letter->older) {
        if (letter->offset < upto)
            upto = letter->offset;
    }
    return upto;
}
