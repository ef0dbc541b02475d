/* Whatever a plugin hands over, cut off or damaged: it is refused in words or read as it is meant, and nothing past its end is
 * ever looked at. Tables end where a page ends that is followed by one nobody may read. */
#include "loader_test.h"

#include <sys/mman.h>

#include <millrace/config_provider.h>
#include <millrace/connector.h>
#include <millrace/converter.h>
#include <millrace/override_policy.h>
#include <millrace/predicate.h>
#include <millrace/rest_extension.h>
#include <millrace/sink_task.h>
#include <millrace/source_task.h>
#include <millrace/transform.h>

#include "loader/loader_internal.h"

enum { ROOM = 4096, ALIGNMENT = sizeof(void *) };

/* The end of a page that may be read and written, with one behind it that may not. */
static char *edge(void)
{
    static char *pages;
    if (pages == NULL) {
        pages = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(pages != MAP_FAILED);
        assert_int_equal(0, mprotect(pages + ROOM, ROOM, PROT_NONE));
    }
    return pages + ROOM;
}

/* A text of one or two letters; it lies at the other end of that page, for who takes it for a table sees all of it. */
static const char *text_of(char first, char second)
{
    char *at = edge() - ROOM + ALIGNMENT * (unsigned char)first;
    memset(at, 0, ALIGNMENT);
    at[0] = first;
    at[1] = second;
    return at;
}

/* The first `size` bytes of a table, with nothing but the rest of a word behind them. It says that size itself. */
static void *cut(const void *table, size_t size)
{
    char *at = edge() - (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(at, 0xaa, (size_t)(edge() - at));
    memcpy(at, table, size);
    uint32_t said = (uint32_t)size;
    memcpy(at, &said, size < sizeof(said) ? size : sizeof(said));
    return at;
}

/* Every member of it points to something. */
static void fill(void *table, size_t size)
{
    const void *somewhere = text_of('t', '\0');
    for (size_t at = 0; at + sizeof(somewhere) <= size; at += sizeof(somewhere))
        memcpy((char *)table + at, &somewhere, sizeof(somewhere));
    uint32_t said = (uint32_t)size;
    memcpy(table, &said, sizeof(said));
}

static struct mr_source_task_ops source_task;
static struct mr_sink_task_ops sink_task;

static struct kind {
    enum mr_plugin_kind kind;
    size_t size, least; /* of its table: this worker's, and the shortest that holds what it needs */
    size_t task_at;     /* 0: no task table */
    void *task;
    size_t task_size;
    char table[512];
} kinds[] = {
    { MR_PLUGIN_SINK, sizeof(struct mr_sink_connector_ops), offsetof(struct mr_sink_connector_ops, task) + ALIGNMENT,
      offsetof(struct mr_sink_connector_ops, task), &sink_task, sizeof(sink_task), "" },
    { MR_PLUGIN_SOURCE, sizeof(struct mr_source_connector_ops), offsetof(struct mr_source_connector_ops, task) + ALIGNMENT,
      offsetof(struct mr_source_connector_ops, task), &source_task, sizeof(source_task), "" },
#define SIMPLE(kind, type, last) { kind, sizeof(struct type), offsetof(struct type, last) + ALIGNMENT, 0, NULL, 0, "" }
    SIMPLE(MR_PLUGIN_TRANSFORM, mr_transform_ops, destroy),
    SIMPLE(MR_PLUGIN_PREDICATE, mr_predicate_ops, destroy),
    SIMPLE(MR_PLUGIN_CONVERTER, mr_converter_ops, destroy),
    SIMPLE(MR_PLUGIN_HEADER_CONVERTER, mr_converter_ops, destroy),
    SIMPLE(MR_PLUGIN_CONFIG_PROVIDER, mr_config_provider_ops, destroy),
    SIMPLE(MR_PLUGIN_OVERRIDE_POLICY, mr_override_policy_ops, destroy),
    SIMPLE(MR_PLUGIN_REST_EXTENSION, mr_rest_extension_ops, filter),
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static int set_up(void **state)
{
    fill(&source_task, sizeof(source_task));
    fill(&sink_task, sizeof(sink_task));
    source_task.flags = sink_task.flags = 0;
    for (size_t i = 0; i < KINDS; i++) {
        fill(kinds[i].table, kinds[i].size);
        if (kinds[i].task_at != 0)
            memcpy(kinds[i].table + kinds[i].task_at, &kinds[i].task, sizeof(void *));
        if (kinds[i].kind == MR_PLUGIN_REST_EXTENSION)
            ((struct mr_rest_extension_ops *)(void *)kinds[i].table)->prefix = text_of('/', 'a');
    }
    *state = load(NULL);
    return 0;
}

static int tear_down(void **state)
{
    loader_destroy(*state);
    return 0;
}

static bool check(const struct kind *kind, const void *table)
{
    struct why why = { "" };
    bool is_good = ops_check(kind->kind, table, &why);
    assert_true(is_good || strlen(why.text) > 0);
    return is_good;
}

/* What was there is there, and what was not is NULL. */
static void assert_copy(struct loader *loader, const struct kind *kind, const void *table, size_t size)
{
    static const char nothing[512];
    const char *copy = ops_copy(loader, kind->kind, table);
    uint32_t said;
    assert_non_null(copy);
    memcpy(&said, copy, sizeof(said));
    assert_int_equal(kind->size, said);
    assert_memory_equal(copy + ALIGNMENT, (const char *)table + ALIGNMENT,
                        (kind->task_at != 0 ? kind->task_at : size) - ALIGNMENT);
    assert_memory_equal(copy + size, nothing, kind->size - size);
}

static void every_cut_of_a_table_is_refused_or_read_as_null(void **state)
{
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t size = 0; size <= kinds[i].size; size++) {
            const void *table = cut(kinds[i].table, size);
            bool is_whole = size >= kinds[i].least && size % ALIGNMENT == 0;
            assert_int_equal(is_whole, check(&kinds[i], table));
            if (is_whole)
                assert_copy(*state, &kinds[i], table, size);
        }
    }
}

static void every_cut_of_a_task_table_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; kinds[i].task_at != 0; i++) {
        for (size_t size = 0; size <= kinds[i].task_size; size++) {
            void *table = cut(kinds[i].task, size);
            memcpy(kinds[i].table + kinds[i].task_at, &table, sizeof(table));
            assert_int_equal(size == kinds[i].task_size, check(&kinds[i], kinds[i].table));
        }
    }
}

static void a_table_that_says_more_than_it_holds_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t size = sizeof(uint32_t); size < kinds[i].size; size += ALIGNMENT) {
            void *table = cut(kinds[i].table, size);
            uint32_t said = (uint32_t)kinds[i].size;
            memcpy(table, &said, sizeof(said));
            if (edge() - (char *)table < (ptrdiff_t)kinds[i].size)
                assert_false(check(&kinds[i], table));
        }
    }
}

/* Modules --------------------------------------------------------------------------------------------------------- */

/* One plugin of each kind, in memory that may be damaged. */
struct exhibit {
    struct mr_module module;
    const struct mr_plugin *list[KINDS];
    struct mr_plugin plugins[KINDS];
    struct mr_config_def def;
    struct mr_config_row rows[2];
    const char *aliases[2], *dependents[2];
    struct mr_source_task_ops source_task;
    struct mr_sink_task_ops sink_task;
    char tables[KINDS][128]; /* with all of it the texts at the other end of the page have room */
};

static struct exhibit *exhibit(void)
{
    struct exhibit *all = (struct exhibit *)(edge() - sizeof(*all));
    const char *text = text_of('t', 't');
    memset(all, 0, sizeof(*all));
    all->module = (struct mr_module)MR_MODULE(text, all->list);
    all->rows[0] = (struct mr_config_row){ .name = text_of('n', 'a'), .type = MR_CONFIG_INT, .importance = MR_LOW,
                                           .default_text = text_of('7', '\0'), .dependents = all->dependents };
    all->rows[1] = (struct mr_config_row){ .name = text_of('o', 'b'), .type = MR_CONFIG_LIST, .importance = MR_LOW,
                                           .default_text = text_of('a', ','), .doc = text, .group = text };
    all->def = (struct mr_config_def)MR_CONFIG_DEF(all->rows);
    all->aliases[0] = all->dependents[0] = text;
    all->source_task = source_task;
    all->sink_task = sink_task;
    for (size_t i = 0; i < KINDS; i++) {
        memcpy(all->tables[i], kinds[i].table, kinds[i].size);
        const void *task = kinds[i].task == &source_task ? (void *)&all->source_task : (void *)&all->sink_task;
        if (kinds[i].task_at != 0)
            memcpy(all->tables[i] + kinds[i].task_at, &task, sizeof(task));
        all->plugins[i] = (struct mr_plugin){ .size = sizeof(struct mr_plugin), .kind = kinds[i].kind, .class_name = text,
                                              .version = text, .doc = text, .config_def = &all->def,
                                              .ops = all->tables[i], .aliases = all->aliases };
        all->list[i] = &all->plugins[i];
    }
    return all;
}

static bool check_module(const struct mr_module *module)
{
    struct why why = { "" };
    bool is_good = module_check(module, &why);
    assert_true(is_good || strlen(why.text) > 0);
    return is_good;
}

static void every_cut_of_a_module_or_plugin_is_refused_or_goes_without_aliases(void **state)
{
    (void)state;
    assert_true(check_module(&exhibit()->module));
    for (uint32_t size = 0; size < 2 * sizeof(struct mr_plugin); size++) {
        struct exhibit *all = exhibit();
        bool is_plugin = size % ALIGNMENT == 0 && size <= sizeof(struct mr_plugin) &&
                         size >= offsetof(struct mr_plugin, ops) + ALIGNMENT;
        all->plugins[3].size = size;
        assert_int_equal(is_plugin, check_module(&all->module));
        all = exhibit();
        all->module.size = size;
        assert_int_equal(size == sizeof(struct mr_module), check_module(&all->module));
        all = exhibit();
        all->def.size = size;
        assert_int_equal(size == sizeof(struct mr_config_def), check_module(&all->module));
        all = exhibit();
        all->def.row_size = size;
        assert_int_equal(size == sizeof(struct mr_config_row), check_module(&all->module));
    }
}

static uint64_t random_number(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 16;
}

static uint64_t damage(uint64_t *seed)
{
    switch (random_number(seed) % 7) {
    case 0: return 0;
    case 1: return random_number(seed) % 300;
    case 2: return random_number(seed) << 16 | random_number(seed);
    case 3: return UINT64_MAX;
    case 4: return (uintptr_t)edge();
    case 5: return (uintptr_t)edge() - random_number(seed) % 64;
    default: return (uintptr_t)edge() - random_number(seed) % sizeof(struct exhibit) / ALIGNMENT * ALIGNMENT;
    }
}

/* What is called while a file is loaded has to be believed: there is no telling a function from other memory. */
static bool is_function_of_a_row(const struct exhibit *all, const char *at)
{
    ptrdiff_t into = at - (const char *)all->rows;
    if (into < 0 || (size_t)into >= sizeof(all->rows))
        return false;
    size_t member = (size_t)into % sizeof(all->rows[0]);
    return member == offsetof(struct mr_config_row, validator) || member == offsetof(struct mr_config_row, recommender);
}

static void damaged_modules_are_refused_or_copied_as_they_are(void **state)
{
    uint64_t seed = 20260401;
    size_t accepted = 0, rounds = 2000;
    for (size_t round = 0; round < rounds; round++) {
        struct exhibit *all = exhibit();
        for (size_t hits = 1 + random_number(&seed) % 3; hits > 0; hits--) {
            char *at = (char *)all + random_number(&seed) % (sizeof(*all) / sizeof(uint64_t)) * sizeof(uint64_t);
            uint64_t word = damage(&seed);
            if (!is_function_of_a_row(all, at))
                memcpy(at, &word, sizeof(word));
        }
        if (!check_module(&all->module))
            continue;
        accepted++;
        for (size_t i = 0; i < all->module.plugin_count; i++) {
            const struct mr_plugin *plugin = all->module.plugins[i];
            assert_non_null(ops_copy(*state, plugin->kind, plugin->ops));
            assert_non_null(options_copy(*state, plugin->config_def));
        }
    }
    assert_in_range(accepted, rounds / 100, rounds - rounds / 100); /* both are tried */
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_cut_of_a_table_is_refused_or_read_as_null),
        test(every_cut_of_a_task_table_is_refused),
        test(a_table_that_says_more_than_it_holds_is_refused),
        test(every_cut_of_a_module_or_plugin_is_refused_or_goes_without_aliases),
        test(damaged_modules_are_refused_or_copied_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
