/* Files that REST needs, looked at once before anything outside is asked. */
#include <millrace/error.h>

#include "access/bindings.h"
#include "access/login_file.h"
#include "config/worker_config.h"
#include "routes/rest_listeners.h"
#include "routes/rest_server.h"

#include "base/bans.h"

static int look_at_bindings(const char *path, struct mr_error **error)
{
    struct bindings_file *file = bindings_file_open(path, error);
    if (file == NULL)
        return mr_error_wrap(error, "millrace.rest.bindings.file");
    bindings_file_close(file);
    return 0;
}

static int look_at_logins(const struct rest_auth_config *auth, struct mr_error **error)
{
    bool is_hashed = *auth->passwords_file != '\0';
    struct login_file *file;
    if (!is_hashed && *auth->jaas_file == '\0')
        return 0;
    file = is_hashed ? login_file_open_hashed(auth->passwords_file, error) : login_file_open_jaas(auth->jaas_file, error);
    if (file == NULL)
        return mr_error_wrap(error, "%s", is_hashed ? "millrace.rest.auth.passwords.file" : "millrace.rest.auth.jaas.file");
    login_file_close(file);
    return 0;
}

int rest_server_look_at_files(const struct worker_config *worker, struct mr_error **error)
{
    if (worker_config_needs_login(worker) &&
        (look_at_bindings(worker->rest_auth.bindings_file, error) != 0 || look_at_logins(&worker->rest_auth, error) != 0))
        return -1;
    return rest_listeners_look_at_files(worker, error);
}
