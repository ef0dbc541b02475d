#include "config/unknown_plugin.h"

#include <millrace/error.h>
#include <string.h>

#include "base/str_buffer.h"
#include "loader/loader.h"

#include "base/bans.h"

#define SUGGESTIONS_MAX 3
#define NEAR_MAX 16 /* of any kind */
#define WORDS_MAX 1024

static bool is_of_kind(const struct loader *loader, enum mr_plugin_kind kind, const char *class_name)
{
    const struct loader_plugin *plugin;

    if (kind == MR_PLUGIN_SOURCE || kind == MR_PLUGIN_SINK)
        return loader_find_connector(loader, class_name, NULL, &plugin, NULL) == 0;
    return loader_find(loader, kind, class_name, NULL, &plugin, NULL) == 0;
}

static size_t suggest(const struct loader *loader, enum mr_plugin_kind kind, const char *name, const char **suggested)
{
    const char *near[NEAR_MAX];
    size_t near_count = loader_suggest(loader, name, near, NEAR_MAX), count = 0;

    for (size_t i = 0; i < near_count && count < SUGGESTIONS_MAX; i++)
        if (is_of_kind(loader, kind, near[i]))
            suggested[count++] = near[i];
    return count;
}

void unknown_plugin_suggest(const struct loader *loader, enum mr_plugin_kind kind, const char *name, struct str_buffer *out)
{
    const char *suggested[SUGGESTIONS_MAX];
    const char *dot = name == NULL ? NULL : strrchr(name, '.');
    size_t count = dot == NULL ? 0 : suggest(loader, kind, dot + 1, suggested);

    if (count == 0 && name != NULL)
        count = suggest(loader, kind, name, suggested);
    for (size_t i = 0; i < count; i++)
        str_buffer_printf(out, "%s%s", i == 0 ? " Did you mean " : i + 1 < count ? ", " : " or ", suggested[i]);
    str_buffer_append_text(out, count > 0 ? "?" : "");
}

void unknown_plugin_explain(const struct loader *loader, enum mr_plugin_kind kind, const char *name, struct mr_error **error)
{
    struct str_buffer words;

    if (mr_error_code(*error) != MR_ERR_NOT_FOUND)
        return;
    str_buffer_init(&words, WORDS_MAX);
    unknown_plugin_suggest(loader, kind, name, &words);
    mr_error_clear(error);
    mr_error_set(error, MR_ERR_NOT_FOUND,
                 "there is no %s %s, or several go by that name.%s `millrace plugin list` shows what there is; a plugin of "
                 "your own is found through plugin.path",
                 loader_kind_name(kind), name, str_buffer_failed(&words) ? "" : str_buffer_text(&words));
    str_buffer_release(&words);
}
