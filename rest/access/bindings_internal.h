/* bindings_internal: a binding as read, for access.c. */
#ifndef ACCESS_BINDINGS_INTERNAL_H
#define ACCESS_BINDINGS_INTERNAL_H

#include <stdbool.h>

#include "access/bindings.h"
#include "base/ptr_array.h"
#include "base/refcount.h"

enum role { ROLE_VIEWER, ROLE_OPERATOR, ROLE_EDITOR, ROLE_ADMIN, ROLE_COUNT };
const char *role_name(enum role role);

enum limit {
    LIMIT_CONNECTORS,
    LIMIT_CLASSES,
    LIMIT_TOPICS,
    LIMIT_GROUP_IDS,
    LIMIT_REFERENCES,
    LIMIT_OVERRIDES,
    LIMIT_FILES,
    LIMIT_COUNT,
};
const char *limit_name(enum limit limit);   /* the member of the file */

struct binding_claim {
    char *name;
    struct ptr_array values;   /* char * */
};

struct binding {
    char *name;
    struct ptr_array users, groups;       /* char * */
    struct ptr_array claims;              /* struct binding_claim * */
    enum role role;
    bool has_data;
    struct ptr_array limits[LIMIT_COUNT]; /* patterns, char * */
};

struct bindings {
    struct refcount refcount;
    struct ptr_array list;   /* struct binding * */
};

#endif
