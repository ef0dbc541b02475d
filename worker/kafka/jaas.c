/* jaas.c: a tokeniser by hand and a grammar of five lines above it. */
#include "kafka/jaas_internal.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"

#include "base/bans.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_EQUALS, TOKEN_SEMICOLON, TOKEN_BAD };

struct tokeniser {
    const char *at;
    struct str_buffer word;    /* of TOKEN_WORD */
    const char *complaint;     /* of TOKEN_BAD */
    bool value_next;           /* '=' belongs to an unquoted value, not to the grammar */
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
            return bad(tokeniser, "no memory");
    }
    tokeniser->at = at + 1;
    return TOKEN_WORD;
}

static enum token_kind unquoted(struct tokeniser *tokeniser)
{
    const char *stops = tokeniser->value_next ? " \t\n\v\f\r;" : " \t\n\v\f\r;=\"'";
    size_t length = strcspn(tokeniser->at, stops);
    if (!str_buffer_append(&tokeniser->word, tokeniser->at, length))
        return bad(tokeniser, "no memory");
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

static int refuse(struct mr_error **error, const char *what)
{
    return mr_error_set(error, MR_ERR_CONFIG,
                        "sasl.jaas.config: %s; expected: LoginModuleClass required key=\"value\" … ;", what);
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

/* Keys are no secrets, but a misplaced password may stand where a key belongs: only harmless words are repeated. */
static int refuse_option(struct mr_error **error, const char *key)
{
    size_t harmless = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._");
    if (key[harmless] != '\0' || harmless == 0 || harmless > 40)
        return refuse(error, "an option has no value");
    return mr_error_set(error, MR_ERR_CONFIG,
                        "sasl.jaas.config: option %s has no value; write %s=\"…\"", key, key);
}

static int parse_option(struct tokeniser *tokeniser, struct jaas_entry *entry, struct mr_error **error)
{
    char *key = mem_strdup(str_buffer_text(&tokeniser->word));
    int status = -1;
    if (key == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for sasl.jaas.config");
    } else if (next_token(tokeniser) != TOKEN_EQUALS) {
        refuse_option(error, key);
    } else {
        tokeniser->value_next = true;
        enum token_kind kind = next_token(tokeniser);
        tokeniser->value_next = false;
        if (kind == TOKEN_BAD)
            refuse(error, tokeniser->complaint);
        else if (kind != TOKEN_WORD)
            refuse_option(error, key);
        else if (!string_map_put(entry->options, key, str_buffer_text(&tokeniser->word)))
            mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for sasl.jaas.config");
        else
            status = 0;
    }
    mem_free(key);
    return status;
}

static int parse_options(struct tokeniser *tokeniser, struct jaas_entry *entry, struct mr_error **error)
{
    for (;;) {
        switch (next_token(tokeniser)) {
        case TOKEN_SEMICOLON:
            return 0;
        case TOKEN_WORD:
            if (parse_option(tokeniser, entry, error) != 0)
                return -1;
            break;
        case TOKEN_END:
            return refuse(error, "the entry does not end in a semicolon");
        case TOKEN_EQUALS:
            return refuse(error, "an option has no name");
        case TOKEN_BAD:
            return refuse(error, tokeniser->complaint);
        }
    }
}

static int parse_entry(struct tokeniser *tokeniser, struct jaas_entry *entry, struct mr_error **error)
{
    enum token_kind kind = next_token(tokeniser);
    if (kind == TOKEN_BAD)
        return refuse(error, tokeniser->complaint);
    if (kind != TOKEN_WORD || tokeniser->word.length == 0)
        return refuse(error, "no login module is named");
    entry->module = mem_strdup(str_buffer_text(&tokeniser->word));
    entry->options = string_map_create();
    if (entry->module == NULL || entry->options == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for sasl.jaas.config");
    kind = next_token(tokeniser);
    if (kind == TOKEN_BAD)
        return refuse(error, tokeniser->complaint);
    if (kind != TOKEN_WORD || !is_control_flag(str_buffer_text(&tokeniser->word)))
        return refuse(error, "the login module is not followed by required, requisite, sufficient or optional");
    if (parse_options(tokeniser, entry, error) != 0)
        return -1;
    if (next_token(tokeniser) != TOKEN_END)
        return refuse(error, "there must be exactly one login module");
    return 0;
}

int jaas_parse(struct jaas_entry *entry, const char *text, struct mr_error **error)
{
    *entry = (struct jaas_entry){0};
    struct tokeniser tokeniser = {.at = text};
    str_buffer_init(&tokeniser.word, JAAS_TEXT_MAX);
    int status;
    if (strlen(text) >= JAAS_TEXT_MAX)
        status = refuse(error, "the text is too long");
    else
        status = parse_entry(&tokeniser, entry, error);
    str_buffer_release(&tokeniser.word);
    if (status != 0)
        jaas_entry_release(entry);
    return status;
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
