/* GnuTLS chooses ciphers, key exchanges and MACs one by one, not as suites: suites are taken apart, and what that would let in beyond
 * those that were named is refused by name. */
#include "http/tls_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str_buffer.h"
#include "tls/tls_settings.h"

#include "base/bans.h"

#define PRIORITIES_MAX 4000
#define BETWEEN ", \t"

struct suite {
    const char *name; /* GnuTLS' */
    gnutls_kx_algorithm_t exchange;
    gnutls_cipher_algorithm_t cipher;
    gnutls_mac_algorithm_t mac;
    bool is_tls_1_3;
};

static bool suite_at(size_t index, struct suite *suite)
{
    unsigned char id[2];
    gnutls_protocol_t version;
    suite->name = gnutls_cipher_suite_info(index, id, &suite->exchange, &suite->cipher, &suite->mac, &version);
    suite->is_tls_1_3 = version == GNUTLS_TLS1_3;
    return suite->name != NULL;
}

/* IANA's name "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA" against GnuTLS' "TLS_ECDHE_RSA_AES_128_CBC_SHA1". */
static bool is_called(const char *gnutls_name, const char *name, size_t length)
{
    char plain[100], longer[110];
    const char *with = memmem(name, length, "_WITH_", 6);
    size_t before = with == NULL ? 0 : (size_t)(with - name) + 1, skipped = with == NULL ? 0 : before + 5;
    if (length >= sizeof(plain))
        return false;
    snprintf(plain, sizeof(plain), "%.*s%.*s", (int)before, name, (int)(length - skipped), name + skipped);
    snprintf(longer, sizeof(longer), "%s1", plain);
    if (strcasecmp(gnutls_name, plain) == 0 || strcasecmp(gnutls_name, longer) == 0)
        return true;
    snprintf(longer, sizeof(longer), "%s_SHA256", gnutls_name); /* of ChaCha20 with TLS 1.2 */
    return strcasecmp(longer, plain) == 0;
}

static bool find_suite(const char *name, size_t length, struct suite *suite)
{
    for (size_t i = 0; suite_at(i, suite); i++)
        if (is_called(suite->name, name, length))
            return true;
    return false;
}

static bool list_has(const char *list, const char *gnutls_name)
{
    for (const char *at = list + strspn(list, BETWEEN); *at != '\0';) {
        size_t length = strcspn(at, BETWEEN);
        if (is_called(gnutls_name, at, length))
            return true;
        at += length + strspn(at + length, BETWEEN);
    }
    return false;
}

/* Adds what the suites are made of; says which versions they need. false: `why`. */
static bool add_suites(struct str_buffer *text, const struct tls_settings *settings, bool *wants_1_2, bool *wants_1_3, char *why,
                       size_t why_size)
{
    const char *list = settings->cipher_suites;
    for (const char *at = list + strspn(list, BETWEEN); *at != '\0';) {
        struct suite suite;
        size_t length = strcspn(at, BETWEEN);
        if (!find_suite(at, length, &suite)) {
            snprintf(why, why_size, "%sssl.cipher.suites: %.*s is not known here; correct it or take it out", settings->prefix,
                     (int)length, at);
            return false;
        }
        *(suite.is_tls_1_3 ? wants_1_3 : wants_1_2) = true;
        str_buffer_printf(text, ":+%s:+%s", gnutls_cipher_get_name(suite.cipher), gnutls_mac_get_name(suite.mac));
        if (!suite.is_tls_1_3)
            str_buffer_printf(text, ":+%s", gnutls_kx_get_name(suite.exchange));
        at += length + strspn(at + length, BETWEEN);
    }
    return true;
}

static bool write_priorities(struct str_buffer *text, const struct tls_settings *settings, char *why, size_t why_size)
{
    bool wants_1_2 = settings->cipher_suites == NULL, wants_1_3 = wants_1_2;
    str_buffer_append_text(text, wants_1_2 ? "NORMAL:-VERS-ALL" : "NONE:+COMP-NULL:+SIGN-ALL:+GROUP-ALL");
    if (settings->cipher_suites != NULL && !add_suites(text, settings, &wants_1_2, &wants_1_3, why, why_size))
        return false;
    wants_1_2 = wants_1_2 && settings->has_tls_1_2;
    wants_1_3 = wants_1_3 && settings->has_tls_1_3;
    str_buffer_printf(text, "%s%s:%%SERVER_PRECEDENCE", wants_1_3 ? ":+VERS-TLS1.3" : "", wants_1_2 ? ":+VERS-TLS1.2" : "");
    if (!wants_1_2 && !wants_1_3)
        snprintf(why, why_size, "%sssl.cipher.suites=%s: none of them belongs to ssl.enabled.protocols", settings->prefix,
                 settings->cipher_suites);
    else if (str_buffer_failed(text))
        snprintf(why, why_size, "%sssl.cipher.suites: the list is too long", settings->prefix);
    else
        return true;
    return false;
}

/* A suite that was not named, but is made of parts of those that were. NULL: none. */
static const char *find_uninvited(gnutls_priority_t priorities, const char *list)
{
    unsigned index;
    int result;
    for (unsigned i = 0;
         (result = gnutls_priority_get_cipher_suite_index(priorities, i, &index)) != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE; i++) {
        struct suite suite;
        if (result == GNUTLS_E_SUCCESS && suite_at(index, &suite) && !list_has(list, suite.name))
            return suite.name;
    }
    return NULL;
}

bool tls_priorities_init(gnutls_priority_t *priorities, const struct tls_settings *settings, char *why, size_t why_size)
{
    struct str_buffer text;
    str_buffer_init(&text, PRIORITIES_MAX);
    bool fine = write_priorities(&text, settings, why, why_size);
    int result = fine ? gnutls_priority_init(priorities, str_buffer_text(&text), NULL) : GNUTLS_E_SUCCESS;
    str_buffer_release(&text);
    if (!fine)
        return false;
    if (result != GNUTLS_E_SUCCESS) {
        snprintf(why, why_size, "%sssl.cipher.suites and ssl.enabled.protocols cannot be set: %s", settings->prefix,
                 gnutls_strerror(result));
        return false;
    }
    const char *uninvited = settings->cipher_suites == NULL ? NULL : find_uninvited(*priorities, settings->cipher_suites);
    if (uninvited == NULL)
        return true;
    snprintf(why, why_size, "%sssl.cipher.suites: with the named ones %s (GnuTLS' name) would be offered as well; name it too, or "
             "name suites of one key exchange and cipher", settings->prefix, uninvited);
    gnutls_priority_deinit(*priorities);
    return false;
}
