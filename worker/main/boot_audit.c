/* The audit record: opened before REST serves anybody; what came to be without a request is noted from here. */
#include <millrace/error.h>
#include <stdatomic.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/audit_hash.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "boot_internal.h"
#include "config/variables.h"
#include "kafka/client_config.h"
#include "loader/loader.h"
#include "metrics/registry.h"

#include "base/bans.h"

#define REFERENCES_MAX 4096

/* Secrets ---------------------------------------------------------------------------------------------------------- */

/* "provider:path:key" of each reference; what stands beside one in a value may be secret. */
static void append_references(struct str_buffer *out, const char *value)
{
    for (const char *at = value; (at = strstr(at, "${")) != NULL;) {
        const char *end = strchr(at, '}');
        if (end == NULL)
            return;
        if (out->length > 0)
            str_buffer_append_text(out, ", ");
        str_buffer_append(out, at + 2, (size_t)(end - at - 2));
        at = end;
    }
}

void boot_audit_refreshed(void *argument, const char *connector, const struct string_map *raw)
{
    struct boot *boot = argument;
    struct str_buffer references;

    if (boot->audit == NULL)
        return;
    str_buffer_init(&references, REFERENCES_MAX);
    for (size_t i = 0; i < string_map_count(raw); i++)
        if (string_map_value(raw, i) != NULL && variables_has_reference(string_map_value(raw, i)))
            append_references(&references, string_map_value(raw, i));
    const struct audit_pair pairs[] = {{"connector", connector}, {"references", str_buffer_text(&references)}};
    audit_note(boot->audit, "secret", pairs, sizeof(pairs) / sizeof(pairs[0]));
    str_buffer_release(&references);
}

/* Plugins ---------------------------------------------------------------------------------------------------------- */

/* Plugins of one file have one path, the very same. */
static bool is_first_of_its_file(const struct loader *loader, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (loader_at(loader, i)->path == loader_at(loader, index)->path)
            return false;
    return true;
}

static void note_plugins(struct boot *boot)
{
    for (size_t i = 0; i < loader_count(boot->loader); i++) {
        char digest[AUDIT_DIGEST_SIZE];
        const struct loader_plugin *plugin = loader_at(boot->loader, i);

        if (!is_first_of_its_file(boot->loader, i))
            continue;
        audit_digest_file(plugin->path, digest);
        const struct audit_pair pairs[] = {
            {"file", plugin->path}, {"sha256", digest[0] != '\0' ? digest : NULL}, {"module", plugin->module_name}};
        audit_note(boot->audit, "plugin", pairs, sizeof(pairs) / sizeof(pairs[0]));
    }
    for (size_t i = 0; i < loader_refusal_count(boot->loader); i++) {
        char digest[AUDIT_DIGEST_SIZE];

        audit_digest_file(loader_refusal_path(boot->loader, i), digest);
        const struct audit_pair pairs[] = {{"file", loader_refusal_path(boot->loader, i)},
                                           {"sha256", digest[0] != '\0' ? digest : NULL},
                                           {"reason", loader_refusal_reason(boot->loader, i)}};
        audit_note(boot->audit, "plugin-refused", pairs, sizeof(pairs) / sizeof(pairs[0]));
    }
}

/* Life ------------------------------------------------------------------------------------------------------------- */

static struct audit *open_record(struct boot *boot, struct client_config *producer, struct mr_error **error)
{
    const struct audit_config *config = &boot->config->audit;

    return audit_open(&(struct audit_setup){.file = config->file[0] != '\0' ? config->file : NULL,
                                            .topic = config->topic,
                                            .topic_replication_factor = config->topic_replication_factor,
                                            .admin = boot->admin,
                                            .producer = producer,
                                            .graveyard = boot->graveyard,
                                            .deadline_ms = boot_deadline_ms(boot),
                                            .worker = boot->address.id,
                                            .hash_key = config->hash_key,
                                            .counters = &boot->audit_counters},
                      error);
}

int boot_audit_open(struct boot *boot, struct mr_error **error)
{
    if (!worker_config_is_audited(boot->config))
        return 0;
    struct client_config *producer = boot_client_config(boot, CLIENT_INTERNAL_PRODUCER, "audit", error);
    if (producer == NULL)
        return -1;
    boot->audit = open_record(boot, producer, error);
    client_config_drop(producer);
    if (boot->audit == NULL)
        return -1;
    metrics_registry_show_audit(boot->metrics, &boot->audit_counters);
    const struct audit_pair version = {"version", MILLRACE_VERSION};
    audit_note(boot->audit, "start", &version, 1);
    note_plugins(boot);
    return 0;
}

void boot_audit_close(struct boot *boot)
{
    if (boot->audit == NULL)
        return;
    audit_note(boot->audit, "stop", NULL, 0);
    audit_close(boot->audit);
    boot->audit = NULL;
}
