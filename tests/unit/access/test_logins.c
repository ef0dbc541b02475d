/* HTTP Basic: headers, the hashed file, the JVM's JAAS file. The hashes were written by mkpasswd and htpasswd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access/basic.h"
#include "access/identity.h"
#include "access/login_file.h"
#include "access/login_users_internal.h"
#include "access_test.h"
#include "base/base64.h"
#include "base/log_sink.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "support/alloc_torture.h"
#include "support/descriptors.h"
#include "support/eventually.h"

/* All of the password "secret". */
#define BCRYPT "$2y$04$H50y.1HDkBCJdLoUGUw9rOJI1AI0pUXRA6QtUV6oIP5vSgxyWPtq6"
#define SHA512 \
    "$6$rounds=1000$fw3T.G8N5KZ/DKBm$M3iaK7oucX4Id1Lxh4QMlzhiSsm9VSJ4w3Q7Q7rGpS4xorBRh2gt4/jBXbRpJjzZ.vTFMXWcmkJQyb3dWLKB8/"
#define YESCRYPT "$y$j75$o72OaN/Jel/eVbIgzOh5f.$NeYFlrvOIM3uRgEE49KKqiwn.5HsSIayVU4eujzh.UA"
#define GOST "$gy$j9T$Taf5rdciV5lmRK9FJFBx10$dT/zEo2q2kCKu2naguisNqNcj6z6aJg4C741HtAG3m1"
#define SCRYPT "$7$BU..../....Rz9Lfv9baET.RoHZ1XvK31$25E3hfBsDzqQ.oQ2Y.ZZdNZrF44QK54gJ6oxUr69863"
#define MODULE "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"

static enum login_result check(struct login_file *file, const char *user, const char *password, struct identity **identity)
{
    char name[300], word[700];
    snprintf(name, sizeof name, "%s", user);
    snprintf(word, sizeof word, "%s", password);
    struct basic_credentials credentials = {name, word};
    return login_file_check(file, &credentials, identity);
}

static void assert_accepted(struct login_file *file, const char *user, const char *password)
{
    struct identity *identity = NULL;
    assert_int_equal(check(file, user, password, &identity), LOGIN_ACCEPTED);
    assert_string_equal(identity->name, user);
    identity_destroy(identity);
}

static void assert_refused(struct login_file *file, const char *user, const char *password)
{
    struct identity *identity = NULL;
    assert_int_equal(check(file, user, password, &identity), LOGIN_REFUSED);
    assert_null(identity);
}

/* ---- headers ---- */

static bool parse_pair(struct basic_credentials *credentials, const char *scheme, const void *pair, size_t length)
{
    char header[8192];
    size_t at = (size_t)snprintf(header, sizeof header, "%s", scheme);
    at += base64_encode(pair, length, header + at);
    header[at] = '\0';
    return basic_parse(credentials, header);
}

static void a_header_gives_user_and_password(void **state)
{
    struct basic_credentials credentials;
    (void)state;
    assert_true(parse_pair(&credentials, "bAsIc   ", "j\xc3\xbcrg:a:b", 9));
    assert_string_equal(credentials.user, "j\xc3\xbcrg");
    assert_string_equal(credentials.password, "a:b");
    basic_release(&credentials);
    assert_true(parse_pair(&credentials, "Basic ", "u:", 2));
    assert_string_equal(credentials.password, "");
    basic_release(&credentials);
}

static void a_malformed_header_is_no_login(void **state)
{
    static const struct {
        const char *pair;
        size_t length;
    } bad[] = {{"", 0}, {"user", 4}, {":secret", 7}, {"u\0x:secret", 10}, {"u:se\0cret", 9}, {"u\n:x", 4}, {"\xff:x", 3}};
    static const char *const headers[] = {"", "Basic", "Basic ", "Basic !!!!", "Basic dTpw=", "Bearer dTpw", "dTpw", "Basic dTpw dTpw"};
    char longest[4000];
    struct basic_credentials credentials;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(parse_pair(&credentials, "Basic ", bad[i].pair, bad[i].length));
        assert_null(credentials.user);
        assert_null(credentials.password);
    }
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_false(basic_parse(&credentials, headers[i]));
    memset(longest, 'a', sizeof longest);
    longest[1] = ':';
    assert_true(parse_pair(&credentials, "Basic ", longest, 2 + BASIC_PASSWORD_MAX));
    basic_release(&credentials);
    assert_false(parse_pair(&credentials, "Basic ", longest, 3 + BASIC_PASSWORD_MAX));
    assert_false(parse_pair(&credentials, "Basic ", longest, sizeof longest));
}

/* ---- the hashed file ---- */

static void the_hashes_of_the_usual_tools_are_understood(void **state)
{
    struct scratch scratch;
    struct mr_error *error = NULL;
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, "# people\r\n\nb:" BCRYPT "\r\ns:" SHA512 ":all\ny:" YESCRYPT "\ng:" GOST "\nc:" SCRYPT);
    struct login_file *file = login_file_open_hashed(scratch.path, &error);
    if (file == NULL)
        fail_msg("%s", mr_error_message(error));
    for (const char *user = "bsygc"; *user != '\0'; user++) {
        char name[2] = {*user, '\0'};
        assert_refused(file, name, "Secret");
        assert_accepted(file, name, "secret");
        assert_accepted(file, name, "secret");
        assert_refused(file, name, "secre");
        assert_refused(file, name, "");
    }
    login_file_close(file);
    scratch_remove(&scratch);
}

static void groups_are_those_of_the_line(void **state)
{
    struct scratch scratch;
    struct identity *identity = NULL;
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, "alice:" BCRYPT ":orders-devs, Domain Users\nbob:" BCRYPT "\n");
    struct login_file *file = login_file_open_hashed(scratch.path, NULL);
    for (int round = 0; round < 2; round++) { /* hashed, then remembered */
        assert_int_equal(check(file, "alice", "secret", &identity), LOGIN_ACCEPTED);
        assert_int_equal(identity->login, IDENTITY_PASSWORD);
        assert_int_equal(identity->groups.count, 2);
        assert_true(identity_has_group(identity, "orders-devs"));
        assert_true(identity_has_group(identity, "Domain Users"));
        assert_false(identity_has_group(identity, "domain users"));
        identity_destroy(identity);
    }
    login_file_close(file);
    scratch_remove(&scratch);
}

static void an_unknown_user_is_refused_like_a_wrong_password(void **state)
{
    struct scratch scratch;
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, "alice:" BCRYPT "\n");
    struct login_file *file = login_file_open_hashed(scratch.path, NULL);
    assert_refused(file, "mallory", "secret"); /* the decoy is alice's hash: to match it is not to get in */
    assert_refused(file, "mallory", "secret");
    assert_refused(file, "Alice", "secret");
    assert_refused(file, "alice ", "secret");
    login_file_close(file);
    scratch_remove(&scratch);
}

static void a_changed_file_is_read_again(void **state)
{
    struct scratch scratch;
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, "alice:" BCRYPT "\nbob:" BCRYPT "\n");
    struct login_file *file = login_file_open_hashed(scratch.path, NULL);
    assert_accepted(file, "alice", "secret");
    file_put(scratch.path, "bob:" SHA512 "\ncarol:" BCRYPT "\n");
    assert_refused(file, "alice", "secret"); /* also what was remembered is gone */
    assert_accepted(file, "bob", "secret");
    assert_accepted(file, "carol", "secret");
    login_file_close(file);
    scratch_remove(&scratch);
}

struct heard {
    char text[2000], warned[2000];
    int errors;
};

static void hear(void *state, const struct log_line *line)
{
    struct heard *heard = state;
    if (line->level == LOG_LEVEL_ERROR) {
        snprintf(heard->text, sizeof heard->text, "%s", line->message);
        heard->errors++;
    }
    if (line->level == LOG_LEVEL_WARN)
        snprintf(heard->warned, sizeof heard->warned, "%s", line->message);
}

static void a_file_that_breaks_is_logged_once_and_the_last_good_one_counts(void **state)
{
    struct scratch scratch;
    struct heard heard = {.errors = 0};
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, "alice:" BCRYPT "\n");
    struct login_file *file = login_file_open_hashed(scratch.path, NULL);
    log_sink_set(&(struct log_sink){hear, &heard});
    file_put(scratch.path, "bob:" BCRYPT "\nalice:hidden\n");
    assert_accepted(file, "alice", "secret");
    assert_refused(file, "bob", "secret");
    assert_int_equal(heard.errors, 1);
    assert_non_null(strstr(heard.text, scratch.path));
    assert_non_null(strstr(heard.text, "line 2"));
    assert_null(strstr(heard.text, "hidden"));
    unlink(scratch.path);
    assert_accepted(file, "alice", "secret");
    assert_accepted(file, "alice", "secret");
    assert_int_equal(heard.errors, 2);
    file_put(scratch.path, "bob:" BCRYPT "\n");
    assert_accepted(file, "bob", "secret");
    assert_refused(file, "alice", "secret");
    log_sink_set(NULL);
    login_file_close(file);
    scratch_remove(&scratch);
}

static bool bob_may_log_in(void *file)
{
    struct identity *identity = NULL;
    bool may = check(file, "bob", "secret", &identity) == LOGIN_ACCEPTED;
    identity_destroy(identity);
    return may;
}

static void a_file_that_could_not_be_read_at_that_moment_counts_a_little_later(void **state)
{
    struct scratch scratch;
    struct heard heard = {.errors = 0};
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, "alice:" BCRYPT "\n");
    struct login_file *file = login_file_open_hashed(scratch.path, NULL);
    file_put(scratch.path, "bob:" BCRYPT "\n");
    log_sink_set(&(struct log_sink){hear, &heard});
    struct rlimit before = descriptors_deny();
    assert_accepted(file, "alice", "secret");
    assert_refused(file, "bob", "secret");
    descriptors_allow(before);
    assert_int_equal(heard.errors, 1);
    assert_true(eventually(10000, bob_may_log_in, file));
    assert_refused(file, "alice", "secret");
    assert_int_equal(heard.errors, 1);
    log_sink_set(NULL);
    login_file_close(file);
    scratch_remove(&scratch);
}

static struct login_file *open_jaas(const struct scratch *scratch, const char *passwords, struct mr_error **error)
{
    char jaas[400];
    snprintf(jaas, sizeof jaas, "KafkaConnect {\n  " MODULE " required\n  file=\"%s\";\n};\n", scratch->other);
    file_put(scratch->path, jaas);
    file_put(scratch->other, passwords);
    return login_file_open_jaas(scratch->path, error);
}

static void whoever_empties_a_file_takes_all_logins_away(void **state)
{
    static const char *const NOBODY[] = {"", "# nobody\n\n"};
    struct scratch scratch;
    struct heard heard = {.errors = 0};
    (void)state;
    scratch_make(&scratch);
    log_sink_set(&(struct log_sink){hear, &heard});
    for (size_t i = 0; i < 2; i++) {
        file_put(scratch.path, "alice:" BCRYPT "\n");
        struct login_file *file = login_file_open_hashed(scratch.path, NULL);
        assert_accepted(file, "alice", "secret");
        file_put(scratch.path, NOBODY[i]);
        assert_refused(file, "alice", "secret");
        assert_refused(file, "bob", "secret");
        assert_non_null(strstr(heard.warned, "nobody may log in"));
        login_file_close(file);
        struct login_file *plain = open_jaas(&scratch, "alice=secret\n", NULL);
        assert_accepted(plain, "alice", "secret");
        file_put(scratch.other, NOBODY[i]);
        assert_refused(plain, "alice", "secret");
        login_file_close(plain);
    }
    assert_int_equal(heard.errors, 0);
    log_sink_set(NULL);
    scratch_remove(&scratch);
}

static void bad_files_are_refused_by_their_line(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"hidden\n", "line 1: expected user:hash"},
        {"\n# x\nu:hidden\n", "line 3: the password is not hashed by"},
        {"u:\n", "line 1: the user has no hash"},
        {"u::group\n", "line 1: the user has no hash"},
        {":" BCRYPT "\n", "line 1: the name of the user"},
        {"\xff:" BCRYPT "\n", "line 1: the name of the user"},
        {"a\tb:" BCRYPT "\n", "line 1: the name of the user"},
        {"u:" BCRYPT "\nu:" SHA512 "\n", "line 2: this user has a line above"},
        {"u:" BCRYPT ":a,,b\n", "line 1: the name of a group"},
        {"u:" BCRYPT ":\n", "line 1: the name of a group"},
        {"u:" BCRYPT " \n", "line 1: the hash holds a character"},
        {"u:" BCRYPT "x\n", "line 1: the bcrypt hash is cut"},
        {"u:$2y$04$hidden\n", "line 1: the bcrypt hash is cut"},
        {"u:$2y$31$H50y.1HDkBCJdLoUGUw9rOJI1AI0pUXRA6QtUV6oIP5vSgxyWPtq6\n", "line 1: the bcrypt cost"},
        {"u:$6$rounds=999999999$abc$hidden\n", "line 1: the rounds"},
        {"u:$6$rounds=99999999999999999999999$abc$hidden\n", "line 1: the sha512crypt hash"},
        {"u:$6$abc$hidden\n", "line 1: the sha512crypt hash"},
        {"u:$6$\n", "line 1: the sha512crypt hash"},
        {"u:$y$j9T$abc$hidden\n", "line 1: the yescrypt"},
        {"u:$apr1$zvjcK2pp$UIkHiAtr3f/Wvf0kDbctw.\n", "htpasswd -B"},
        {"u:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", "htpasswd -B"},
        {"u:$1$0kr6z3Bd$b.srrad5RznS7uIfRuIDp0\n", "htpasswd -B"},
    };
    struct scratch scratch;
    (void)state;
    scratch_make(&scratch);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mr_error *error = NULL;
        file_put(scratch.path, bad[i].text);
        if (login_file_open_hashed(scratch.path, &error) != NULL)
            fail_msg("taken: %s", bad[i].text);
        assert_non_null(strstr(mr_error_message(error), scratch.path));
        assert_null(strstr(mr_error_message(error), "UIkH"));
        assert_says(error, bad[i].says, "hidden");
    }
    struct mr_error *error = NULL;
    assert_null(login_file_open_hashed(scratch.other, &error));
    assert_says(error, scratch.other, NULL);
    scratch_remove(&scratch);
}

static void a_file_has_an_end(void **state)
{
    struct scratch scratch;
    struct mr_error *error = NULL;
    char why[200], *text = malloc(LOGIN_FILE_MAX + 2);
    size_t at = 0;
    (void)state;
    scratch_make(&scratch);
    memset(text, '#', LOGIN_FILE_MAX + 1);
    text[LOGIN_FILE_MAX + 1] = '\0';
    file_put(scratch.path, text);
    assert_null(login_file_open_hashed(scratch.path, &error));
    assert_says(error, scratch.path, NULL);
    for (int i = 0; i <= LOGIN_USERS_MAX; i++)
        at += (size_t)sprintf(text + at, "u%d:%s\n", i, BCRYPT);
    assert_null(login_users_parse_hashed(text, at, why, sizeof why));
    assert_non_null(strstr(why, "line 10001: there are more than 10000 users"));
    free(text);
    scratch_remove(&scratch);
}

static void *log_in_often(void *argument)
{
    for (int i = 0; i < 40; i++)
        assert_accepted(argument, "alice", "secret");
    return NULL;
}

static void many_may_log_in_while_the_file_changes(void **state)
{
    struct scratch scratch;
    pthread_t threads[3];
    char why[200], text[300];
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, "alice:" BCRYPT "\n");
    struct login_file *file = login_file_open_hashed(scratch.path, NULL);
    for (size_t i = 0; i < 3; i++)
        assert_true(thread_start(&threads[i], &(struct thread_setup){"login", log_in_often, file, 0}, why, sizeof why));
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "user%d:%s\nalice:%s\n", i, BCRYPT, BCRYPT);
        file_put(scratch.path, text);
    }
    for (size_t i = 0; i < 3; i++)
        thread_join(threads[i]);
    assert_accepted(file, "user9", "secret");
    login_file_close(file);
    scratch_remove(&scratch);
}

/* ---- the JVM's ---- */

static void the_jaas_file_of_the_jvm_lets_its_users_in(void **state)
{
    struct scratch scratch;
    struct identity *identity = NULL;
    (void)state;
    scratch_make(&scratch);
    struct login_file *file = open_jaas(&scratch, "user=password\n# x\nuser1 : pass word1\nj\xfcrg=\\u00fc\nempty=\n", NULL);
    assert_non_null(file);
    assert_int_equal(check(file, "user", "password", &identity), LOGIN_ACCEPTED);
    assert_int_equal(identity->login, IDENTITY_JAAS);
    assert_int_equal(identity->groups.count, 0);
    identity_destroy(identity);
    assert_accepted(file, "user", "password");
    assert_accepted(file, "user1", "pass word1");
    assert_accepted(file, "j\xc3\xbcrg", "\xc3\xbc");
    assert_accepted(file, "empty", "");
    assert_refused(file, "user", "password ");
    assert_refused(file, "user", "");
    assert_refused(file, "nobody", "");
    assert_refused(file, "nobody", "password");
    file_put(scratch.other, "user=changed\n");
    assert_refused(file, "user", "password");
    assert_accepted(file, "user", "changed");
    login_file_close(file);
    scratch_remove(&scratch);
}

static void an_empty_file_of_passwords_lets_nobody_in(void **state)
{
    struct scratch scratch;
    struct mr_error *error = NULL;
    (void)state;
    scratch_make(&scratch);
    struct login_file *file = open_jaas(&scratch, "", &error);
    assert_non_null(file);
    assert_refused(file, "user", "");
    login_file_close(file);
    assert_null(open_jaas(&scratch, "hidden=\\uZZZZ\n", &error));
    assert_says(error, "line 1", "hidden");
    scratch_remove(&scratch);
}

static void bad_jaas_files_are_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "no context KafkaConnect"},
        {"KafkaClient { " MODULE " required file=\"/x\"; };", "no context KafkaConnect"},
        {"KafkaConnect { org.example.LdapLoginModule required password=\"hidden\"; };", "org.example.LdapLoginModule"},
        {"KafkaConnect { " MODULE " required; };", "names no file"},
        {"KafkaConnect { " MODULE " required file=\" \"; };", "names no file"},
        {"KafkaConnect { " MODULE " required file=\"${hidden}/x\"; };", "system properties"},
        {"KafkaConnect { " MODULE " required file=\"/nonexistent/x\"; };", "/nonexistent/x"},
        {"KafkaConnect { " MODULE " required\n file=\"hidden", "line 2"},
    };
    struct scratch scratch;
    (void)state;
    scratch_make(&scratch);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mr_error *error = NULL;
        file_put(scratch.path, bad[i].text);
        if (login_file_open_jaas(scratch.path, &error) != NULL)
            fail_msg("taken: %s", bad[i].text);
        assert_says(error, bad[i].says, "hidden");
    }
    scratch_remove(&scratch);
}

/* ---- no memory ---- */

static bool log_in_twice(void *argument)
{
    struct mr_error *error = NULL;
    bool worked = true;
    struct login_file *file = login_file_open_hashed(argument, &error);
    if (file == NULL) {
        mr_error_drop(error);
        return false;
    }
    for (int round = 0; round < 2; round++) {
        struct identity *identity = NULL;
        enum login_result result = check(file, "s", "secret", &identity);
        assert_true(result == LOGIN_ACCEPTED || result == LOGIN_FAILED);
        worked = worked && result == LOGIN_ACCEPTED;
        identity_destroy(identity);
    }
    login_file_close(file);
    return worked;
}

static void every_failing_allocation_is_survived(void **state)
{
    struct scratch scratch;
    (void)state;
    scratch_make(&scratch);
    file_put(scratch.path, "b:" BCRYPT "\ns:" BCRYPT ":one,two\n");
    alloc_torture(log_in_twice, scratch.path);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_gives_user_and_password),
        cmocka_unit_test(a_malformed_header_is_no_login),
        cmocka_unit_test(the_hashes_of_the_usual_tools_are_understood),
        cmocka_unit_test(groups_are_those_of_the_line),
        cmocka_unit_test(an_unknown_user_is_refused_like_a_wrong_password),
        cmocka_unit_test(a_changed_file_is_read_again),
        cmocka_unit_test(a_file_that_breaks_is_logged_once_and_the_last_good_one_counts),
        cmocka_unit_test(a_file_that_could_not_be_read_at_that_moment_counts_a_little_later),
        cmocka_unit_test(whoever_empties_a_file_takes_all_logins_away),
        cmocka_unit_test(bad_files_are_refused_by_their_line),
        cmocka_unit_test(a_file_has_an_end),
        cmocka_unit_test(many_may_log_in_while_the_file_changes),
        cmocka_unit_test(the_jaas_file_of_the_jvm_lets_its_users_in),
        cmocka_unit_test(an_empty_file_of_passwords_lets_nobody_in),
        cmocka_unit_test(bad_jaas_files_are_refused),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
