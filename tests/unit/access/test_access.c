/* Bindings and decisions: what each role may do, what limits cover, and what a bad file says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "access/access.h"
#include "access/bindings.h"
#include "access/glob_internal.h"
#include "access/identity.h"
#include "access_test.h"
#include "base/log_sink.h"
#include "support/alloc_torture.h"
#include "support/descriptors.h"
#include "support/eventually.h"

#define LIST(...) {(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)}

static const char RULES[] =
    "{\"bindings\": ["
    " {\"name\": \"everybody\", \"users\": [\"*\"], \"role\": \"viewer\", \"connectors\": [\"public-*\"]},"
    " {\"name\": \"night shift\", \"users\": [\"olga\"], \"role\": \"operator\", \"connectors\": [\"*\"]},"
    " {\"name\": \"orders team\", \"groups\": [\"orders-devs\"], \"role\": \"editor\", \"rights\": [\"data\"],"
    "  \"connectors\": [\"orders-*\"], \"classes\": [\"io.example.jdbc.*\"], \"topics\": [\"orders.*\", \"dlq.orders\"],"
    "  \"group.ids\": [\"connect-orders-?\"], \"references\": [\"vault:secret/orders/*\"],"
    "  \"overrides\": [\"consumer.override.max.poll.*\"]},"
    " {\"name\": \"files\", \"users\": [\"fred\"], \"role\": \"editor\", \"connectors\": [\"*\"], \"topics\": [\"*\"],"
    "  \"classes\": [\"*\", \"org.apache.kafka.connect.file.FileStreamSinkConnector\"], \"references\": [\"file:/etc/connect/*\"],"
    "  \"files\": [\"/data/out/*\"]},"
    " {\"name\": \"any class\", \"users\": [\"erin\"], \"role\": \"editor\", \"connectors\": [\"*\"], \"topics\": [\"*\"],"
    "  \"classes\": [\"*\", \"org.apache.*\"]},"
    " {\"name\": \"platform\", \"claims\": {\"roles\": [\"connect-admin\", \"root\"], \"tid\": [\"t-1\"]}, \"role\": \"admin\"},"
    " {\"name\": \"auditor\", \"users\": [\"ada\"], \"role\": \"admin\", \"rights\": [\"data\"]}"
    "]}";

static struct bindings *parse(const char *text)
{
    struct mr_error *error = NULL;
    struct bindings *bindings = bindings_parse(text, strlen(text), &error);
    if (bindings == NULL)
        fail_msg("%s", mr_error_message(error));
    return bindings;
}

static struct identity *somebody(const char *name, const char *group)
{
    struct identity *identity = identity_create(name, IDENTITY_PASSWORD);
    assert_non_null(identity);
    if (group != NULL)
        assert_true(identity_add_group(identity, group));
    return identity;
}

/* NULL: allowed; else the words. */
static const char *refusal(const char *name, const char *group, enum access_right right, const struct access_subject *subject)
{
    static char why[ACCESS_WHY_SIZE];
    struct bindings *bindings = parse(RULES);
    struct identity *identity = somebody(name, group);
    bool allowed = access_decide(bindings, identity, right, subject, why);
    assert_int_equal(allowed, why[0] == '\0');
    identity_destroy(identity);
    bindings_drop(bindings);
    return allowed ? NULL : why;
}

static void assert_refusal(const char *why, const char *words)
{
    assert_non_null(why);
    if (strstr(why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, words);
}

static void patterns_match_whole_texts(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"", "", true},          {"", "a", false},          {"*", "", true},           {"*", "a/b.c", true},
        {"a", "A", false},       {"a*", "ba", false},       {"*a", "ba", true},        {"a?c", "abc", true},
        {"a?c", "ac", false},    {"?", "", false},          {"a*b*c", "aXbYbZc", true}, {"a*b*c", "acb", false},
        {"**", "x", true},       {"*?", "", false},         {"a.c", "abc", false},     {"[a]", "a", false},
        {"a*", "a*", true},      {"orders-*", "orders-", true}, {"orders-*", "orders", false},
    };
    char pattern[2001], text[2001];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (glob_matches(rows[i].pattern, rows[i].text) != rows[i].matches)
            fail_msg("%s and %s", rows[i].pattern, rows[i].text);
    for (size_t i = 0; i < 2000; i++) { /* bounded, however many stars */
        pattern[i] = i % 2 == 0 ? '*' : 'a';
        text[i] = 'a';
    }
    pattern[1999] = 'b';
    pattern[2000] = text[2000] = '\0';
    assert_false(glob_matches(pattern, text));
}

/* Rows: roles; columns: rights in the order of the enum. */
static void each_role_may_do_what_it_may_and_no_more(void **state)
{
    static const struct {
        const char *name, *group;
        const char *allowed; /* y and n per right */
    } rows[] = {
        {"stranger", NULL, "nnnnn"},      {"olga", NULL, "yynnn"}, {"x", "orders-devs", "yyyny"},
        {"erin", NULL, "yyynn"},          {"ada", NULL, "yyyyy"},
    };
    const struct access_subject subject = {.connector = "orders-1"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int right = ACCESS_VIEW; right <= ACCESS_DATA; right++)
            if ((refusal(rows[i].name, rows[i].group, (enum access_right)right, &subject) == NULL) !=
                (rows[i].allowed[right] == 'y'))
                fail_msg("%s: %s", rows[i].name, access_right_name((enum access_right)right));
}

static void nobody_named_may_do_nothing(void **state)
{
    static const char EMPTY[] = "{\"bindings\": []}";
    char why[ACCESS_WHY_SIZE];
    struct bindings *bindings = parse(EMPTY);
    struct identity *identity = somebody("mallory", NULL);
    (void)state;
    assert_false(access_decide(bindings, identity, ACCESS_VIEW, NULL, why));
    assert_refusal(why, "mallory has no role here");
    assert_null(access_role_of(bindings, identity));
    assert_false(access_has_data(bindings, identity));
    identity_destroy(identity);
    bindings_drop(bindings);
}

static void acts_on_the_whole_worker_need_the_role_alone(void **state)
{
    (void)state;
    assert_null(refusal("stranger", NULL, ACCESS_VIEW, NULL));
    assert_refusal(refusal("stranger", NULL, ACCESS_ADMIN, NULL), "needs the role admin, binding everybody gives viewer");
    assert_refusal(refusal("x", "orders-devs", ACCESS_ADMIN, NULL), "binding orders team gives editor");
    assert_null(refusal("ada", NULL, ACCESS_ADMIN, NULL));
    assert_refusal(refusal("olga", NULL, ACCESS_DATA, NULL), "right data");
}

static void a_worker_looks_at_the_whole_worker_whatever_bindings_say(void **state)
{
    static const char all[] = "{\"bindings\":[{\"name\":\"all\",\"users\":[\"*\"],\"role\":\"admin\"}]}";
    static const struct access_subject public = {.connector = "public-1"};
    char why[ACCESS_WHY_SIZE];
    struct bindings *bindings = parse(all);
    struct identity *identity = somebody("worker a:1", NULL);
    (void)state;
    identity->login = IDENTITY_WORKER;
    assert_true(access_decide(bindings, identity, ACCESS_VIEW, NULL, why));
    assert_false(access_decide(bindings, identity, ACCESS_VIEW, &public, why));
    assert_false(access_decide(bindings, identity, ACCESS_EDIT, &public, why));
    assert_false(access_decide(bindings, identity, ACCESS_ADMIN, NULL, why));
    assert_string_not_equal(why, "");
    identity_destroy(identity);
    bindings_drop(bindings);
}

static void each_limit_is_asked(void **state)
{
    const struct {
        struct access_subject subject;
        const char *says; /* NULL: allowed */
    } rows[] = {
        {{.connector = "orders-1", .class_name = "io.example.jdbc.Sink", .topics = LIST("orders.eu", "dlq.orders"),
          .group_ids = LIST("connect-orders-7"), .references = LIST("vault:secret/orders/db:password"),
          .overrides = LIST("consumer.override.max.poll.records")},
         NULL},
        {{.connector = "payments"}, "the connectors of binding orders team do not cover payments"},
        {{.connector = "orders-1", .class_name = "io.other.Sink"}, "the classes of binding orders team do not cover io.other.Sink"},
        {{.connector = "orders-1", .topics = LIST("orders.eu", "payments")}, "the topics of binding orders team do not cover payments"},
        {{.connector = "orders-1", .topics_regex = "orders.*"}, "the topics of binding orders team do not cover orders.*"},
        {{.connector = "orders-1", .group_ids = LIST("connect-orders-77")}, "the group.ids"},
        {{.connector = "orders-1", .references = LIST("vault:secret/payments:x")}, "the references"},
        {{.connector = "orders-1", .references = LIST("env:HOME")}, "the references"},
        {{.connector = "orders-1", .references = LIST("vault:secret/orders/../payments:x")}, "the references"},
        {{.connector = "orders-1", .overrides = LIST("consumer.override.max.poll.records", "producer.override.acks")},
         "the overrides of binding orders team do not cover producer.override.acks"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = refusal("x", "orders-devs", ACCESS_EDIT, &rows[i].subject);
        if (rows[i].says != NULL)
            assert_refusal(why, rows[i].says);
        else if (why != NULL)
            fail_msg("%s", why);
        assert_null(refusal("ada", NULL, ACCESS_EDIT, &rows[i].subject)); /* admins have no limits */
    }
    assert_null(refusal("x", "orders-devs", ACCESS_DATA, &(struct access_subject){.topics = LIST("orders.eu")}));
    assert_refusal(refusal("x", "orders-devs", ACCESS_DATA, &(struct access_subject){.topics = LIST("payments")}), "topics");
}

static void file_connectors_must_be_named_in_full(void **state)
{
    const struct access_subject sink = {.connector = "f", .class_name = "org.apache.kafka.connect.file.FileStreamSinkConnector"};
    const struct access_subject source = {.connector = "f", .class_name = "org.apache.kafka.connect.file.FileStreamSourceConnector"};
    (void)state;
    assert_null(refusal("fred", NULL, ACCESS_EDIT, &sink));
    assert_refusal(refusal("fred", NULL, ACCESS_EDIT, &source), "touches files of the worker");
    assert_refusal(refusal("erin", NULL, ACCESS_EDIT, &sink), "touches files of the worker");
    assert_null(refusal("ada", NULL, ACCESS_EDIT, &source));
    assert_null(refusal("erin", NULL, ACCESS_VIEW, &(struct access_subject){.connector = "f"}));
}

static void a_file_connector_keeps_to_the_files_of_its_binding(void **state)
{
    (void)state;
    assert_null(refusal("fred", NULL, ACCESS_EDIT, &(struct access_subject){.files = LIST("/data/out/a.txt")}));
    assert_refusal(refusal("fred", NULL, ACCESS_EDIT, &(struct access_subject){.files = LIST("/etc/shadow")}),
                   "the files of binding files do not cover /etc/shadow");
    assert_refusal(refusal("fred", NULL, ACCESS_EDIT, &(struct access_subject){.files = LIST("/data/out/../../etc/shadow")}), "files");
    assert_refusal(refusal("erin", NULL, ACCESS_EDIT, &(struct access_subject){.files = LIST("/data/out/a.txt")}), "files");
    assert_null(refusal("ada", NULL, ACCESS_EDIT, &(struct access_subject){.files = LIST("/etc/hosts")}));
}

static void a_path_cannot_climb_out_of_a_reference(void **state)
{
    (void)state;
    assert_null(refusal("fred", NULL, ACCESS_EDIT, &(struct access_subject){.references = LIST("file:/etc/connect/a:k")}));
    assert_refusal(refusal("fred", NULL, ACCESS_EDIT,
                           &(struct access_subject){.references = LIST("file:/etc/connect/../shadow:root")}),
                   "references");
    assert_refusal(refusal("fred", NULL, ACCESS_EDIT, &(struct access_subject){.references = LIST("env::HOME")}), "references");
}

static void two_bindings_are_not_added_up(void **state)
{
    static const char TWO[] =
        "{\"bindings\": ["
        "{\"name\": \"a\", \"users\": [\"u\"], \"role\": \"editor\", \"connectors\": [\"a-*\"], \"classes\": [\"x.A\"], \"topics\": [\"a\"]},"
        "{\"name\": \"b\", \"users\": [\"u\"], \"role\": \"editor\", \"connectors\": [\"b-*\"], \"classes\": [\"x.B\"], \"topics\": [\"b\"]},"
        "{\"name\": \"d\", \"users\": [\"u\"], \"role\": \"viewer\", \"rights\": [\"data\"], \"connectors\": [\"c\"], \"topics\": [\"c\"]}]}";
    char why[ACCESS_WHY_SIZE];
    struct bindings *bindings = parse(TWO);
    struct identity *identity = somebody("u", NULL);
    (void)state;
    assert_true(access_decide(bindings, identity, ACCESS_EDIT, &(struct access_subject){.connector = "b-1", .class_name = "x.B"}, why));
    assert_false(access_decide(bindings, identity, ACCESS_EDIT, &(struct access_subject){.connector = "a-1", .class_name = "x.B"}, why));
    assert_refusal(why, "the classes of binding a do not cover x.B");
    assert_false(access_decide(bindings, identity, ACCESS_EDIT,
                               &(struct access_subject){.connector = "a-1", .class_name = "x.A", .topics = LIST("a", "b")}, why));
    assert_refusal(why, "the topics of binding a do not cover b");
    assert_false(access_decide(bindings, identity, ACCESS_DATA, &(struct access_subject){.topics = LIST("a")}, why));
    assert_refusal(why, "the topics of binding d do not cover a");
    assert_string_equal(access_role_of(bindings, identity), "editor");
    assert_true(access_has_data(bindings, identity));
    identity_destroy(identity);
    bindings_drop(bindings);
}

static bool may_administer(const struct bindings *bindings, const char *name, enum identity_login login, const char *group)
{
    char why[ACCESS_WHY_SIZE];
    struct identity *identity = identity_create(name, login);
    if (group != NULL)
        assert_true(identity_add_group(identity, group));
    bool may = access_decide(bindings, identity, ACCESS_ADMIN, NULL, why);
    if (!may)
        assert_refusal(why, identity_login_name(login));
    assert_int_equal(access_role_of(bindings, identity) != NULL, may);
    identity_destroy(identity);
    return may;
}

static void a_name_counts_for_the_logins_of_its_binding_alone(void **state)
{
    static const char MIXED[] =
        "{\"bindings\": ["
        "{\"name\": \"p\", \"users\": [\"pat\"], \"groups\": [\"ops\"], \"logins\": [\"password\"], \"role\": \"admin\"},"
        "{\"name\": \"c\", \"users\": [\"CN=robot\"], \"logins\": [\"certificate\"], \"role\": \"admin\"},"
        "{\"name\": \"t\", \"users\": [\"toni\"], \"logins\": [\"token\", \"certificate\"], \"role\": \"admin\"},"
        "{\"name\": \"any\", \"users\": [\"anna\"], \"role\": \"admin\"}]}";
    static const struct {
        const char *user;
        bool password, jaas, token, certificate;
    } rows[] = {
        {"pat", true, true, false, false},
        {"CN=robot", false, false, false, true},
        {"toni", false, false, true, true},
        {"anna", true, true, true, true},
    };
    struct bindings *bindings = parse(MIXED);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(may_administer(bindings, rows[i].user, IDENTITY_PASSWORD, NULL), rows[i].password);
        assert_int_equal(may_administer(bindings, rows[i].user, IDENTITY_JAAS, NULL), rows[i].jaas);
        assert_int_equal(may_administer(bindings, rows[i].user, IDENTITY_TOKEN, NULL), rows[i].token);
        assert_int_equal(may_administer(bindings, rows[i].user, IDENTITY_CERTIFICATE, NULL), rows[i].certificate);
    }
    assert_true(may_administer(bindings, "x", IDENTITY_PASSWORD, "ops"));
    assert_false(may_administer(bindings, "x", IDENTITY_TOKEN, "ops"));
    assert_string_equal(bindings_without_logins(bindings), "any");
    bindings_drop(bindings);
    bindings = parse("{\"bindings\": [{\"name\": \"all\", \"users\": [\"*\"], \"role\": \"admin\"},"
                     "{\"name\": \"roles\", \"claims\": {\"roles\": [\"x\"]}, \"role\": \"admin\"}]}");
    assert_null(bindings_without_logins(bindings));
    bindings_drop(bindings);
}

/* Who is in too many groups for a token is told so, and gets no other role by it. */
static void refusals_say_that_groups_are_lacking(void **state)
{
    char why[ACCESS_WHY_SIZE];
    struct bindings *bindings = parse(RULES);
    struct identity *identity = somebody("in-many-groups", NULL);
    (void)state;
    assert_false(access_decide(bindings, identity, ACCESS_EDIT, NULL, why));
    assert_null(strstr(why, "too many"));
    identity->lacks_groups = true;
    assert_false(access_decide(bindings, identity, ACCESS_EDIT, NULL, why));
    assert_refusal(why, "the token does not list the groups of this user, as there are too many");
    identity_destroy(identity);
    bindings_drop(bindings);
}

static void claims_bind_only_all_together(void **state)
{
    char why[ACCESS_WHY_SIZE];
    struct bindings *bindings = parse(RULES);
    struct identity *identity = somebody("token-bearer", NULL);
    (void)state;
    assert_true(identity_add_claim(identity, "roles", "root"));
    assert_false(access_decide(bindings, identity, ACCESS_ADMIN, NULL, why));
    assert_true(identity_add_claim(identity, "tid", "t-2"));
    assert_false(access_decide(bindings, identity, ACCESS_ADMIN, NULL, why));
    assert_true(identity_add_claim(identity, "tid", "t-1"));
    assert_true(access_decide(bindings, identity, ACCESS_ADMIN, NULL, why));
    assert_string_equal(access_role_of(bindings, identity), "admin");
    assert_false(access_has_data(bindings, identity));
    identity_destroy(identity);
    bindings_drop(bindings);
}

#define BINDING(members) "{\"bindings\": [{" members "}]}"
#define WHO "\"name\": \"n\", \"users\": [\"u\"], "
#define EDITOR "\"role\": \"editor\", \"connectors\": [\"*\"], "

static void bad_bindings_are_refused_by_their_place(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "line 1"},
        {"{\"bindings\": [\n\n}", "line 3"},
        {"[]", "expected {\"bindings\""},
        {"{}", "expected {\"bindings\""},
        {"{\"bindings\": {}}", "expected {\"bindings\""},
        {"{\"bindings\": [], \"more\": 1}", "nothing beside"},
        {"{\"bindings\": [1]}", "binding 1: it: expected an object"},
        {BINDING("\"users\": [\"u\"], \"role\": \"admin\""), "binding 1: name: it is missing"},
        {BINDING("\"name\": \"\", \"users\": [\"u\"], \"role\": \"admin\""), "binding 1: name"},
        {BINDING("\"name\": \"a\\u000ab\""), "binding 1: name"},
        {BINDING("\"name\": \"n\", \"role\": \"admin\""), "binding 1 (n): users: the binding binds nobody"},
        {BINDING(WHO "\"connectors\": [\"*\"]"), "role: it is missing"},
        {BINDING(WHO "\"role\": \"edtor\""), "role: expected \"viewer\""},
        {BINDING(WHO "\"role\": 3"), "role: expected"},
        {BINDING(WHO "\"role\": \"viewer\""), "connectors: they are missing"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": []"), "connectors: expected a list with at least one"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": \"*\""), "connectors: expected a list"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": [3]"), "connectors: an item"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": [\"\"]"), "connectors: an item"},
        {BINDING(WHO EDITOR "\"topics\": [\"*\"]"), "classes: an editor needs them"},
        {BINDING(WHO EDITOR "\"classes\": [\"*\"]"), "topics: an editor needs them"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": [\"*\"], \"rights\": [\"data\"]"), "topics: the right data"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": [\"*\"], \"rights\": [\"all\"]"), "rights: the only right"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": [\"*\"], \"rights\": []"), "rights: the only right"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": [\"*\"], \"rights\": \"data\""), "rights: the only right"},
        {BINDING(WHO "\"role\": \"admin\", \"topics\": [\"*\"]"), "topics: an admin has no limits"},
        {BINDING(WHO "\"role\": \"admin\", \"conectors\": [\"*\"]"), "conectors: no such member"},
        {BINDING(WHO "\"role\": \"admin\", \"role\": \"viewer\""), "duplicate"},
        {BINDING(WHO EDITOR "\"classes\": [\"*\"], \"topics\": [\"*\"], \"references\": [\"*\"]"), "name its provider"},
        {BINDING(WHO EDITOR "\"classes\": [\"*\"], \"topics\": [\"*\"], \"references\": [\"va*:x\"]"), "name its provider"},
        {BINDING(WHO EDITOR "\"classes\": [\"*\"], \"topics\": [\"*\"], \"overrides\": [\"linger.ms\"]"), "overrides: a pattern must be of the whole"},
        {BINDING(WHO EDITOR "\"classes\": [\"*\"], \"topics\": [\"*\"], \"overrides\": [\"producer\"]"), "overrides: a pattern must be of the whole"},
        {BINDING(WHO EDITOR "\"classes\": [\"*\"], \"topics\": [\"^a.*$\"]"), "topics: a pattern is no regular"},
        {BINDING(WHO EDITOR "\"classes\": [\"a.B\", \"FileStreamSink\"], \"topics\": [\"*\"]"), "classes: a class is named with its package"},
        {BINDING(WHO EDITOR "\"classes\": [\"FileStream*\"], \"topics\": [\"*\"]"), "classes: a class is named with its package"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": [\"^a-.*$\"]"), "connectors: a pattern is no regular"},
        {BINDING(WHO "\"role\": \"operator\", \"connectors\": [\"*\"], \"classes\": [\"*\"]"), "classes: only editors use them"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": [\"*\"], \"topics\": [\"*\"]"), "topics: only editors and the right data"},
        {BINDING(WHO "\"role\": \"viewer\", \"connectors\": [\"*\"], \"files\": [\"/a\"]"), "files: only editors use them"},
        {BINDING(WHO EDITOR "\"classes\": [\"*\"], \"topics\": [\"*\"], \"files\": [\"/a/*\", \"data/*\"]"),
         "files: a pattern must be of the whole path"},
        {BINDING("\"name\": \"n\", \"users\": [\"ad*\"], \"role\": \"admin\""), "users: a name is no pattern"},
        {BINDING("\"name\": \"n\", \"users\": [\"a\"], \"logins\": [], \"role\": \"admin\""), "logins: expected a list"},
        {BINDING("\"name\": \"n\", \"users\": [\"a\"], \"logins\": \"token\", \"role\": \"admin\""), "logins: expected a list"},
        {BINDING("\"name\": \"n\", \"users\": [\"a\"], \"logins\": [\"token\", \"oidc\"], \"role\": \"admin\""), "logins: expected a list"},
        {BINDING("\"name\": \"n\", \"claims\": {\"a\": [\"b\"]}, \"logins\": [\"password\"], \"role\": \"admin\""), "only tokens have claims"},
        {BINDING("\"name\": \"n\", \"groups\": [\"a\"], \"logins\": [\"certificate\"], \"role\": \"admin\""), "certificates have no groups"},
        {BINDING("\"name\": \"n\", \"groups\": [\"*\"], \"role\": \"admin\""), "groups: a group is no pattern"},
        {BINDING(WHO EDITOR "\"classes\": [\"*\"], \"topics\": [\"*\"], \"references\": [\":x\"]"), "name its provider"},
        {BINDING("\"name\": \"n\", \"claims\": {}"), "claims: expected an object"},
        {BINDING("\"name\": \"n\", \"claims\": {\"roles\": \"x\"}"), "claims: expected a list"},
        {"{\"bindings\": [{" WHO "\"role\": \"admin\"}, {" WHO "\"role\": \"admin\"}]}", "binding 2 (n): name: another binding"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mr_error *error = NULL;
        if (bindings_parse(bad[i].text, strlen(bad[i].text), &error) != NULL)
            fail_msg("taken: %s", bad[i].text);
        assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        assert_says(error, bad[i].says, NULL);
    }
    struct mr_error *error = NULL;
    char *blanks = malloc(BINDINGS_FILE_MAX + 1);
    memset(blanks, ' ', BINDINGS_FILE_MAX + 1);
    assert_null(bindings_parse(blanks, BINDINGS_FILE_MAX + 1, &error));
    assert_says(error, "more than", NULL);
    free(blanks);
}

static void swallow(void *state, const struct log_line *line)
{
    *(int *)state += line->level == LOG_LEVEL_ERROR;
}

static void a_changed_bindings_file_counts_at_once_and_a_broken_one_does_not(void **state)
{
    static const char ADMIN[] = BINDING(WHO "\"role\": \"admin\""), NOBODY[] = "{\"bindings\": []}";
    struct scratch scratch;
    int errors = 0;
    (void)state;
    scratch_make(&scratch);
    struct mr_error *error = NULL;
    assert_null(bindings_file_open(scratch.path, &error));
    assert_says(error, scratch.path, NULL);
    error = NULL;
    file_put(scratch.path, "{");
    assert_null(bindings_file_open(scratch.path, &error));
    assert_says(error, "/file: line 1", NULL);
    file_put(scratch.path, ADMIN);
    struct bindings_file *file = bindings_file_open(scratch.path, NULL);
    struct bindings *before = bindings_file_current(file);
    log_sink_set(&(struct log_sink){swallow, &errors});
    file_put(scratch.path, "{");
    for (int i = 0; i < 3; i++) {
        struct bindings *same = bindings_file_current(file);
        assert_ptr_equal(same, before);
        bindings_drop(same);
    }
    assert_int_equal(errors, 1);
    file_put(scratch.path, NOBODY);
    struct bindings *after = bindings_file_current(file);
    assert_int_equal(bindings_count(after), 0);
    assert_int_equal(bindings_count(before), 1);
    log_sink_set(NULL);
    bindings_drop(before);
    bindings_drop(after);
    bindings_file_close(file);
    scratch_remove(&scratch);
}

static bool binds_nobody(void *file)
{
    struct bindings *bindings = bindings_file_current(file);
    size_t count = bindings_count(bindings);
    bindings_drop(bindings);
    return count == 0;
}

static void bindings_that_could_not_be_read_at_that_moment_count_a_little_later(void **state)
{
    struct scratch scratch;
    int errors = 0;
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, BINDING(WHO "\"role\": \"admin\""));
    struct bindings_file *file = bindings_file_open(scratch.path, NULL);
    file_put(scratch.path, "{\"bindings\": []}");
    log_sink_set(&(struct log_sink){swallow, &errors});
    struct rlimit before = descriptors_deny();
    assert_false(binds_nobody(file));
    descriptors_allow(before);
    assert_true(eventually(10000, binds_nobody, file));
    assert_int_equal(errors, 1);
    log_sink_set(NULL);
    bindings_file_close(file);
    scratch_remove(&scratch);
}

static int allocations_left;

static void *allocate_some(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* jansson takes some of these for mistakes in the file. */
static void want_of_memory_only_delays_a_change(void **state)
{
    struct scratch scratch;
    int errors = 0;
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, BINDING(WHO "\"role\": \"admin\""));
    struct bindings_file *file = bindings_file_open(scratch.path, NULL);
    file_put(scratch.path, "{\"bindings\": []}");
    log_sink_set(&(struct log_sink){swallow, &errors});
    json_set_alloc_funcs(allocate_some, free);
    allocations_left = 3;
    assert_false(binds_nobody(file));
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(errors, 1);
    assert_true(eventually(10000, binds_nobody, file));
    log_sink_set(NULL);
    bindings_file_close(file);
    scratch_remove(&scratch);
}

static bool read_rules(void *argument)
{
    struct mr_error *error = NULL;
    struct bindings *bindings = bindings_parse(RULES, strlen(RULES), &error);
    (void)argument;
    if (bindings == NULL)
        assert_int_equal(mr_error_code(error), MR_ERR_NO_MEMORY);
    mr_error_drop(error);
    bool worked = bindings != NULL;
    bindings_drop(bindings);
    return worked;
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    alloc_torture(read_rules, NULL);
}

static void identities_are_bounded_and_clean(void **state)
{
    struct identity *identity = somebody("u", NULL);
    char text[IDENTITY_TEXT_MAX + 1];
    size_t groups = 0;
    (void)state;
    while (identity_add_group(identity, "g"))
        groups++;
    assert_int_equal(groups, IDENTITY_GROUPS_MAX);
    identity_destroy(identity);
    memset(text, 'x', sizeof text);
    assert_true(identity_name_is_fit(text, IDENTITY_TEXT_MAX));
    assert_false(identity_name_is_fit(text, IDENTITY_TEXT_MAX + 1));
    assert_false(identity_name_is_fit("", 0));
    assert_false(identity_name_is_fit("a\x7f", 2));
    assert_false(identity_name_is_fit("\xc2\x85", 2));
    assert_true(identity_name_is_fit("\xc2\xa0\xe2\x82\xac", 5));
    assert_string_equal(identity_login_name(IDENTITY_CERTIFICATE), "certificate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_whole_texts),
        cmocka_unit_test(each_role_may_do_what_it_may_and_no_more),
        cmocka_unit_test(nobody_named_may_do_nothing),
        cmocka_unit_test(acts_on_the_whole_worker_need_the_role_alone),
        cmocka_unit_test(a_worker_looks_at_the_whole_worker_whatever_bindings_say),
        cmocka_unit_test(each_limit_is_asked),
        cmocka_unit_test(file_connectors_must_be_named_in_full),
        cmocka_unit_test(a_file_connector_keeps_to_the_files_of_its_binding),
        cmocka_unit_test(a_path_cannot_climb_out_of_a_reference),
        cmocka_unit_test(two_bindings_are_not_added_up),
        cmocka_unit_test(claims_bind_only_all_together),
        cmocka_unit_test(refusals_say_that_groups_are_lacking),
        cmocka_unit_test(a_name_counts_for_the_logins_of_its_binding_alone),
        cmocka_unit_test(bad_bindings_are_refused_by_their_place),
        cmocka_unit_test(a_changed_bindings_file_counts_at_once_and_a_broken_one_does_not),
        cmocka_unit_test(bindings_that_could_not_be_read_at_that_moment_count_a_little_later),
        cmocka_unit_test(want_of_memory_only_delays_a_change),
        cmocka_unit_test(every_failing_allocation_is_survived),
        cmocka_unit_test(identities_are_bounded_and_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
