/* Who a client is by its certificate, written as Java writes it, so that rules made for a JVM worker fit: attributes without a keyword of
 * RFC 2253, and values that are no plain text, stand as OID=#hex. Control characters and bytes that are no UTF-8 are escaped. */
#include "http/tls_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/utf8.h"

#include "base/bans.h"

#define SUBJECT_MAX 8000
#define TAG_UTF8 12
#define TAG_PRINTABLE 19
#define TAG_IA5 22

static const struct {
    const char *oid, *keyword;
} KEYWORDS[] = {
    {"2.5.4.3", "CN"},
    {"2.5.4.6", "C"},
    {"2.5.4.7", "L"},
    {"2.5.4.8", "ST"},
    {"2.5.4.9", "STREET"},
    {"2.5.4.10", "O"},
    {"2.5.4.11", "OU"},
    {"0.9.2342.19200300.100.1.25", "DC"},
    {"0.9.2342.19200300.100.1.1", "UID"},
};

static const char *keyword_of(const gnutls_datum_t *oid)
{
    size_t length = strnlen((const char *)oid->data, oid->size);
    for (size_t i = 0; i < sizeof(KEYWORDS) / sizeof(KEYWORDS[0]); i++)
        if (strlen(KEYWORDS[i].oid) == length && memcmp(KEYWORDS[i].oid, oid->data, length) == 0)
            return KEYWORDS[i].keyword;
    return NULL;
}

/* The value as it stands in the certificate: tag, length, content. */
static void append_hex(struct str_buffer *text, const gnutls_x509_ava_st *part)
{
    unsigned size = part->value.size;
    str_buffer_printf(text, "#%02lx", part->value_tag);
    if (size < 128)
        str_buffer_printf(text, "%02x", size);
    else if (size < 256)
        str_buffer_printf(text, "81%02x", size);
    else
        str_buffer_printf(text, "82%04x", size & 0xffff);
    for (unsigned i = 0; i < size; i++)
        str_buffer_printf(text, "%02x", part->value.data[i]);
}

static void append_text(struct str_buffer *text, const unsigned char *bytes, size_t length)
{
    size_t first = 0, last = length;
    bool is_utf8 = utf8_valid(bytes, length);
    while (first < length && bytes[first] == ' ')
        first++;
    while (last > first && bytes[last - 1] == ' ')
        last--;
    for (size_t i = 0; i < length; i++) {
        bool is_strange = bytes[i] < 0x20 || bytes[i] == 0x7f || (bytes[i] >= 0x80 && !is_utf8);
        if (is_strange)
            str_buffer_printf(text, "\\%02X", bytes[i]);
        else if (i < first || i >= last || strchr(",=+<>#;\"\\", bytes[i]) != NULL)
            str_buffer_printf(text, "\\%c", bytes[i]);
        else
            str_buffer_append(text, bytes + i, 1);
    }
}

static void append_part(struct str_buffer *text, const gnutls_x509_ava_st *part)
{
    const char *keyword = keyword_of(&part->oid);
    bool is_text = part->value_tag == TAG_UTF8 || part->value_tag == TAG_PRINTABLE || part->value_tag == TAG_IA5;
    if (keyword != NULL)
        str_buffer_printf(text, "%s=", keyword);
    else
        str_buffer_printf(text, "%.*s=", (int)part->oid.size, (const char *)part->oid.data);
    if (keyword != NULL && is_text)
        append_text(text, part->value.data, part->value.size);
    else
        append_hex(text, part);
}

static int count_names(gnutls_x509_dn_t subject)
{
    gnutls_x509_ava_st part;
    int count = 0;
    while (gnutls_x509_dn_get_rdn_ava(subject, count, 0, &part) == 0)
        count++;
    return count;
}

char *tls_subject_text(gnutls_x509_crt_t certificate)
{
    gnutls_x509_dn_t subject;
    gnutls_x509_ava_st part;
    struct str_buffer text;
    if (gnutls_x509_crt_get_subject(certificate, &subject) != 0)
        return NULL;
    str_buffer_init(&text, SUBJECT_MAX);
    for (int i = count_names(subject) - 1; i >= 0; i--) {
        for (int j = 0; gnutls_x509_dn_get_rdn_ava(subject, i, j, &part) == 0; j++) {
            if (j > 0)
                str_buffer_append_char(&text, '+');
            append_part(&text, &part);
        }
        if (i > 0)
            str_buffer_append_char(&text, ',');
    }
    char *taken = text.length == 0 ? NULL : str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    return taken;
}

char *tls_client_subject(gnutls_session_t session, bool *none)
{
    unsigned count = 0;
    gnutls_x509_crt_t certificate;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &count);
    char *text = NULL;
    *none = shown == NULL || count == 0;
    if (*none || gnutls_x509_crt_init(&certificate) != 0)
        return NULL;
    if (gnutls_x509_crt_import(certificate, shown, GNUTLS_X509_FMT_DER) == 0)
        text = tls_subject_text(certificate);
    gnutls_x509_crt_deinit(certificate);
    return text;
}

bool tls_client_shows_ours(gnutls_session_t session)
{
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &count), *ours = gnutls_certificate_get_ours(session);
    return shown != NULL && count > 0 && ours != NULL && shown->size == ours->size && memcmp(shown->data, ours->data, ours->size) == 0;
}
