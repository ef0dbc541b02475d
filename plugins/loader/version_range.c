/* Ranges of versions in Maven's syntax, read as Kafka Connect reads them (KIP-891). */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "loader/loader_internal.h"

#include "base/bans.h"

enum {
    SETS_MAX = 32,   /* of a range */
    RANGE_TEXT_MAX = 4096
};

struct set {
    const char *least, *most;   /* into the range's texts; NULL: unbounded */
    bool with_least, with_most;
};

struct version_range {
    struct set sets[SETS_MAX];
    size_t count;
    char *texts;                /* the input, cut into pieces */
    struct str_buffer spelled;
};

/* As String.trim() sees it. */
static bool is_blank(char character)
{
    return (unsigned char)character <= ' ';
}

static char *trim(char *text)
{
    while (*text != '\0' && is_blank(*text))
        text++;
    for (size_t length = strlen(text); length > 0 && is_blank(text[length - 1]); length--)
        text[length - 1] = '\0';
    return text;
}

static int malformed(struct mr_error **error, const char *what, const char *spec)
{
    return mr_error_set(error, MR_ERR_CONFIG, "%s: %s", what, spec);
}

/* `text` is one set with its brackets; what stands between them is cut into pieces at `inside`. */
static int set_read(struct set *set, char *inside, const char *text, struct mr_error **error)
{
    char *comma = strchr(inside, ',');
    if (comma == NULL) {
        set->least = set->most = trim(inside);
        return set->with_least && set->with_most ? 0 : malformed(error, "Single version must be surrounded by []", text);
    }
    *comma = '\0';
    set->least = trim(inside);
    set->most = trim(comma + 1);
    set->least = set->least[0] != '\0' ? set->least : NULL;
    set->most = set->most[0] != '\0' ? set->most : NULL;
    if (set->least == NULL || set->most == NULL)
        return 0;
    int order = loader_version_compare(set->least, set->most);
    if (order < 0 || (order == 0 && set->with_least && set->with_most))
        return 0;
    return malformed(error, "Range defies version ordering", text);
}

/* After a set without an upper bound anything may follow: Maven does not look. */
static bool overlaps(const struct version_range *range, const struct set *next)
{
    const char *most = range->count > 0 ? range->sets[range->count - 1].most : NULL;
    return most != NULL && (next->least == NULL || loader_version_compare(next->least, most) < 0);
}

/* Reads the set at *at and moves on behind it. */
static int set_take(struct version_range *range, char **at, const char *spec, struct mr_error **error)
{
    struct set set = { .with_least = **at == '[' };
    char text[RANGE_TEXT_MAX + 4];
    char *end = strpbrk(*at, ")]");
    if (end == NULL)
        return malformed(error, "Unbounded range", spec);
    set.with_most = *end == ']';
    snprintf(text, sizeof(text), "%.*s", (int)(end + 1 - *at), *at);
    *end = '\0';
    if (set_read(&set, *at + 1, text, error) != 0)
        return -1;
    if (overlaps(range, &set))
        return malformed(error, "Ranges overlap", spec);
    if (range->count == SETS_MAX)
        return malformed(error, "Too many sets in a range", spec);
    range->sets[range->count++] = set;
    *at = trim(end + 1);
    if (**at == ',')
        *at = trim(*at + 1);
    return 0;
}

static int sets_read(struct version_range *range, char *at, const char *spec, struct mr_error **error)
{
    while (*at == '[' || *at == '(') {
        if (set_take(range, &at, spec, error) != 0)
            return -1;
    }
    return *at == '\0' ? 0 : malformed(error, "Only fully-qualified sets allowed in multiple set scenario", spec);
}

static void spell(struct version_range *range)
{
    str_buffer_init(&range->spelled, 2 * RANGE_TEXT_MAX);
    for (size_t i = 0; i < range->count; i++) {
        const struct set *set = &range->sets[i];
        str_buffer_printf(&range->spelled, "%s%c%s,%s%c", i > 0 ? "," : "", set->with_least ? '[' : '(',
                          set->least != NULL ? set->least : "", set->most != NULL ? set->most : "",
                          set->with_most ? ']' : ')');
    }
}

/* For Maven "1.0" is a wish, and any version will do; Kafka Connect reads it as [1.0], "1.0,2.0" as [1.0,2.0]. */
static char *spec_of(const char *text)
{
    while (*text != '\0' && is_blank(*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    bool is_set = *text == '[' || *text == '(';
    char *spec = mem_alloc(length + 3);
    if (spec != NULL)
        snprintf(spec, length + 3, "%s%.*s%s", is_set ? "" : "[", (int)length, text, is_set ? "" : "]");
    return spec;
}

int version_range_parse(const char *text, struct version_range **range, struct mr_error **error)
{
    *range = NULL;
    if (text == NULL || strcmp(text, "latest") == 0)
        return 0;
    if (strlen(text) > RANGE_TEXT_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "A version range of more than %d bytes", RANGE_TEXT_MAX);
    struct version_range *made = mem_calloc(1, sizeof(*made));
    char *spec = spec_of(text);
    char *texts = spec != NULL ? mem_strdup(spec) : NULL;
    int status = -1;
    if (made == NULL || texts == NULL) {
        mem_free(texts);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a version range");
    } else {
        made->texts = texts;
        status = sets_read(made, texts, spec, error);
    }
    if (status == 0) {
        spell(made);
        *range = made;
        made = NULL;
    }
    mem_free(spec);
    version_range_destroy(made);
    return status;
}

void version_range_destroy(struct version_range *range)
{
    if (range == NULL)
        return;
    str_buffer_release(&range->spelled);
    mem_free(range->texts);
    mem_free(range);
}

static bool set_contains(const struct set *set, const char *version)
{
    int above = set->least != NULL ? loader_version_compare(version, set->least) : 1;
    int below = set->most != NULL ? loader_version_compare(set->most, version) : 1;
    return (above > 0 || (above == 0 && set->with_least)) && (below > 0 || (below == 0 && set->with_most));
}

bool version_range_contains(const struct version_range *range, const char *version)
{
    if (range == NULL)
        return true;
    for (size_t i = 0; i < range->count; i++) {
        if (set_contains(&range->sets[i], version != NULL ? version : "undefined"))
            return true;
    }
    return false;
}

const char *version_range_text(const struct version_range *range)
{
    return str_buffer_text(&range->spelled);
}
