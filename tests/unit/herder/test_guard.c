/* Whether a change may be made is asked in its turn: of what is really there, and of what shall really be. */
#include "rig.h"

/* First of all: the argument of guard and reply. */
struct asked {
    struct answer answer;
    bool refuses;
    int times;
    char present[20], next[20]; /* their option "extra"; "-": there is none */
};

static void note(char *text, size_t size, const struct string_map *config)
{
    snprintf(text, size, "%s", config == NULL ? "-" : string_map_get_or(config, "extra", "(none)"));
}

static bool guard(void *argument, const struct string_map *present, const struct string_map *next, char why[HERDER_WHY_SIZE])
{
    struct asked *asked = argument;

    asked->times++;
    note(asked->present, sizeof(asked->present), present);
    note(asked->next, sizeof(asked->next), next);
    snprintf(why, HERDER_WHY_SIZE, "not yours");
    return !asked->refuses;
}

static int told(struct asked *asked)
{
    return answered(&asked->answer);
}

static void expect_asked(const struct asked *asked, const char *present, const char *next)
{
    assert_int_equal(asked->times, 1);
    assert_string_equal(asked->present, present);
    assert_string_equal(asked->next, next);
}

static void ask_guarded(const char *name, const char *extra, bool must_be_new, struct asked *asked)
{
    struct string_map *config = string_map_create();

    string_map_put(config, "connector.class", "Source");
    string_map_put(config, "extra", extra);
    string_map_put(config, "name", name);
    herder_put_connector(
        rig.herder, &(struct herder_put_connector){.name = name, .config = config, .must_be_new = must_be_new, .guard = guard},
        take_answer, asked);
    string_map_destroy(config);
}

static void ask_guarded_put(const char *name, const char *extra, struct asked *asked)
{
    ask_guarded(name, extra, false, asked);
}

static void ask_guarded_patch(const char *name, const char *option, const char *value, struct asked *asked)
{
    struct string_map *changes = string_map_create();

    string_map_put(changes, option, value);
    herder_patch_connector(rig.herder, name, changes, guard, take_answer, asked);
    string_map_destroy(changes);
}

static bool is_stored(const char *name, const char *extra)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    const struct string_map *config = config_snapshot_config(snapshot, name);
    bool is = config != NULL && strcmp(string_map_get_or(config, "extra", ""), extra) == 0;

    config_snapshot_drop(snapshot);
    return is;
}

static void a_change_is_judged_by_what_its_forerunners_left(void **state)
{
    struct answer first;
    struct asked patch = {.refuses = false}, removal = {.refuses = true};

    (void)state;
    put("a", "1");
    rig_set(&rig.validation_hangs, true);
    ask_put("a", "2", false, &first);
    ask_guarded_patch("a", "other", "x", &patch); /* arrives while "1" is there, and changes "2" */
    herder_delete_connector(rig.herder, "a", guard, take_answer, &removal);
    assert_int_equal(patch.times, 0);
    rig_set(&rig.validation_hangs, false);
    assert_int_equal(answered(&first), 200);
    assert_int_equal(told(&patch), 200);
    expect_asked(&patch, "2", "2");
    assert_int_equal(told(&removal), 403);
    expect_asked(&removal, "2", "-");
    assert_true(is_stored("a", "2"));
}

static void what_is_refused_is_not_done_and_not_validated(void **state)
{
    struct asked create = {.refuses = true}, change = {.refuses = true}, patch = {.refuses = true};

    (void)state;
    rig_set(&rig.validation_hangs, true); /* a refusal does not wait for one */
    ask_guarded_put("a", "1", &create);
    assert_int_equal(told(&create), 403);
    assert_string_equal(create.answer.message, "not yours");
    expect_asked(&create, "-", "1");
    assert_false(is_stored("a", "1"));
    rig_set(&rig.validation_hangs, false);
    put("a", "1");
    ask_guarded_put("a", "2", &change);
    assert_int_equal(told(&change), 403);
    expect_asked(&change, "1", "2");
    ask_guarded_patch("a", "extra", "3", &patch);
    assert_int_equal(told(&patch), 403);
    expect_asked(&patch, "1", "3");
    assert_true(is_stored("a", "1"));
}

static void offsets_are_guarded_before_anything_is_waited_for(void **state)
{
    struct asked reset = {.refuses = true}, unknown = {.refuses = true};

    (void)state;
    put("a", "1");
    herder_change_offsets(rig.herder, &(struct herder_offsets){.verb = HERDER_OFFSETS_RESET, .connector = "a", .guard = guard}, take_answer,
                          &reset);
    assert_int_equal(told(&reset), 403);
    expect_asked(&reset, "1", "-");
    herder_change_offsets(rig.herder, &(struct herder_offsets){.verb = HERDER_OFFSETS_RESET, .connector = "b", .guard = guard}, take_answer,
                          &unknown);
    assert_int_equal(told(&unknown), 404);
    assert_int_equal(unknown.times, 0);
}

static void a_hidden_value_stands_for_the_stored_one(void **state)
{
    struct asked kept = {.refuses = false}, patch = {.refuses = false}, missing = {.refuses = false};

    (void)state;
    put("a", "swordfish");
    ask_guarded_put("a", "[hidden]", &kept);
    assert_int_equal(told(&kept), 200);
    expect_asked(&kept, "swordfish", "swordfish");
    ask_guarded_patch("a", "extra", "[hidden]", &patch);
    assert_int_equal(told(&patch), 200);
    expect_asked(&patch, "swordfish", "swordfish");
    assert_true(is_stored("a", "swordfish"));
    ask_guarded_put("b", "[hidden]", &missing);
    assert_int_equal(told(&missing), 400);
    assert_non_null(strstr(missing.answer.message, "extra is \"[hidden]\""));
    struct asked anew = {.refuses = false};
    ask_guarded("a", "[hidden]", true, &anew);
    assert_int_equal(told(&anew), 400); /* and so not validated with what is stored */
    assert_int_equal(anew.times, 0);
    assert_int_equal(put("b", "[hidden]"), 201); /* without a guard it is a text like others */
    assert_true(is_stored("b", "[hidden]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_is_judged_by_what_its_forerunners_left, standalone_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_is_not_done_and_not_validated, standalone_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(offsets_are_guarded_before_anything_is_waited_for, standalone_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_hidden_value_stands_for_the_stored_one, standalone_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
