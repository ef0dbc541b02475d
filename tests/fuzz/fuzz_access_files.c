/*
 * The files that say who may do what, and the header that claims to be somebody. The first byte says which: hashed logins,
 * properties of plain passwords, bindings (which are then asked), or a Basic header. What is refused is explained, in one line,
 * and a bindings file that was taken never lets a stranger in unless it binds everybody.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "access/access.h"
#include "access/basic.h"
#include "access/bindings_internal.h"
#include "access/identity.h"
#include "access/login_users_internal.h"
#include "base/pointer_map.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static void check_users(struct pointer_map *users, const char *why)
{
    must((users != NULL) == (why[0] == '\0'));
    if (users == NULL)
        return;
    for (size_t i = 0; i < pointer_map_count(users); i++) {
        const struct login_user *user = pointer_map_value(users, i);
        must(identity_name_is_fit(pointer_map_key(users, i), strlen(pointer_map_key(users, i))));
        must(user->secret != NULL && user->remembered_until_ms == 0);
    }
    pointer_map_destroy(users);
}

static bool binds_everybody(const struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->list.count; i++) {
        const struct binding *binding = bindings->list.items[i];
        must(binding->name != NULL && binding->users.count + binding->groups.count + binding->claims.count > 0);
        for (size_t j = 0; j < binding->users.count; j++)
            if (strcmp(binding->users.items[j], "*") == 0 || strcmp(binding->users.items[j], "stranger \xe2\x98\x83") == 0)
                return true;
    }
    return false;
}

static void check_bindings(const char *text, size_t length)
{
    static const char *const texts[] = {"orders.eu", "file:/etc/passwd:x", "vault:secret/orders:p"};
    const struct access_subject subject = {.connector = "orders-1", .class_name = "io.example.Sink", .topics = {texts, 1},
                                           .references = {texts + 1, 2}};
    struct mr_error *error = NULL;
    char why[ACCESS_WHY_SIZE];
    struct bindings *bindings = bindings_parse(text, length, &error);
    must((bindings != NULL) == (error == NULL));
    if (bindings == NULL) {
        must(mr_error_message(error)[0] != '\0');
        mr_error_drop(error);
        return;
    }
    struct identity *identity = identity_create("stranger \xe2\x98\x83", IDENTITY_TOKEN);
    must(identity != NULL);
    for (int right = ACCESS_VIEW; right <= ACCESS_DATA; right++) {
        bool allowed = access_decide(bindings, identity, (enum access_right)right, right % 2 ? &subject : NULL, why);
        must(allowed == (why[0] == '\0') && (!allowed || binds_everybody(bindings)));
    }
    must((access_role_of(bindings, identity) != NULL) == binds_everybody(bindings));
    identity_destroy(identity);
    bindings_drop(bindings);
}

static void check_header(const char *text, size_t length)
{
    struct basic_credentials credentials;
    char *header = malloc(length + 1);
    must(header != NULL);
    memcpy(header, text, length);
    header[length] = '\0';
    if (basic_parse(&credentials, header)) {
        must(basic_is_scheme(header) && identity_name_is_fit(credentials.user, strlen(credentials.user)));
        must(strlen(credentials.password) <= BASIC_PASSWORD_MAX);
        basic_release(&credentials);
    } else {
        must(credentials.user == NULL && credentials.password == NULL);
    }
    free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[200] = "";
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    switch (data[0]) {
    case 'h':
        check_users(login_users_parse_hashed(text, size - 1, why, sizeof why), why);
        break;
    case 'p':
        check_users(login_users_parse_properties(text, size - 1, why, sizeof why), why);
        break;
    case 'a':
        check_header(text, size - 1);
        break;
    default:
        check_bindings(text, size - 1);
    }
    return 0;
}
