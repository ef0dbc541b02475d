/* Which plugins a misspelt name may mean. */
#include <string.h>

#include "base/text_distance.h"
#include "loader/loader_internal.h"

#include "base/bans.h"

#define SHORT_BYTES 5 /* of a name: shorter ones are near to other words */

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

/* One letter for another in a short word makes another word (Nope, None); a letter missing or too many is a mistake. */
static size_t distance(struct piece name, struct piece form)
{
    size_t letters = text_distance(name.text, name.length, form.text, form.length);
    return letters == 1 && name.length < SHORT_BYTES && name.length == form.length ? TEXT_DISTANCE_FAR : letters;
}

/* The nearest of the forms in which people write a class: in full, without package, without what it is nested in or what is
 * nested in it, without its kind's suffix. */
static size_t distance_to_plugin(struct piece name, const struct loader_plugin *plugin)
{
    const char *dot = strrchr(plugin->class_name, '.');
    struct piece full = piece_of(plugin->class_name);
    struct piece simple = piece_of(dot != NULL ? dot + 1 : plugin->class_name);
    const struct piece forms[] = { full, simple, before(simple, "$"), before(simple, kind_suffix(plugin->kind)) };
    size_t nearest = TEXT_DISTANCE_FAR;
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
