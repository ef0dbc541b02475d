/*
 * Versions in the order of Maven 3 (ComparableVersion in maven-artifact 3.9, which Kafka Connect brings along): a version is a
 * list of numbers and qualifiers whose last element may be a list again. A hyphen, and a change between digits and letters,
 * begins such a list. Zeros and empty qualifiers at the end of a list do not count.
 */
#include <string.h>
#include <strings.h>

#include "loader/loader_internal.h"

#include "base/bans.h"

enum {
    ITEMS_MAX = 64,   /* of a version; what follows does not order any more */
    LISTS_MAX = 2 * ITEMS_MAX + 1
};

struct item {
    bool is_number;
    const char *text;
    size_t length;
};

struct list {
    size_t first, count;   /* of items */
};

/* Each list but the last has the next one as its last element. */
struct version {
    struct item items[ITEMS_MAX];
    struct list lists[LISTS_MAX];
    size_t item_count, list_count;
};

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool item_is(const struct item *item, const char *text)
{
    return item->length == strlen(text) && strncasecmp(item->text, text, item->length) == 0;
}

/* Spellings that mean the same: cr is rc, ga is nothing; before a number a is alpha. */
static void item_settle(struct item *item, bool number_follows)
{
    static const char *const spellings[][2] = { { "ga", "" }, { "final", "" }, { "release", "" }, { "cr", "rc" } };
    static const char *const before_numbers[][2] = { { "a", "alpha" }, { "b", "beta" }, { "m", "milestone" } };
    const char *settled = NULL;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
        settled = item_is(item, spellings[i][0]) ? spellings[i][1] : settled;
    for (size_t i = 0; number_follows && i < sizeof(before_numbers) / sizeof(before_numbers[0]); i++)
        settled = item_is(item, before_numbers[i][0]) ? before_numbers[i][1] : settled;
    if (settled != NULL) {
        item->text = settled;
        item->length = strlen(settled);
    }
}

/* ---- reading ---- */

static void list_begin(struct version *version)
{
    version->lists[version->list_count++] = (struct list){ .first = version->item_count };
}

static void list_begin_unless_empty(struct version *version)
{
    if (version->lists[version->list_count - 1].count > 0)
        list_begin(version);
}

/* Nothing between two separators is a 0. */
static void item_add(struct version *version, const char *text, const char *end, bool is_number, bool number_follows)
{
    struct item item = { .is_number = is_number || text == end, .text = text, .length = (size_t)(end - text) };
    if (item.length == 0)
        item = (struct item){ .is_number = true, .text = "0", .length = 1 };
    while (item.is_number && item.length > 1 && item.text[0] == '0') {
        item.text++;
        item.length--;
    }
    if (!item.is_number)
        item_settle(&item, number_follows);
    version->items[version->item_count++] = item;
    version->lists[version->list_count - 1].count++;
}

static void version_split(struct version *version, const char *text)
{
    const char *start = text, *at = text;
    bool in_number = false;   /* of the last character that was no separator */
    for (; *at != '\0' && version->item_count < ITEMS_MAX - 1; at++) {
        if (*at == '.' || *at == '-') {
            item_add(version, start, at, in_number, false);
            start = at + 1;
            if (*at == '-')
                list_begin(version);
            continue;
        }
        if (is_digit(*at) != in_number && at > start) {
            if (!in_number)
                list_begin_unless_empty(version);
            item_add(version, start, at, in_number, !in_number);
            start = at;
            list_begin(version);
        }
        in_number = is_digit(*at);
    }
    if (*start == '\0')
        return;
    if (!in_number)
        list_begin_unless_empty(version);
    item_add(version, start, start + strcspn(start, ".-"), in_number, false);
}

static bool item_is_null(const struct item *item)
{
    return item->length == 0 || (item->is_number && item_is(item, "0"));
}

/* From the innermost list outwards, so that a list that becomes empty leaves the one around it. */
static void version_trim(struct version *version)
{
    for (size_t i = version->list_count; i-- > 0;) {
        struct list *list = &version->lists[i];
        bool is_last = i + 1 == version->list_count;
        while (list->count > 0 && item_is_null(&version->items[list->first + list->count - 1]))
            list->count--;
        if (is_last && list->count == 0 && i > 0)
            version->list_count--;
    }
}

static void version_read(struct version *version, const char *text)
{
    version->item_count = version->list_count = 0;
    list_begin(version);
    version_split(version, text);
    version_trim(version);
}

/* ---- comparing ---- */

static int compare_numbers(const struct item *one, const struct item *other)
{
    if (one->length != other->length)
        return one->length < other->length ? -1 : 1;
    return memcmp(one->text, other->text, one->length);
}

static int qualifier_rank(const struct item *item)
{
    static const char *const known[] = { "alpha", "beta", "milestone", "rc", "snapshot", "", "sp" };
    int count = sizeof(known) / sizeof(known[0]);
    for (int i = 0; i < count; i++) {
        if (item_is(item, known[i]))
            return i;
    }
    return count;
}

static int compare_qualifiers(const struct item *one, const struct item *other)
{
    int difference = qualifier_rank(one) - qualifier_rank(other);
    if (difference != 0)
        return difference;
    size_t shared = one->length < other->length ? one->length : other->length;
    difference = strncasecmp(one->text, other->text, shared);
    return difference != 0 ? difference : (one->length > other->length) - (one->length < other->length);
}

/* A qualifier before a number. */
static int compare_items(const struct item *one, const struct item *other)
{
    if (one->is_number != other->is_number)
        return one->is_number ? 1 : -1;
    return one->is_number ? compare_numbers(one, other) : compare_qualifiers(one, other);
}

static int compare_to_nothing(const struct item *item)
{
    static const struct item release = { .text = "" };
    if (item->is_number)
        return item_is(item, "0") ? 0 : 1;
    return compare_qualifiers(item, &release);
}

/* What the rest of a version, from an element on, is worth beside a version that has ended. */
static int compare_rest(const struct version *version, size_t list, size_t element)
{
    for (; list < version->list_count; list++, element = 0) {
        for (; element < version->lists[list].count; element++) {
            int difference = compare_to_nothing(&version->items[version->lists[list].first + element]);
            if (difference != 0)
                return difference;
        }
    }
    return 0;
}

/* `one` has an item where `other` has a list, or nothing. */
static int compare_item_to_end(const struct version *one, const struct version *other, size_t list, size_t element)
{
    if (list + 1 == other->list_count)
        return compare_rest(one, list, element);
    return one->items[one->lists[list].first + element].is_number ? 1 : -1;
}

static int compare_versions(const struct version *one, const struct version *other)
{
    for (size_t list = 0; list < one->list_count && list < other->list_count; list++) {
        const struct list *left = &one->lists[list], *right = &other->lists[list];
        size_t shared = left->count < right->count ? left->count : right->count;
        for (size_t i = 0; i < shared; i++) {
            int difference = compare_items(&one->items[left->first + i], &other->items[right->first + i]);
            if (difference != 0)
                return difference;
        }
        if (left->count > shared)
            return compare_item_to_end(one, other, list, shared);
        if (right->count > shared)
            return -compare_item_to_end(other, one, list, shared);
    }
    int difference = compare_rest(one, other->list_count, 0);
    return difference != 0 ? difference : -compare_rest(other, one->list_count, 0);
}

int loader_version_compare(const char *one, const char *other)
{
    struct version a, b;
    if (one == NULL || other == NULL)
        return (one != NULL) - (other != NULL);
    version_read(&a, one);
    version_read(&b, other);
    return compare_versions(&a, &b);
}
