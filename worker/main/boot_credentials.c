/* The thread that keeps the credentials of Kafka clients up to date: reads what the worker's properties have come to say, has changed
 * files read again, and tells health and metrics how it goes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/file_stamp.h"
#include "base/health_board.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "boot_internal.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "config/worker_environment.h"
#include "config/worker_file.h"
#include "kafka/credentials.h"
#include "metrics/registry.h"

#include "base/bans.h"

#define LOG_NAME "millrace.main"
#define WARNING_S (14 * 86400) /* as the certificates of https */
#define DAY_S 86400
#define PROPERTY_MAX 512

struct boot_credentials {
    struct boot *boot;
    char *path;                /* of the worker's file; NULL: the environment alone */
    struct string_map *former; /* properties of credentials as they counted last */
    struct file_stamp stamp;
    bool has_references; /* providers are asked each time */
    bool is_failing;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_stopping, has_ended; /* lock */
};

/* ---- what the properties say ---- */

/* "producer.sasl.jaas.config": sasl.jaas.config. NULL: no property of credentials. */
static const char *bare_name(const char *name)
{
    static const char *const prefixes[] = {"producer.", "consumer.", "admin."};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            name += strlen(prefixes[i]);
    }
    return credentials_is_property(name) ? name : NULL;
}

static bool keep(struct string_map *kept, const struct string_map *properties)
{
    for (size_t i = 0; i < string_map_count(properties); i++) {
        const char *name = string_map_key(properties, i), *value = string_map_value(properties, i);
        if (value != NULL && bare_name(name) != NULL && !string_map_put(kept, name, value))
            return false;
    }
    return true;
}

static int take_over(struct boot_credentials *keeper, const struct string_map *properties, struct mr_error **error)
{
    for (size_t i = 0; i < string_map_count(keeper->former); i++) {
        const char *name = string_map_key(keeper->former, i), *present = string_map_get(properties, name);
        const char *former = string_map_value(keeper->former, i);
        if (present == NULL || strcmp(former, present) == 0)
            continue;
        if (credentials_replace(bare_name(name), former, present, error) != 0)
            return -1;
        log_info(LOG_NAME, "%s says something new, which counts from now on", name);
        if (!string_map_put(keeper->former, name, present))
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for %s", name);
    }
    return 0;
}

static struct string_map *read_written(const struct boot_credentials *keeper, struct mr_error **error)
{
    struct string_map *environment = worker_environment_read(environ, error);
    struct string_map *written = environment == NULL     ? NULL
                                 : keeper->path == NULL ? string_map_create()
                                                        : worker_file_read(keeper->path, error);
    if (written != NULL && !string_map_put_all(written, environment)) {
        string_map_destroy(written);
        written = NULL;
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the worker's properties");
    }
    string_map_destroy(environment);
    return written;
}

static bool refers_to_providers(const struct string_map *written)
{
    for (size_t i = 0; i < string_map_count(written); i++) {
        if (bare_name(string_map_key(written, i)) != NULL && variables_has_reference(string_map_value(written, i)))
            return true;
    }
    return false;
}

static int read_properties(struct boot_credentials *keeper, struct mr_error **error)
{
    struct string_map *written = read_written(keeper, error);
    struct string_map *resolved = written == NULL ? NULL : worker_file_resolve(written, keeper->boot->loader, error);
    int status = resolved == NULL ? -1 : take_over(keeper, resolved, error);
    if (written != NULL)
        keeper->has_references = refers_to_providers(written);
    string_map_destroy(resolved);
    string_map_destroy(written);
    return status;
}

/* What cannot be read is tried again each time. */
static void look_at_properties(struct boot_credentials *keeper, char *words, size_t size)
{
    struct mr_error *error = NULL;
    struct file_stamp stamp = keeper->path == NULL ? keeper->stamp : file_stamp_of(keeper->path);
    bool is_due = keeper->is_failing || keeper->has_references || !file_stamp_equals(&stamp, &keeper->stamp);
    if (!is_due)
        return;
    keeper->stamp = stamp;
    bool was_failing = keeper->is_failing;
    keeper->is_failing = read_properties(keeper, &error) != 0;
    if (!keeper->is_failing)
        return;
    snprintf(words, size, "The worker's properties cannot be read again, the former credentials stay in force: %s", mr_error_message(error));
    if (!was_failing)
        log_error(LOG_NAME, "%s", words);
    mr_error_drop(error);
}

/* ---- telling ---- */

static void tell_expiry(struct health_board *board, int64_t expires_s)
{
    static const char name[] = "kafka_certificate_expiry";
    int64_t left_s = expires_s - clock_wall_ms(NULL) / 1000;
    if (expires_s == 0 || left_s > WARNING_S)
        health_board_clear(board, name);
    else if (left_s <= 0)
        health_board_raise(board, name, HEALTH_WARNING, "A client certificate for Kafka (ssl.keystore.*) has expired: brokers refuse new "
                           "connections. Put a new one into its place; no restart is needed.");
    else
        health_board_raise(board, name, HEALTH_WARNING, "A client certificate for Kafka (ssl.keystore.*) expires in %" PRId64
                           " days: put a new one into its place; no restart is needed.", left_s / DAY_S);
}

static void tell(struct boot_credentials *keeper, const char *words)
{
    struct credentials_health health;
    credentials_health(&health);
    const char *why = words[0] != '\0' ? words : health.is_failing ? health.words : NULL;
    if (why != NULL)
        health_board_raise(keeper->boot->health, "kafka_credentials", HEALTH_WARNING, "Changed credentials for Kafka are of no use: %s", why);
    else
        health_board_clear(keeper->boot->health, "kafka_credentials");
    tell_expiry(keeper->boot->health, health.expires_s);
    metrics_registry_set_credentials(keeper->boot->metrics, &(struct credentials_reading){
        .is_in_use = health.sets > 0, .is_failing = why != NULL, .certificate_expires_s = health.expires_s, .renewed = health.renewed});
}

/* ---- the thread ---- */

static bool wait_for_turn(struct boot_credentials *keeper)
{
    int64_t turn_ms = deadline_after_ms(keeper->boot->config->credentials_interval_ms);
    mutex_lock(&keeper->lock);
    while (!keeper->is_stopping && cond_wait_until_ms(&keeper->changed, &keeper->lock, turn_ms))
        ;
    bool goes_on = !keeper->is_stopping;
    mutex_unlock(&keeper->lock);
    return goes_on;
}

static void *run(void *argument)
{
    struct boot_credentials *keeper = argument;
    do {
        char words[CREDENTIALS_WORDS_MAX] = "";
        look_at_properties(keeper, words, sizeof(words));
        credentials_look(clock_monotonic_ms(NULL));
        tell(keeper, words);
    } while (wait_for_turn(keeper));
    mutex_lock(&keeper->lock);
    keeper->has_ended = true;
    cond_broadcast(&keeper->changed);
    mutex_unlock(&keeper->lock);
    return NULL;
}

static void keeper_free(struct boot_credentials *keeper)
{
    if (keeper == NULL)
        return;
    string_map_destroy(keeper->former);
    mem_free(keeper->path);
    cond_destroy(&keeper->changed);
    mutex_destroy(&keeper->lock);
    mem_free(keeper);
}

int boot_credentials_start(struct boot *boot, const char *path, struct mr_error **error)
{
    char why[160];
    struct boot_credentials *keeper = mem_calloc(1, sizeof(*keeper));
    if (keeper == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the credentials of Kafka clients");
    mutex_init(&keeper->lock);
    cond_init(&keeper->changed);
    keeper->boot = boot;
    keeper->former = string_map_create();
    keeper->path = path == NULL ? NULL : mem_strdup(path);
    keeper->has_references = true; /* until it is known */
    if (keeper->former == NULL || (path != NULL && keeper->path == NULL) || !keep(keeper->former, boot->config->properties)) {
        keeper_free(keeper);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the credentials of Kafka clients");
    }
    struct thread_setup thread = {.name = "credentials", .run = run, .argument = keeper};
    if (!thread_start(&keeper->thread, &thread, why, sizeof(why))) {
        keeper_free(keeper);
        return mr_error_set(error, MR_ERR_CONNECT, "%s", why);
    }
    boot->credentials = keeper;
    return 0;
}

bool boot_credentials_stop(struct boot *boot, int64_t deadline_ms)
{
    struct boot_credentials *keeper = boot->credentials;
    if (keeper == NULL)
        return true;
    mutex_lock(&keeper->lock);
    keeper->is_stopping = true;
    cond_broadcast(&keeper->changed);
    while (!keeper->has_ended && cond_wait_until_ms(&keeper->changed, &keeper->lock, deadline_ms))
        ;
    bool has_ended = keeper->has_ended;
    mutex_unlock(&keeper->lock);
    if (!has_ended)
        return false; /* a config provider does not return: it stays */
    thread_join(keeper->thread);
    keeper_free(keeper);
    boot->credentials = NULL;
    return true;
}
