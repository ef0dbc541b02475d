/*
 * Versions in Maven's order (maven.apache.org/pom.html, "Version Order Specification"): a version is a row of numbers and
 * qualifiers, each led by '.' or '-'; a change between digits and letters counts as '-'.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "loader/loader_internal.h"

#include "base/bans.h"

enum {
    TOKENS_MAX = 64,       /* of a version; what follows does not order any more */
    SETS_MAX = 32,         /* of a range */
    RANGE_TEXT_MAX = 4096
};

struct token {
    char separator;   /* '.' or '-' */
    bool is_number;
    const char *text;
    size_t length;
};

struct version {
    struct token tokens[TOKENS_MAX];
    size_t count;
};

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool token_is(const struct token *token, const char *text)
{
    return token->length == strlen(text) && strncasecmp(token->text, text, token->length) == 0;
}

/* Spellings that mean the same: a1 is alpha-1, cr is rc, ga is nothing. */
static void token_settle(struct token *token, bool number_follows)
{
    static const char *const spellings[][2] = { { "ga", "" }, { "final", "" }, { "release", "" }, { "cr", "rc" } };
    static const char *const before_numbers[][2] = { { "a", "alpha" }, { "b", "beta" }, { "m", "milestone" } };
    const char *settled = NULL;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
        settled = token_is(token, spellings[i][0]) ? spellings[i][1] : settled;
    for (size_t i = 0; number_follows && i < sizeof(before_numbers) / sizeof(before_numbers[0]); i++)
        settled = token_is(token, before_numbers[i][0]) ? before_numbers[i][1] : settled;
    if (token->is_number) {
        while (token->length > 1 && token->text[0] == '0') {
            token->text++;
            token->length--;
        }
    } else if (settled != NULL) {
        token->text = settled;
        token->length = strlen(settled);
    }
}

static bool token_is_null(const struct token *token)
{
    return token->length == 0 || (token->is_number && token_is(token, "0"));
}

/* Drops 0 and "" at the end and before each hyphen: 1.0.0-foo.0 is 1-foo. The first token stays. */
static void version_trim(struct version *version)
{
    for (size_t end = version->count; end > 1; end--) {
        if (end < version->count && version->tokens[end].separator != '-')
            continue;
        while (end > 1 && token_is_null(&version->tokens[end - 1])) {
            memmove(&version->tokens[end - 1], &version->tokens[end],
                    (version->count - end) * sizeof(version->tokens[0]));
            version->count--;
            end--;
        }
    }
}

static void version_read(struct version *version, const char *text)
{
    char separator = '.';
    version->count = 0;
    while (version->count < TOKENS_MAX) {
        struct token token = { .separator = separator, .is_number = is_digit(*text), .text = text };
        while (*text != '\0' && *text != '.' && *text != '-' && is_digit(*text) == token.is_number)
            text++;
        token.length = (size_t)(text - token.text);
        if (token.length == 0) {
            token.is_number = true;
            token.text = "0";
            token.length = 1;
        }
        token_settle(&token, is_digit(*text));
        version->tokens[version->count++] = token;
        if (*text == '\0')
            break;
        separator = *text == '.' ? '.' : '-';
        if (*text == '.' || *text == '-')
            text++;
    }
    version_trim(version);
}

static int compare_numbers(const struct token *one, const struct token *other)
{
    if (one->length != other->length)
        return one->length < other->length ? -1 : 1;
    return memcmp(one->text, other->text, one->length);
}

static int qualifier_rank(const struct token *token)
{
    static const char *const known[] = { "alpha", "beta", "milestone", "rc", "snapshot", "", "sp" };
    int count = sizeof(known) / sizeof(known[0]);
    for (int i = 0; i < count; i++) {
        if (token_is(token, known[i]))
            return i;
    }
    return count;
}

static int compare_qualifiers(const struct token *one, const struct token *other)
{
    int difference = qualifier_rank(one) - qualifier_rank(other);
    if (difference != 0)
        return difference;
    size_t shared = one->length < other->length ? one->length : other->length;
    difference = strncasecmp(one->text, other->text, shared);
    return difference != 0 ? difference : (one->length > other->length) - (one->length < other->length);
}

/* A qualifier before a number behind '-' before a number behind '.'. */
static int token_rank(const struct token *token)
{
    if (!token->is_number)
        return 0;
    return token->separator == '-' ? 1 : 2;
}

static int compare_tokens(const struct token *one, const struct token *other)
{
    int difference = token_rank(one) - token_rank(other);
    if (difference != 0)
        return difference;
    return one->is_number ? compare_numbers(one, other) : compare_qualifiers(one, other);
}

/* What a shorter version holds in place of `other`. */
static struct token padding(const struct token *other)
{
    return (struct token){ .separator = other->separator, .is_number = other->is_number,
                           .text = other->is_number ? "0" : "", .length = other->is_number ? 1 : 0 };
}

int loader_version_compare(const char *one, const char *other)
{
    struct version a, b;
    if (one == NULL || other == NULL)
        return (one != NULL) - (other != NULL);
    version_read(&a, one);
    version_read(&b, other);
    for (size_t i = 0; i < a.count || i < b.count; i++) {
        struct token left = i < a.count ? a.tokens[i] : padding(&b.tokens[i]);
        struct token right = i < b.count ? b.tokens[i] : padding(&a.tokens[i]);
        int difference = compare_tokens(&left, &right);
        if (difference != 0)
            return difference;
    }
    return 0;
}

/* ---- ranges ---- */

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
