#include "charset.h"
#include "charset_names.h"

#include "utf8_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 64
#define REPLACEMENT "\xEF\xBF\xBD"

struct charset {
    iconv_t decoder, encoder;
    iconv_t decoder_little; /* for a byte order mark that says so; (iconv_t)-1: none */
    unsigned unit_bytes;    /* an ill-formed part is this long */
    bool reads_mark;        /* UTF-16, UTF-32: a byte order mark is looked for */
    bool writes_mark;       /* UTF-16 */
    const char *question;   /* '?' in the charset, unit_bytes long */
};

#define NO_CODER ((iconv_t)-1)

/* The Unicode family, whose names promise more than iconv's of the same name. */
static const struct family {
    const char *name, *iconv_name, *little_name;
    unsigned unit_bytes;
    bool writes_mark;
    const char *question;
} FAMILY[] = {
    {"UTF-16", "UTF-16BE", "UTF-16LE", 2, true, "\0?"},  {"UTF-16BE", "UTF-16BE", NULL, 2, false, "\0?"},
    {"UTF-16LE", "UTF-16LE", NULL, 2, false, "?\0"},     {"UTF-32", "UTF-32BE", "UTF-32LE", 4, false, "\0\0\0?"},
    {"UTF-32BE", "UTF-32BE", NULL, 4, false, "\0\0\0?"}, {"UTF-32LE", "UTF-32LE", NULL, 4, false, "?\0\0\0"},
};

static const struct family *family_of(const char *name)
{
    for (size_t i = 0; i < sizeof(FAMILY) / sizeof(FAMILY[0]); i++)
        if (strcasecmp(name, FAMILY[i].name) == 0)
            return &FAMILY[i];
    return NULL;
}

/* iconv takes options behind slashes, and more names of the Unicode family; Java does not. */
static bool is_name(const char *name)
{
    static const char *const UNICODE[] = {"UTF", "UCS", "UNICODE", "ISO-10646", "CSUCS", "10646", "OSF0001010"};
    for (size_t i = 0; i < sizeof(UNICODE) / sizeof(UNICODE[0]); i++)
        if (strncasecmp(name, UNICODE[i], strlen(UNICODE[i])) == 0 && family_of(name) == NULL)
            return false;
    size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-+.:_");
    return size > 0 && size < NAME_MAX_BYTES && name[size] == '\0';
}

static void coder_close(iconv_t coder)
{
    if (coder != NO_CODER)
        iconv_close(coder);
}

void charset_close(struct charset *charset)
{
    if (charset == NULL)
        return;
    coder_close(charset->decoder);
    coder_close(charset->encoder);
    coder_close(charset->decoder_little);
    free(charset);
}

static struct charset *coders_open(const char *name, const struct family *family, struct mr_error **error)
{
    struct charset *charset = calloc(1, sizeof(*charset));
    if (charset == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "out of memory for a charset");
        return NULL;
    }
    const char *iconv_name = family == NULL ? name : family->iconv_name;
    bool has_little = family != NULL && family->little_name != NULL;
    charset->decoder = iconv_open("UTF-8", iconv_name);
    charset->encoder = iconv_open(iconv_name, "UTF-8");
    charset->decoder_little = has_little ? iconv_open("UTF-8", family->little_name) : NO_CODER;
    charset->unit_bytes = family == NULL ? 1 : family->unit_bytes;
    charset->reads_mark = has_little;
    charset->writes_mark = family != NULL && family->writes_mark;
    charset->question = family == NULL ? "?" : family->question;
    if (charset->decoder != NO_CODER && charset->encoder != NO_CODER &&
        (!has_little || charset->decoder_little != NO_CODER))
        return charset;
    charset_close(charset);
    mr_error_set(error, MR_ERR_CONFIG,
                 "converter.encoding: there is no charset \"%s\"; give one such as UTF-8 or ISO-8859-1", name);
    return NULL;
}

struct charset *charset_open(const char *name, bool *is_utf8, struct mr_error **error)
{
    char plain[CHARSET_NAME_MAX];
    name = charset_plain_name(name, plain);
    *is_utf8 = strcasecmp(name, "UTF-8") == 0;
    if (*is_utf8)
        return NULL;
    if (!is_name(name)) {
        mr_error_set(error, MR_ERR_CONFIG, "converter.encoding: \"%s\" is no name of a charset; give one such as UTF-8",
                     name);
        return NULL;
    }
    return coders_open(name, family_of(name), error);
}

/* Converting ------------------------------------------------------------------------------------------------ */

struct conversion {
    iconv_t coder;
    char *at;
    size_t left;
    struct text out;
};

/* Until the end or a part that cannot be converted; false: such a part is next. */
static bool conversion_run(struct conversion *conversion)
{
    for (;;) {
        char *room = text_reserve(&conversion->out, conversion->left + 16);
        if (room == NULL)
            return true;
        size_t room_size = conversion->out.capacity - conversion->out.size, before = room_size;
        size_t result = iconv(conversion->coder, &conversion->at, &conversion->left, &room, &room_size);
        conversion->out.size += before - room_size;
        if (result != (size_t)-1)
            return true;
        if (errno != E2BIG)
            return false;
    }
}

static void conversion_skip(struct conversion *conversion, size_t size)
{
    if (size > conversion->left)
        size = conversion->left;
    conversion->at += size;
    conversion->left -= size;
}

/* Ends shift sequences, if the charset has such. */
static int conversion_end(struct conversion *conversion, struct mr_bytes *bytes, struct mr_error **error)
{
    char *room = text_reserve(&conversion->out, 16);
    if (room == NULL)
        return mr_arena_failed(conversion->out.arena, error);
    size_t room_size = 16;
    iconv(conversion->coder, NULL, NULL, &room, &room_size);
    conversion->out.size += 16 - room_size;
    *bytes = (struct mr_bytes){.data = conversion->out.data, .size = conversion->out.size};
    return 0;
}

/* Chooses by the byte order mark, and passes it. */
static void mark_read(const struct charset *charset, struct conversion *conversion)
{
    static const char big[] = "\0\0\xFE\xFF", little[] = "\xFF\xFE\0\0";
    size_t size = charset->unit_bytes;
    if (!charset->reads_mark || conversion->left < size)
        return;
    if (memcmp(conversion->at, little, size) == 0)
        conversion->coder = charset->decoder_little;
    else if (memcmp(conversion->at, big + 4 - size, size) != 0)
        return;
    conversion_skip(conversion, size);
}

/* How long the ill-formed part is: in UTF-16 the first half of a pair takes with it what stands in the place of the second. */
static size_t ill_formed_size(const struct charset *charset, const struct conversion *conversion)
{
    bool is_little = conversion->coder == charset->decoder_little || charset->question[0] == '?';
    unsigned char high = (unsigned char)conversion->at[is_little ? 1 : 0];
    return charset->unit_bytes == 2 && high >= 0xD8 && high <= 0xDB ? 4 : charset->unit_bytes;
}

int charset_decode(struct charset *charset, struct mr_arena *arena, struct mr_bytes bytes, struct mr_bytes *utf8,
                   struct mr_error **error)
{
    struct conversion conversion = {
        .coder = charset->decoder, .at = (char *)bytes.data, .left = bytes.size, .out = {.arena = arena}};
    mark_read(charset, &conversion);
    iconv(conversion.coder, NULL, NULL, NULL, NULL);
    while (!conversion_run(&conversion)) {
        bool is_cut_off = errno == EINVAL;
        text_add_string(&conversion.out, REPLACEMENT);
        conversion_skip(&conversion, is_cut_off ? conversion.left : ill_formed_size(charset, &conversion));
    }
    return conversion_end(&conversion, utf8, error);
}

int charset_encode(struct charset *charset, struct mr_arena *arena, struct mr_bytes utf8, struct mr_bytes *bytes,
                   struct mr_error **error)
{
    struct conversion conversion = {
        .coder = charset->encoder, .at = (char *)utf8.data, .left = utf8.size, .out = {.arena = arena}};
    if (charset->writes_mark && utf8.size > 0)
        text_add(&conversion.out, "\xFE\xFF", 2);
    iconv(conversion.coder, NULL, NULL, NULL, NULL);
    while (!conversion_run(&conversion)) {
        size_t size = utf8_text_character((const unsigned char *)conversion.at, conversion.left);
        text_add(&conversion.out, charset->question, charset->unit_bytes);
        conversion_skip(&conversion, size == 0 ? 1 : size);
    }
    return conversion_end(&conversion, bytes, error);
}
