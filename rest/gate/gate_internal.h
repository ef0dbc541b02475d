/* gate_internal: what the files of this room share. */
#ifndef GATE_GATE_INTERNAL_H
#define GATE_GATE_INTERNAL_H

#include <stdbool.h>

#include "access/basic.h"
#include "gate/failure_limit_internal.h"
#include "gate/gate.h"
#include "gate/password_queue_internal.h"

struct gate {
    const struct clock *clock;
    struct bindings_file *bindings;
    struct login_file *logins;       /* NULL: passwords are not taken */
    struct jwt_validator *validator; /* NULL: tokens are not taken */
    struct key_set *key_set;
    bool takes_certificates;
    struct failure_limit *failures;
    struct password_queue *queue; /* NULL: no password is slow to check */
};

struct gate_verdict gate_refusal(int status, const char *why);

/* Of a password_queue: checks one password and tells. */
password_run_fn gate_run_password;

#endif
