#include "boot.h"

#include <millrace/error.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/health_board.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "base/tidy.h"
#include "boot_internal.h"
#include "crash_place.h"
#include "config/variables.h"
#include "config/worker_environment.h"
#include "config/worker_file.h"
#include "coordination/membership.h"
#include "executor/executor.h"
#include "executor/job_pool.h"
#include "executor/quarantine.h"
#include "forwarding/forwarding.h"
#include "herder/herder.h"
#include "kafka/admin.h"
#include "kafka/graveyard.h"
#include "kafka/producer.h"
#include "loader/host.h"
#include "loader/loader.h"
#include "metrics/registry.h"
#include "routes/rest_server.h"
#include "store/status_store.h"
#include "stop_signal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.main"
#define CLIENT_ID_MAX 1024
#define JOB_THREADS_MAX 16
#define SILENCE_TOLD_MS 5000    /* brokers that are there have answered by then */
#define ENVIRONMENT_WORDS_MAX 4096
#define CLOSE_TIMEOUT_MS 2000   /* clients and jobs that are left */

int64_t boot_deadline_ms(const struct boot *boot)
{
    return clock_monotonic_ms(NULL) + client_config_api_timeout_ms(boot->admin_config);
}

struct client_config *boot_client_config(const struct boot *boot, enum client_kind kind, const char *purpose,
                                         struct mr_error **error)
{
    const struct worker_config *config = boot->config;
    const char *group = boot->mode == WORKER_STANDALONE ? "standalone" : config->group_id;
    char id[CLIENT_ID_MAX];

    snprintf(id, sizeof(id), "%s%s%s-%s", group, config->client_id[0] != '\0' ? "-" : "", config->client_id, purpose);
    return client_config_for(
        kind, &(struct client_layers){.worker = config->properties, .client_id = id, .group_id = config->group_id}, NULL,
        error);
}

/* --- the steps -------------------------------------------------------------------------------------------------------- */

static int load_config(struct boot *boot, const char *path, const struct string_map *written, struct mr_error **error)
{
    boot->config = worker_file_config(path, boot->mode, written, boot->loader, error);
    if (boot->config == NULL)
        return -1;
    boot_log_set(boot);
    for (size_t i = 0; i < worker_config_warning_count(boot->config); i++)
        log_warn(LOG_NAME, "%s", worker_config_warning(boot->config, i));
    for (size_t i = 0; i < worker_config_note_count(boot->config); i++)
        log_info(LOG_NAME, "%s", worker_config_note(boot->config, i));
    return worker_address_make(boot->config, 0, &boot->address, error);
}

static int check_plugins(struct boot *boot, struct mr_error **error)
{
    if (worker_config_check_plugins(boot->config, boot->loader, error) != 0)
        return -1;
    boot->variables = variables_create(boot->loader, boot->config->properties, error);
    if (boot->variables == NULL)
        return -1;
    variables_are_secret(boot->variables);
    return 0;
}

/* The file's, when one is named, and the environment's, which win. */
static struct string_map *read_properties(const char *path, struct string_map *environment, struct mr_error **error)
{
    struct string_map *written = path == NULL ? string_map_create() : worker_file_read(path, error);
    if (path == NULL && written != NULL && string_map_count(environment) == 0)
        mr_error_set(error, MR_ERR_CONFIG, "No configuration: name a properties file, or set CONNECT_BOOTSTRAP_SERVERS, CONNECT_GROUP_ID and so on "
                                           "(docs/container.md)");
    else if (written != NULL && string_map_put_all(written, environment))
        return written;
    else if (written != NULL || path == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for the worker's configuration");
    string_map_destroy(written);
    return NULL;
}

/* Names alone: a value may be a secret. */
static void tell_environment(const struct string_map *environment)
{
    for (size_t i = 0; i < string_map_count(environment); i++)
        log_info(LOG_NAME, "%s is set by the environment (CONNECT_…)", string_map_key(environment, i));
}

/* What a file's mistakes are told with: the mistake may be a variable's, which nobody sees in the file. */
static void add_environment(const struct string_map *environment, struct mr_error *reason, struct mr_error **error)
{
    struct str_buffer names;
    str_buffer_init(&names, ENVIRONMENT_WORDS_MAX);
    for (size_t i = 0; i < string_map_count(environment); i++)
        str_buffer_printf(&names, "%s%s", i == 0 ? "" : ", ", string_map_key(environment, i));
    mr_error_set(error, mr_error_code(reason), "%s\nNot the file but the environment (CONNECT_…) sets: %s", mr_error_message(reason),
                 str_buffer_failed(&names) ? "more than fits here" : str_buffer_text(&names));
    str_buffer_release(&names);
}

static int load_written(struct boot *boot, const char *path, const struct string_map *written, const struct string_map *environment,
                        struct mr_error **error)
{
    if (path == NULL)
        return load_config(boot, "The environment (CONNECT_…)", written, error);
    if (string_map_count(environment) == 0)
        return load_config(boot, path, written, error);
    struct mr_error *reason = NULL;
    int status = load_config(boot, path, written, &reason);
    if (status != 0)
        add_environment(environment, reason, error);
    mr_error_drop(reason);
    return status;
}

/* Plugins come before the configuration: the file may refer to config providers. Whatever is wrong is told without their values. */
static int load_files(struct boot *boot, const char *path, struct mr_error **error)
{
    struct string_map *environment = worker_environment_read(environ, error);
    struct string_map *written = environment == NULL ? NULL : read_properties(path, environment, error);
    if (written == NULL) {
        string_map_destroy(environment);
        return -1;
    }
    boot_log_start(boot, written);
    tell_environment(environment);
    boot->loader = loader_create(&(struct loader_setup){.plugin_path = string_map_get(written, "plugin.path"),
                                                        .with_shipped = true,
                                                        .host = loader_host()},
                                 error);
    int status = boot->loader == NULL ? -1 : load_written(boot, path, written, environment, error);
    string_map_destroy(environment);
    if (status == 0)
        status = check_plugins(boot, error);
    variables_hide_error(written, boot->config == NULL ? NULL : boot->config->properties, error);
    string_map_destroy(written);
    return status;
}

static int count(struct boot *boot, struct mr_error **error)
{
    boot->metrics = metrics_registry_create(&(struct metrics_registry_setup){
        .version = MILLRACE_VERSION, .librdkafka_version = client_library_version(),
        .jvm_names = boot->config->metrics_jvm_names, .client_interval_ms = boot->config->metrics_kafka_interval_ms, .connect_protocol = boot->config->connect_protocol});
    return boot->metrics != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for metrics");
}

/* Starts, stops and changes of configurations are over for now. */
static void give_back(void)
{
    tidy();
}

static int open_clients(struct boot *boot, struct mr_error **error)
{
    char why[160];

    boot->jobs = job_pool_create(
        &(struct job_pool_setup){.thread_name = "job", .threads_max = JOB_THREADS_MAX, .on_calm = give_back}, why, sizeof(why));
    if (boot->jobs == NULL)
        return mr_error_set(error, MR_ERR_CONNECT, "%s", why);
    boot->graveyard = graveyard_create(error);
    if (boot->graveyard == NULL)
        return -1;
    boot->producers = producer_pool_create(boot->graveyard, error);
    if (boot->producers == NULL)
        return -1;
    producer_pool_watch_lease(boot->producers, &boot->lease);
    producer_pool_show(boot->producers, boot->metrics);
    boot->admin_config = boot_client_config(boot, CLIENT_INTERNAL_ADMIN, "shared-admin", error);
    if (boot->admin_config == NULL)
        return -1;
    boot->admin = admin_open(boot->admin_config, boot->graveyard, error);
    return boot->admin != NULL ? 0 : -1;
}

/* Tells of a long silence before the time is over. */
static char *wait_cluster_id(const struct boot *boot, struct mr_error **error)
{
    int64_t deadline_ms = boot_deadline_ms(boot), told_ms = clock_monotonic_ms(NULL) + SILENCE_TOLD_MS;
    if (told_ms >= deadline_ms)
        return admin_cluster_id(boot->admin, deadline_ms, error);
    struct mr_error *silence = NULL;
    char *id = admin_cluster_id(boot->admin, told_ms, &silence);
    if (id == NULL && mr_error_code(silence) == MR_ERR_TIMEOUT) {
        log_warn(LOG_NAME, "no answer from %s for %d s; still asking. %s", boot->config->bootstrap_servers, SILENCE_TOLD_MS / 1000,
                 mr_error_message(silence));
        id = admin_cluster_id(boot->admin, deadline_ms, error);
    } else if (id == NULL) {
        mr_error_set(error, mr_error_code(silence), "%s", mr_error_message(silence));
    }
    mr_error_drop(silence);
    return id;
}

static int ask_cluster_id(struct boot *boot, struct mr_error **error)
{
    uint32_t timeout_ms = client_config_api_timeout_ms(boot->admin_config);

    log_info(LOG_NAME, "asking %s for the id of the Kafka cluster, for %u s at most", boot->config->bootstrap_servers,
             timeout_ms / 1000);
    boot->cluster_id = wait_cluster_id(boot, error);
    if (boot->cluster_id != NULL)
        return 0;
    if (error != NULL && mr_error_code(*error) == MR_ERR_CONNECT)
        return mr_error_wrap(error, "The brokers of bootstrap.servers=%s do not let this worker in", boot->config->bootstrap_servers);
    return mr_error_wrap(error,
                         "No broker of bootstrap.servers=%s answered within %u ms (default.api.timeout.ms): check that "
                         "Kafka runs there and that security.protocol and its like fit",
                         boot->config->bootstrap_servers, timeout_ms);
}

static void on_failed(void *argument, const char *words, bool had_run)
{
    struct boot *boot = argument;

    mutex_lock(&boot->lock);
    snprintf(boot->failure, sizeof(boot->failure), "%s", words);
    boot->had_run = had_run;
    mutex_unlock(&boot->lock);
    stop_signal_raise();
}

static int start_forwarding(struct boot *boot, struct mr_error **error)
{
    if (boot->mode == WORKER_STANDALONE)
        return 0;
    boot->forwarding =
        forwarding_start(&(struct forwarding_setup){.worker = boot->config, .configs = boot->configs, .address = boot->address.id},
                         error);
    return boot->forwarding != NULL ? 0 : -1;
}

static int create_herder(struct boot *boot, struct mr_error **error)
{
    const struct worker_config *config = boot->config;
    const struct membership_setup membership = {.config = boot->member_config,
                                                .graveyard = boot->graveyard,
                                                .admin = boot->admin,
                                                .config_topic = config->config_topic.name,
                                                .group_id = config->group_id,
                                                .worker_url = boot->address.url,
                                                .session_timeout_ms = config->session_timeout_ms,
                                                .lease = &boot->lease,
                                                .metrics = boot->metrics};
    const struct executor_setup executor = {.refreshed = boot_audit_refreshed,
                                            .refreshed_argument = boot,
                                            .loader = boot->loader,
                                            .variables = boot->variables,
                                            .worker = config,
                                            .offsets = boot->offsets,
                                            .producers = boot->producers,
                                            .graveyard = boot->graveyard,
                                            .jobs = boot->jobs,
                                            .lease = &boot->lease,
                                            .quarantine = boot->quarantine,
                                            .metrics = boot->metrics,
                                            .topics_epoch = status_store_topics_epoch(boot->statuses)};

    boot->herder = herder_create(
        &(struct herder_setup){
            .worker = config,
            .loader = boot->loader,
            .variables = boot->variables,
            .configs = boot->configs,
            .statuses = boot->statuses,
            .offsets = boot->offsets,
            .executor = &executor,
            .jobs = boot->jobs,
            .membership = boot->mode == WORKER_DISTRIBUTED ? &membership : NULL,
            .worker_id = boot->address.id,
            .cluster_id = boot->cluster_id,
            .leader_link = boot->forwarding == NULL ? NULL : forwarding_leader_link(boot->forwarding),
            .failed = on_failed,
            .failed_argument = boot,
        },
        error);
    return boot->herder != NULL ? 0 : -1;
}

static int make_member_config(struct boot *boot, struct mr_error **error)
{
    if (boot->mode == WORKER_STANDALONE) {
        lease_set(&boot->lease, LEASE_FOR_EVER);
        return 0;
    }
    boot->member_config = boot_client_config(boot, CLIENT_MEMBER, "member", error);
    return boot->member_config != NULL ? 0 : -1;
}

static int start_rest(struct boot *boot, struct mr_error **error)
{
    size_t listener;

    boot->rest = rest_server_start(&(struct rest_setup){.herder = boot->herder,
                                                        .worker = boot->config,
                                                        .forwarding = boot->forwarding,
                                                        .audit = boot->audit,
                                                        .health = boot->health,
                                                        .metrics = boot->metrics},
                                   error);
    if (boot->rest == NULL)
        return -1;
    if (!worker_address_wants_port(boot->config, &listener))
        return 0;
    if (worker_address_make(boot->config, rest_server_port(boot->rest, listener), &boot->address, error) != 0)
        return -1;
    if (boot->audit != NULL && !audit_set_worker(boot->audit, boot->address.id))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the audit record");
    return herder_set_worker_id(boot->herder, boot->address.id, error);
}

/* From here on whoever crashes is named. */
static int watch_for_crashes(struct boot *boot, struct mr_error **error)
{
    struct str_buffer path;
    bool is_set;

    str_buffer_init(&path, CRASH_PATH_MAX);
    crash_place_append(&path, boot->config, boot->address.id);
    is_set = !str_buffer_failed(&path) && crash_install(str_buffer_text(&path), boot->address.id);
    if (is_set)
        boot->quarantine = quarantine_create(str_buffer_text(&path), clock_wall_ms(NULL));
    str_buffer_release(&path);
    if (boot->quarantine != NULL)
        return 0;
    return mr_error_set(error, is_set ? MR_ERR_NO_MEMORY : MR_ERR_CONFIG,
                        "millrace.crash.file: no memory for it, or its path is longer than %d bytes", CRASH_PATH_MAX - 1);
}

int boot_start(struct boot *boot, const char *properties_path, struct mr_error **error)
{
    if (load_files(boot, properties_path, error) != 0 || rest_server_look_at_files(boot->config, error) != 0 || watch_for_crashes(boot, error) != 0 || count(boot, error) != 0 ||
        open_clients(boot, error) != 0 || boot_credentials_start(boot, properties_path, error) != 0 ||
        make_member_config(boot, error) != 0 || ask_cluster_id(boot, error) != 0 || boot_audit_open(boot, error) != 0 || boot_stores_create(boot, error) != 0 ||
        start_forwarding(boot, error) != 0 || create_herder(boot, error) != 0 || start_rest(boot, error) != 0 || boot_stores_start(boot, error) != 0 || boot_topics_watch(boot, error) != 0)
        return -1;
    boot_log_name(boot);
    stop_signal_begin_running();
    if (herder_start(boot->herder, error) != 0)
        return -1;
    log_info(LOG_NAME, "worker %s runs; Kafka cluster %s", boot->address.url, boot->cluster_id);
    return 0;
}

/* --- life ------------------------------------------------------------------------------------------------------------- */

struct boot *boot_create(enum worker_mode mode)
{
    struct boot *boot = mem_calloc(1, sizeof(*boot));

    if (boot == NULL)
        return NULL;
    boot->health = health_board_create();
    if (boot->health == NULL) {
        mem_free(boot);
        return NULL;
    }
    boot->mode = mode;
    mutex_init(&boot->lock);
    return boot;
}

struct herder *boot_herder(struct boot *boot)
{
    return boot->herder;
}

const char *boot_failure(struct boot *boot, bool *had_run)
{
    mutex_lock(&boot->lock);
    *had_run = boot->had_run;
    mutex_unlock(&boot->lock);
    return boot->failure; /* told once: not changed any more */
}

/* Everything that may still call into other parts. */
static bool quiet(struct boot *boot)
{
    bool is_clean = rest_server_stop(boot->rest);
    is_clean &= boot_credentials_stop(boot, clock_monotonic_ms(NULL) + CLOSE_TIMEOUT_MS);

    boot_topics_unwatch(boot);
    if (boot->herder != NULL)
        is_clean &= herder_stop(boot->herder, clock_monotonic_ms(NULL) + boot->config->task_shutdown_timeout_ms +
                                                 EXECUTOR_STOP_RESERVE_MS);
    forwarding_stop(boot->forwarding);
    boot_stores_stop(boot);
    if (boot->jobs != NULL && is_clean)
        is_clean = job_pool_stop(boot->jobs, clock_monotonic_ms(NULL) + CLOSE_TIMEOUT_MS);
    return is_clean;
}

bool boot_end(struct boot *boot)
{
    if (!quiet(boot)) {
        log_warn(LOG_NAME, "a plugin did not return in time; the process ends without it");
        return false;
    }
    herder_destroy(boot->herder);
    boot_stores_destroy(boot);
    job_pool_destroy(boot->jobs);
    boot_audit_close(boot);
    if (boot->producers != NULL)
        producer_pool_destroy(boot->producers, clock_monotonic_ms(NULL) + CLOSE_TIMEOUT_MS);
    admin_close(boot->admin);
    client_config_drop(boot->member_config);
    client_config_drop(boot->admin_config);
    if (boot->graveyard != NULL)
        graveyard_destroy(boot->graveyard, clock_monotonic_ms(NULL) + CLOSE_TIMEOUT_MS);
    quarantine_destroy(boot->quarantine);
    metrics_registry_destroy(boot->metrics);
    health_board_destroy(boot->health);
    variables_destroy(boot->variables);
    loader_destroy(boot->loader);
    worker_config_destroy(boot->config);
    mem_free(boot->cluster_id);
    mutex_destroy(&boot->lock);
    mem_free(boot);
    return true;
}
