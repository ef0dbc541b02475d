#include "forwarding/tls_internal.h"

#include <string.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "forwarding/forwarding_internal.h"
#include "tls/tls_keeper.h"

#include "base/bans.h"

#define COMPLAINT_INTERVAL_MS 60000

void peer_tls_init(struct peer_tls *tls, const struct string_map *properties)
{
    tls->properties = properties;
    tls->keeper = NULL;
    tls->silent_until_ms = 0;
    mutex_init(&tls->lock);
}

void peer_tls_release(struct peer_tls *tls)
{
    tls_keeper_close(tls->keeper);
    mutex_destroy(&tls->lock);
}

/* Not before somebody is asked over https: ssl.* may hold what only brokers need. NULL: logged. */
static struct tls_keeper *keeper_of(struct peer_tls *tls)
{
    struct mr_error *error = NULL;
    struct tls_keeper *keeper;
    int64_t now_ms = clock_monotonic_ms(NULL);
    bool complains;

    mutex_lock(&tls->lock);
    if (tls->keeper == NULL)
        tls->keeper =
            tls_keeper_open(&(struct tls_keeper_setup){.properties = tls->properties, .prefix = TLS_LISTENERS}, &error);
    keeper = tls->keeper;
    complains = keeper == NULL && now_ms >= tls->silent_until_ms;
    if (complains)
        tls->silent_until_ms = now_ms + COMPLAINT_INTERVAL_MS;
    mutex_unlock(&tls->lock);
    if (complains)
        log_error(FORWARDING_LOG, "other workers cannot be asked over https: %s", mr_error_message(error));
    mr_error_clear(&error);
    return keeper;
}

/* Borrowed: whoever has the handle holds the text. */
static bool set_blob(CURL *easy, CURLoption option, const char *text)
{
    struct curl_blob blob;

    if (text == NULL)
        return true;
    memset(&blob, 0, sizeof(blob));
    blob.data = (void *)(size_t)text;
    blob.len = strlen(text);
    blob.flags = CURL_BLOB_NOCOPY;
    return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

static long versions_of(const struct tls_settings *settings)
{
    long least = settings->has_tls_1_2 ? CURL_SSLVERSION_TLSv1_2 : CURL_SSLVERSION_TLSv1_3;
    long most = settings->has_tls_1_3 ? CURL_SSLVERSION_MAX_DEFAULT : CURL_SSLVERSION_MAX_TLSv1_2;

    return least | most;
}

bool peer_tls_apply(struct peer_tls *tls, CURL *easy, const struct tls_material **held, const char **why)
{
    struct tls_keeper *keeper = keeper_of(tls);
    const struct tls_settings *settings;
    const struct tls_material *material;

    *why = "the worker's ssl.* properties cannot be honoured; its log says why";
    if (keeper == NULL)
        return false;
    settings = tls_keeper_settings(keeper);
    material = *held = tls_keeper_take(keeper);
    *why = "TLS could not be prepared";
    return curl_easy_setopt(easy, CURLOPT_SSLVERSION, versions_of(settings)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, settings->checks_host ? 2L : 0L) == CURLE_OK &&
           set_blob(easy, CURLOPT_CAINFO_BLOB, material->trust) && set_blob(easy, CURLOPT_SSLCERT_BLOB, material->chain) &&
           set_blob(easy, CURLOPT_SSLKEY_BLOB, material->key);
}
