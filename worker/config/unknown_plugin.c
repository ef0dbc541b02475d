#include "config/unknown_plugin.h"

#include <millrace/error.h>
#include <stdio.h>

#include "loader/loader.h"

#include "base/bans.h"

#define SUGGESTIONS_MAX 3
#define WORDS_SIZE 1024

void unknown_plugin_explain(const struct loader *loader, enum mr_plugin_kind kind, const char *name, struct mr_error **error)
{
    const char *suggested[SUGGESTIONS_MAX];
    char words[WORDS_SIZE] = "";
    size_t count, length = 0;

    if (mr_error_code(*error) != MR_ERR_NOT_FOUND)
        return;
    count = loader_suggest(loader, name, suggested, SUGGESTIONS_MAX);
    for (size_t i = 0; i < count && length < sizeof(words); i++) {
        int wrote = snprintf(words + length, sizeof(words) - length, "%s%s",
                             i == 0 ? "Did you mean " : i + 1 < count ? ", " : " or ", suggested[i]);

        length += wrote > 0 ? (size_t)wrote : 0;
    }
    mr_error_clear(error);
    mr_error_set(error, MR_ERR_NOT_FOUND,
                 "there is no %s %s, or several go by that name. %s%s`millrace plugin list` shows what there is; a plugin of "
                 "your own is found through plugin.path",
                 loader_kind_name(kind), name, words, count > 0 ? "? " : "");
}
