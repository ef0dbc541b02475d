/* jaas.c: a tokeniser by hand and a grammar of a few lines above it. */
#include "base/jaas.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"

#include "base/bans.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_EQUALS, TOKEN_SEMICOLON, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_BAD };

struct tokeniser {
    const char *start, *at;
    struct str_buffer word;    /* of TOKEN_WORD */
    const char *complaint;     /* of TOKEN_BAD */
    bool value_next;           /* '=' belongs to an unquoted value, not to the grammar */
    bool is_file;              /* braces are tokens, and reasons name the line */
    char *why;
    size_t why_size;
};

static bool is_blank(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

/* false: a comment that does not end. */
static bool skip_blanks_and_comments(struct tokeniser *tokeniser)
{
    const char *at = tokeniser->at;
    for (;;) {
        while (is_blank(*at))
            at++;
        if (at[0] == '/' && at[1] == '/') {
            at += strcspn(at, "\r\n");
        } else if (at[0] == '/' && at[1] == '*') {
            at = strstr(at + 2, "*/");
            if (at == NULL)
                return false;
            at += 2;
        } else {
            tokeniser->at = at;
            return true;
        }
    }
}

static bool is_octal(char character)
{
    return character >= '0' && character <= '7';
}

/* *at stands behind the backslash; moves it behind the escape. */
static char escaped_character(const char **at)
{
    static const char letters[] = "ntrbfav";
    static const char meanings[] = "\n\t\r\b\f\a\v";
    char character = *(*at)++;
    const char *letter = character != '\0' ? strchr(letters, character) : NULL;
    if (letter != NULL)
        return meanings[letter - letters];
    if (!is_octal(character))
        return character;
    int code = character - '0';
    int digits_max = character <= '3' ? 2 : 1;
    for (int i = 0; i < digits_max && is_octal(**at); i++)
        code = code * 8 + (*(*at)++ - '0');
    return (char)code;
}

static enum token_kind bad(struct tokeniser *tokeniser, const char *complaint)
{
    tokeniser->complaint = complaint;
    return TOKEN_BAD;
}

static enum token_kind quoted(struct tokeniser *tokeniser)
{
    const char *at = tokeniser->at;
    char quote = *at++;
    while (*at != quote) {
        if (*at == '\0' || *at == '\n' || *at == '\r')
            return bad(tokeniser, "a quoted value is not closed");
        char character = *at++;
        if (character == '\\') {
            if (*at == '\0')
                return bad(tokeniser, "a quoted value is not closed");
            character = escaped_character(&at);
            if (character == '\0')
                return bad(tokeniser, "a value holds a NUL character");
        }
        if (!str_buffer_append_char(&tokeniser->word, character))
            return bad(tokeniser, JAAS_NO_MEMORY);
    }
    tokeniser->at = at + 1;
    return TOKEN_WORD;
}

static enum token_kind unquoted(struct tokeniser *tokeniser)
{
    const char *stops = tokeniser->value_next ? " \t\n\v\f\r;" : tokeniser->is_file ? " \t\n\v\f\r;=\"'{}" : " \t\n\v\f\r;=\"'";
    size_t length = strcspn(tokeniser->at, stops);
    if (!str_buffer_append(&tokeniser->word, tokeniser->at, length))
        return bad(tokeniser, JAAS_NO_MEMORY);
    tokeniser->at += length;
    return TOKEN_WORD;
}

static enum token_kind next_token(struct tokeniser *tokeniser)
{
    str_buffer_clear(&tokeniser->word);
    if (!skip_blanks_and_comments(tokeniser))
        return bad(tokeniser, "a comment is not closed");
    switch (*tokeniser->at) {
    case '\0':
        return TOKEN_END;
    case ';':
        tokeniser->at++;
        return TOKEN_SEMICOLON;
    case '"':
    case '\'':
        return quoted(tokeniser);
    case '{':
    case '}':
        if (!tokeniser->is_file || tokeniser->value_next)
            return unquoted(tokeniser);
        return *tokeniser->at++ == '{' ? TOKEN_OPEN : TOKEN_CLOSE;
    case '=':
        if (!tokeniser->value_next) {
            tokeniser->at++;
            return TOKEN_EQUALS;
        }
        return unquoted(tokeniser);
    default:
        return unquoted(tokeniser);
    }
}

static bool refuse_no_memory(struct tokeniser *tokeniser)
{
    snprintf(tokeniser->why, tokeniser->why_size, "%s", JAAS_NO_MEMORY);
    return false;
}

static unsigned line_of(const struct tokeniser *tokeniser)
{
    unsigned line = 1;
    for (const char *at = tokeniser->start; at < tokeniser->at; at++)
        line += *at == '\n';
    return line;
}

static bool refuse(struct tokeniser *tokeniser, const char *what)
{
    if (strcmp(what, JAAS_NO_MEMORY) == 0)
        return refuse_no_memory(tokeniser);
    if (tokeniser->is_file)
        snprintf(tokeniser->why, tokeniser->why_size,
                 "line %u: %s; expected: Context { LoginModuleClass required key=\"value\" … ; };", line_of(tokeniser), what);
    else
        snprintf(tokeniser->why, tokeniser->why_size, "%s; expected: LoginModuleClass required key=\"value\" … ;", what);
    return false;
}

static bool is_control_flag(const char *word)
{
    static const char *const flags[] = {"required", "requisite", "sufficient", "optional"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcasecmp(word, flags[i]) == 0)
            return true;
    }
    return false;
}

static bool is_well_known(const char *key)
{
    static const char *const keys[] = {"username", "password", "tokenauth", "file", "clientId", "clientSecret", "scope",
                                       "serviceName", "principal", "keyTab", "useKeyTab", "storeKey", "useTicketCache"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

/* A misplaced password may stand where a key belongs: only what is known to be a key is repeated. */
static bool refuse_option(struct tokeniser *tokeniser, const char *key)
{
    if (!is_well_known(key))
        return refuse(tokeniser, "an option has no value");
    if (tokeniser->is_file)
        snprintf(tokeniser->why, tokeniser->why_size, "line %u: option %s has no value; write %s=\"…\"", line_of(tokeniser), key, key);
    else
        snprintf(tokeniser->why, tokeniser->why_size, "option %s has no value; write %s=\"…\"", key, key);
    return false;
}

static bool parse_option(struct tokeniser *tokeniser, struct jaas_entry *entry)
{
    char *key = mem_strdup(str_buffer_text(&tokeniser->word));
    bool parsed = false;
    if (key == NULL) {
        refuse_no_memory(tokeniser);
    } else if (next_token(tokeniser) != TOKEN_EQUALS) {
        refuse_option(tokeniser, key);
    } else {
        tokeniser->value_next = true;
        enum token_kind kind = next_token(tokeniser);
        tokeniser->value_next = false;
        if (kind == TOKEN_BAD)
            refuse(tokeniser, tokeniser->complaint);
        else if (kind != TOKEN_WORD)
            refuse_option(tokeniser, key);
        else if (!string_map_put(entry->options, key, str_buffer_text(&tokeniser->word)))
            refuse_no_memory(tokeniser);
        else
            parsed = true;
    }
    mem_free(key);
    return parsed;
}

static bool parse_options(struct tokeniser *tokeniser, struct jaas_entry *entry)
{
    for (;;) {
        switch (next_token(tokeniser)) {
        case TOKEN_SEMICOLON:
            return true;
        case TOKEN_WORD:
            if (!parse_option(tokeniser, entry))
                return false;
            break;
        case TOKEN_END:
        case TOKEN_OPEN:
        case TOKEN_CLOSE:
            return refuse(tokeniser, "the entry does not end in a semicolon");
        case TOKEN_EQUALS:
            return refuse(tokeniser, "an option has no name");
        case TOKEN_BAD:
            return refuse(tokeniser, tokeniser->complaint);
        }
    }
}

/* Its first token, of that kind, was read already. */
static bool parse_entry(struct tokeniser *tokeniser, enum token_kind kind, struct jaas_entry *entry)
{
    if (kind == TOKEN_BAD)
        return refuse(tokeniser, tokeniser->complaint);
    if (kind != TOKEN_WORD || tokeniser->word.length == 0)
        return refuse(tokeniser, "no login module is named");
    entry->module = mem_strdup(str_buffer_text(&tokeniser->word));
    entry->options = string_map_create();
    if (entry->module == NULL || entry->options == NULL)
        return refuse_no_memory(tokeniser);
    kind = next_token(tokeniser);
    if (kind == TOKEN_BAD)
        return refuse(tokeniser, tokeniser->complaint);
    if (kind != TOKEN_WORD || !is_control_flag(str_buffer_text(&tokeniser->word)))
        return refuse(tokeniser, "the login module is not followed by required, requisite, sufficient or optional");
    return parse_options(tokeniser, entry);
}

static bool parse_single(struct tokeniser *tokeniser, struct jaas_entry *entry)
{
    if (!parse_entry(tokeniser, next_token(tokeniser), entry))
        return false;
    return next_token(tokeniser) == TOKEN_END || refuse(tokeniser, "there must be exactly one login module");
}

/* The entries of a context up to its closing brace; the last one is kept. */
static bool parse_context(struct tokeniser *tokeniser, struct jaas_entry *entry, size_t *entries)
{
    if (next_token(tokeniser) != TOKEN_OPEN)
        return refuse(tokeniser, "a context's name is not followed by {");
    for (;;) {
        enum token_kind kind = next_token(tokeniser);
        if (kind == TOKEN_CLOSE)
            break;
        jaas_entry_release(entry);
        if (!parse_entry(tokeniser, kind, entry))
            return false;
        ++*entries;
    }
    return next_token(tokeniser) == TOKEN_SEMICOLON || refuse(tokeniser, "a context does not end in };");
}

static bool parse_file(struct tokeniser *tokeniser, struct jaas_entry *entry, const char *context)
{
    bool found = false;
    for (enum token_kind kind = next_token(tokeniser); kind != TOKEN_END; kind = next_token(tokeniser)) {
        struct jaas_entry read = {0};
        size_t entries = 0;
        if (kind == TOKEN_BAD)
            return refuse(tokeniser, tokeniser->complaint);
        if (kind != TOKEN_WORD)
            return refuse(tokeniser, "no context is named");
        bool wanted = strcmp(str_buffer_text(&tokeniser->word), context) == 0;
        bool parsed = parse_context(tokeniser, &read, &entries);
        if (parsed && wanted && (found || entries != 1))
            parsed = refuse(tokeniser, "there must be exactly one such context, with exactly one login module");
        if (!parsed || !wanted) {
            jaas_entry_release(&read);
        } else {
            *entry = read;
            found = true;
        }
        if (!parsed)
            return false;
    }
    if (!found)
        snprintf(tokeniser->why, tokeniser->why_size, "it has no context %s { … };", context);
    return found;
}

/* context NULL: a single entry. */
static bool parse(struct jaas_entry *entry, const char *text, const char *context, char *why, size_t why_size)
{
    struct tokeniser tokeniser = {.start = text, .at = text, .is_file = context != NULL, .why = why, .why_size = why_size};
    bool parsed;
    *entry = (struct jaas_entry){0};
    str_buffer_init(&tokeniser.word, JAAS_TEXT_MAX);
    if (strlen(text) >= JAAS_TEXT_MAX)
        parsed = refuse(&tokeniser, "the text is too long");
    else
        parsed = context != NULL ? parse_file(&tokeniser, entry, context) : parse_single(&tokeniser, entry);
    if (tokeniser.word.data != NULL)
        explicit_bzero(tokeniser.word.data, tokeniser.word.capacity);
    str_buffer_release(&tokeniser.word);
    if (!parsed)
        jaas_entry_release(entry);
    return parsed;
}

bool jaas_parse(struct jaas_entry *entry, const char *text, char *why, size_t why_size)
{
    return parse(entry, text, NULL, why, why_size);
}

bool jaas_parse_file(struct jaas_entry *entry, const char *text, const char *context, char *why, size_t why_size)
{
    return parse(entry, text, context, why, why_size);
}

void jaas_entry_release(struct jaas_entry *entry)
{
    mem_free(entry->module);
    string_map_destroy(entry->options);
    *entry = (struct jaas_entry){0};
}

const char *jaas_entry_module_name(const struct jaas_entry *entry)
{
    const char *dot = strrchr(entry->module, '.');
    return dot != NULL ? dot + 1 : entry->module;
}
