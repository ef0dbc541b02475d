/* Which plugins a misspelt name may mean. */
#include <ctype.h>
#include <string.h>

#include "loader/loader_internal.h"

#include "base/bans.h"

#define NAME_MAX_BYTES 200   /* longer ones are not compared */
#define FAR_AWAY SIZE_MAX

/* Part of a text. */
struct piece {
    const char *text;
    size_t length;
};

static struct piece piece_of(const char *text)
{
    return (struct piece){ text, strlen(text) };
}

static struct piece before(struct piece whole, const char *end)
{
    const char *at = strstr(whole.text, end);
    if (at != NULL && at > whole.text && (size_t)(at - whole.text) < whole.length)
        whole.length = (size_t)(at - whole.text);
    return whole;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to be changed, added or left out; case does not count. One row of the usual table at a time. */
static size_t distance(struct piece one, struct piece other)
{
    size_t row[NAME_MAX_BYTES + 1];
    if (one.length > NAME_MAX_BYTES || other.length > NAME_MAX_BYTES)
        return FAR_AWAY;
    for (size_t i = 0; i <= other.length; i++)
        row[i] = i;
    for (size_t i = 0; i < one.length; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < other.length; j++) {
            bool is_same = tolower((unsigned char)one.text[i]) == tolower((unsigned char)other.text[j]);
            size_t replaced = diagonal + (is_same ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = least(replaced, least(row[j], row[j + 1]) + 1);
        }
    }
    return row[other.length];
}

/* The nearest of the forms in which people write a class: in full, without package, without what it is nested in or what is
 * nested in it, without its kind's suffix. */
static size_t distance_to_plugin(struct piece name, const struct loader_plugin *plugin)
{
    const char *dot = strrchr(plugin->class_name, '.');
    struct piece full = piece_of(plugin->class_name);
    struct piece simple = piece_of(dot != NULL ? dot + 1 : plugin->class_name);
    const struct piece forms[] = { full, simple, before(simple, "$"), before(simple, kind_suffix(plugin->kind)) };
    size_t nearest = FAR_AWAY;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        nearest = least(nearest, distance(name, forms[i]));
    return nearest;
}

static bool is_listed(const char *class_name, const char *const *class_names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(class_names[i], class_name) == 0)
            return true;
    }
    return false;
}

size_t loader_suggest(const struct loader *loader, const char *name, const char **class_names, size_t max)
{
    struct piece wanted = piece_of(name);
    size_t count = 0, limit = wanted.length < 4 ? 1 : wanted.length / 4;
    for (size_t step = 0; step <= limit; step++) {
        for (size_t i = 0; i < loader_count(loader) && count < max; i++) {
            const struct loader_plugin *plugin = loader_at(loader, i);
            if (distance_to_plugin(wanted, plugin) == step && !is_listed(plugin->class_name, class_names, count))
                class_names[count++] = plugin->class_name;
        }
    }
    return count;
}
