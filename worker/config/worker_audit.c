/* millrace.audit.*: where changes are recorded (rest/audit). */
#include "config/worker_config_internal.h"

#include <string.h>

#include "base/bans.h"

#define HASH_KEY_MIN 32 /* bytes: more than anybody tries out */

void worker_audit_check(const struct worker_config *config, struct str_buffer *mistakes)
{
    const struct audit_config *audit = &config->audit;
    size_t key_length = strlen(audit->hash_key);
    if (audit->file[0] != '\0' && audit->topic[0] != '\0')
        worker_mistake(mistakes, "millrace.audit.file and millrace.audit.topic: the audit record has one place. Remove one of them");
    if (key_length > 0 && key_length < HASH_KEY_MIN)
        worker_mistake(mistakes, "millrace.audit.hash.key has %zu bytes and needs %d at least. Take a random one, e.g. of "
                                 "openssl rand -hex 32", key_length, HASH_KEY_MIN);
}

bool worker_config_is_audited(const struct worker_config *config)
{
    return config->audit.file[0] != '\0' || config->audit.topic[0] != '\0';
}
