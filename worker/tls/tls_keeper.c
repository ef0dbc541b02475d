#include "tls/tls_keeper.h"

#include <string.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/file_watch.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "base/thread.h"
#include "tls/key_store.h"
#include "tls/trust_store.h"

#include "base/bans.h"

#define LOG_NAME "millrace.tls"
#define TRUST_MAX (16u << 20)

struct box {
    struct tls_material material; /* first: the door casts */
    struct refcount owners;
    struct key_store key_store;
    struct str_buffer trust;
};

struct tls_keeper {
    struct tls_settings settings;
    bool needs_key;
    uint32_t look_ms;
    pthread_mutex_t lock;
    struct box *current;     /* lock */
    struct file_watch watch; /* lock */
    int64_t looked_ms;       /* lock */
};

/* ---- material ---- */

static struct box *box_of(const struct tls_material *material)
{
    return (struct box *)(void *)(size_t)material;
}

const struct tls_material *tls_material_take(const struct tls_material *material)
{
    refcount_take(&box_of(material)->owners);
    return material;
}

void tls_material_drop(const struct tls_material *material)
{
    if (material == NULL || !refcount_drop(&box_of(material)->owners))
        return;
    struct box *box = box_of(material);
    key_store_release(&box->key_store);
    str_buffer_release(&box->trust);
    mem_free(box);
}

static void warn_of_time(const struct tls_settings *settings, const struct key_store *store)
{
    if (store->is_expired)
        log_warn(LOG_NAME, "%sssl.keystore: the certificate of %s expired on %s; clients will refuse it: replace the file",
                 settings->prefix, store->subject, store->not_after);
    if (store->is_early)
        log_warn(LOG_NAME, "%sssl.keystore: the certificate of %s counts from %s on only; clients will refuse it until then",
                 settings->prefix, store->subject, store->not_before);
}

/* A JVM worker takes it as well, so it is no reason not to start. */
static void warn_of_mode(const struct tls_settings *settings)
{
    if (settings->key_location != NULL && settings->key_store_password == NULL && settings->key_password == NULL &&
        file_is_open_to_all(settings->key_location))
        log_warn(LOG_NAME, "%sssl.keystore.location: everybody on this machine may read the private key in %s. Take that right away: "
                 "chmod o-rwx, or defaultMode 0440 where Kubernetes mounts it", settings->prefix, settings->key_location);
}

static int read_key(const struct tls_keeper *keeper, struct box *box, struct mr_error **error)
{
    const struct tls_settings *settings = &keeper->settings;
    if (settings->key_location == NULL && settings->key_text == NULL)
        return !keeper->needs_key
                   ? 0
                   : mr_error_set(error, MR_ERR_CONFIG,
                                  "%sssl.keystore.location is not set: https needs a certificate and its key. Name a PEM or "
                                  "PKCS12 file there",
                                  settings->prefix);
    struct key_store_source source = {
        .prefix = settings->prefix,
        .type = settings->key_type,
        .path = settings->key_location,
        .chain = settings->key_chain,
        .key = settings->key_text,
        .password = settings->key_store_password,
        .key_password = settings->key_password,
    };
    if (key_store_read(&box->key_store, &source, error) != 0)
        return -1;
    box->material.chain = str_buffer_text(&box->key_store.chain);
    box->material.key = str_buffer_text(&box->key_store.key);
    warn_of_time(settings, &box->key_store);
    warn_of_mode(settings);
    return 0;
}

static int read_trust(const struct tls_keeper *keeper, struct box *box, struct mr_error **error)
{
    const struct tls_settings *settings = &keeper->settings;
    const char *text = settings->trust_text;
    struct mr_error *reason = NULL;
    int status;
    if (settings->trust_location == NULL && text == NULL)
        return 0;
    if (text != NULL)
        status = trust_store_parse(text, strlen(text), "the property", NULL, &box->trust, &reason);
    else
        status = trust_store_read(settings->trust_location, settings->trust_password, &box->trust, &reason);
    if (status == 0)
        box->material.trust = str_buffer_text(&box->trust);
    else
        mr_error_set(error, mr_error_code(reason), "%sssl.truststore.%s: %s", settings->prefix,
                     text != NULL ? "certificates" : "location", mr_error_message(reason));
    mr_error_clear(&reason);
    return status;
}

static struct box *box_read(const struct tls_keeper *keeper, struct mr_error **error)
{
    struct box *box = mem_calloc(1, sizeof(*box));
    if (box == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for certificates");
        return NULL;
    }
    refcount_init(&box->owners);
    str_buffer_init(&box->trust, TRUST_MAX);
    if (read_key(keeper, box, error) == 0 && read_trust(keeper, box, error) == 0)
        return box;
    tls_material_drop(&box->material);
    return NULL;
}

/* ---- changes ---- */

/* lock held. */
static void read_again(struct tls_keeper *keeper, int64_t now_ms)
{
    struct mr_error *error = NULL;
    struct box *box = box_read(keeper, &error);
    if (box == NULL) {
        if (file_watch_failed(&keeper->watch, mr_error_message(error), now_ms))
            log_error(LOG_NAME, "changed certificates cannot be used, those read before stay in force: %s", mr_error_message(error));
        mr_error_clear(&error);
        return;
    }
    file_watch_worked(&keeper->watch);
    tls_material_drop(&keeper->current->material);
    keeper->current = box;
    log_info(LOG_NAME, "certificates of %sssl.* were read again; new connections use them", keeper->settings.prefix);
}

/* lock held. */
static void look(struct tls_keeper *keeper)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    if (now_ms < keeper->looked_ms + keeper->look_ms)
        return;
    keeper->looked_ms = now_ms;
    if (file_watch_is_due(&keeper->watch, now_ms))
        read_again(keeper, now_ms);
}

const struct tls_material *tls_keeper_take(struct tls_keeper *keeper)
{
    mutex_lock(&keeper->lock);
    look(keeper);
    const struct tls_material *material = tls_material_take(&keeper->current->material);
    mutex_unlock(&keeper->lock);
    return material;
}

struct tls_health tls_keeper_health(struct tls_keeper *keeper)
{
    mutex_lock(&keeper->lock);
    look(keeper);
    struct tls_health health = {keeper->watch.failed, keeper->current->key_store.expires_s};
    mutex_unlock(&keeper->lock);
    return health;
}

/* ---- life ---- */

struct tls_keeper *tls_keeper_open(const struct tls_keeper_setup *setup, struct mr_error **error)
{
    struct tls_keeper *keeper = mem_calloc(1, sizeof(*keeper));
    if (keeper == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for certificates");
        return NULL;
    }
    keeper->needs_key = setup->needs_key;
    keeper->look_ms = setup->look_ms != 0 ? setup->look_ms : TLS_LOOK_MS;
    keeper->looked_ms = clock_monotonic_ms(NULL);
    int status = tls_settings_read(&keeper->settings, setup->properties, setup->prefix, error);
    file_watch_init(&keeper->watch, keeper->settings.key_location, keeper->settings.trust_location);
    if (status == 0)
        keeper->current = box_read(keeper, error);
    if (keeper->current == NULL) {
        mem_free(keeper);
        return NULL;
    }
    mutex_init(&keeper->lock);
    return keeper;
}

void tls_keeper_close(struct tls_keeper *keeper)
{
    if (keeper == NULL)
        return;
    tls_material_drop(&keeper->current->material);
    mutex_destroy(&keeper->lock);
    mem_free(keeper);
}

const struct tls_settings *tls_keeper_settings(const struct tls_keeper *keeper)
{
    return &keeper->settings;
}
