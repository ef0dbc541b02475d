/* Who gets what: balance, few moves, home first, labels; over random clusters of one to seven workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/placement.h"
#include "coordination/assignment.h"
#include "coordination/unit_map.h"

#define WORKERS_MAX 7
#define UNITS_MAX 200
#define ROUNDS 3000

static const char *const ids[WORKERS_MAX] = {"a", "b", "c", "d", "e", "f", "g"};

struct cluster {
    struct assignment_worker workers[WORKERS_MAX];
    size_t worker_count;
    struct assignment_unit units[UNITS_MAX];
    size_t unit_count;
    char names[UNITS_MAX][16];
};

static uint64_t seed = 20261122;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % below;
}

static void draw_cluster(struct cluster *cluster, bool with_labels)
{
    size_t connectors = draw(15);

    *cluster = (struct cluster){.worker_count = 1 + draw(WORKERS_MAX)};
    for (size_t i = 0; i < cluster->worker_count; i++)
        cluster->workers[i] = (struct assignment_worker){ids[i], with_labels && draw(2) == 0 ? "disk=ssd,zone=1" : "zone=2",
                                                         true, true};
    for (size_t i = 0; i < connectors; i++) {
        int32_t tasks = (int32_t)draw(12);
        const char *selector = with_labels && draw(3) == 0 ? "disk=ssd" : NULL;

        for (int32_t task = UNIT_IS_CONNECTOR; task < tasks && cluster->unit_count < UNITS_MAX; task++) {
            struct assignment_unit *unit = &cluster->units[cluster->unit_count];
            char *name = cluster->names[cluster->unit_count++];

            snprintf(name, 16, "c%02zu", i);
            *unit = (struct assignment_unit){name, task, selector, 1, (int32_t)draw((uint32_t)cluster->worker_count + 1) - 1,
                                             (int32_t)draw((uint32_t)cluster->worker_count + 1) - 1, 77};
        }
    }
}

static bool is_task(const struct assignment_unit *unit)
{
    return unit->task != UNIT_IS_CONNECTOR;
}

static size_t load(const struct cluster *cluster, size_t worker, bool tasks, bool now)
{
    size_t count = 0;

    for (size_t i = 0; i < cluster->unit_count; i++)
        if (is_task(&cluster->units[i]) == tasks &&
            (now ? cluster->units[i].current : cluster->units[i].worker) == (int32_t)worker)
            count++;
    return count;
}

static void compute(struct cluster *cluster)
{
    assert_true(assignment_compute(cluster->workers, cluster->worker_count, cluster->units, cluster->unit_count));
}

static void workers_differ_by_one_at_most(void **state)
{
    static struct cluster cluster;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        draw_cluster(&cluster, false);
        compute(&cluster);
        for (int tasks = 0; tasks < 2; tasks++) {
            size_t most = 0, least = SIZE_MAX;

            for (size_t i = 0; i < cluster.worker_count; i++) {
                size_t carried = load(&cluster, i, tasks == 1, false);

                most = carried > most ? carried : most;
                least = carried < least ? carried : least;
            }
            assert_true(most - least <= 1);
        }
        for (size_t i = 0; i < cluster.unit_count; i++)
            assert_in_range(cluster.units[i].worker, 0, cluster.worker_count - 1);
    }
}

static int descending(const void *one, const void *other)
{
    size_t left = *(const size_t *)one, right = *(const size_t *)other;

    return (left < right) - (left > right);
}

/* The fewest units that have to leave their worker: the fullest workers may keep one more than the even share. */
static size_t fewest_moves(const struct cluster *cluster, bool tasks)
{
    size_t loads[WORKERS_MAX], total = 0, moves = 0;

    for (size_t i = 0; i < cluster->unit_count; i++)
        total += is_task(&cluster->units[i]) == tasks;
    for (size_t i = 0; i < cluster->worker_count; i++)
        loads[i] = load(cluster, i, tasks, true);
    qsort(loads, cluster->worker_count, sizeof(loads[0]), descending);
    for (size_t i = 0; i < cluster->worker_count; i++) {
        size_t cap = total / cluster->worker_count + (i < total % cluster->worker_count);

        moves += loads[i] > cap ? loads[i] - cap : 0;
    }
    return moves;
}

static void nothing_moves_without_need(void **state)
{
    static struct cluster cluster;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t moves[2] = {0, 0};

        draw_cluster(&cluster, false);
        compute(&cluster);
        for (size_t i = 0; i < cluster.unit_count; i++)
            if (cluster.units[i].current != ASSIGNMENT_NOWHERE && cluster.units[i].current != cluster.units[i].worker)
                moves[is_task(&cluster.units[i])]++;
        assert_int_equal(moves[0], fewest_moves(&cluster, false));
        assert_int_equal(moves[1], fewest_moves(&cluster, true));
    }
}

static void a_second_look_changes_nothing(void **state)
{
    static struct cluster cluster;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        draw_cluster(&cluster, round % 2 == 0);
        compute(&cluster);
        for (size_t i = 0; i < cluster.unit_count; i++)
            cluster.units[i].current = cluster.units[i].worker;
        compute(&cluster);
        for (size_t i = 0; i < cluster.unit_count; i++)
            assert_int_equal(cluster.units[i].current, cluster.units[i].worker);
    }
}

static void labels_are_kept_and_balance_holds_among_those_that_fit(void **state)
{
    static struct cluster cluster;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        draw_cluster(&cluster, true);
        compute(&cluster);
        for (size_t i = 0; i < cluster.unit_count; i++) {
            const struct assignment_unit *unit = &cluster.units[i];

            for (size_t other = 0; other < cluster.worker_count; other++) {
                if (!placement_fits(unit->selector, cluster.workers[other].labels))
                    continue;
                assert_int_not_equal(unit->worker, ASSIGNMENT_NOWHERE);
                assert_true(load(&cluster, (size_t)unit->worker, is_task(unit), false) <=
                            load(&cluster, other, is_task(unit), false) + 1);
            }
            if (unit->worker != ASSIGNMENT_NOWHERE)
                assert_true(placement_fits(unit->selector, cluster.workers[unit->worker].labels));
        }
    }
}

static void units_come_home_first(void **state)
{
    struct cluster cluster = {.worker_count = 2, .unit_count = 4};

    (void)state;
    for (size_t i = 0; i < 2; i++)
        cluster.workers[i] = (struct assignment_worker){ids[i], NULL, true, true};
    for (int32_t i = 0; i < 4; i++) /* all on a; 1 and 2 belong to b */
        cluster.units[i] = (struct assignment_unit){"c", i, NULL, 1, 0, i == 1 || i == 2, 0};
    compute(&cluster);
    for (int32_t i = 0; i < 4; i++)
        assert_int_equal(cluster.units[i].worker, i == 1 || i == 2);
    for (int32_t i = 0; i < 4; i++) /* nobody's now */
        cluster.units[i].current = ASSIGNMENT_NOWHERE;
    compute(&cluster);
    for (int32_t i = 0; i < 4; i++)
        assert_int_equal(cluster.units[i].worker, i == 1 || i == 2);
}

/* Could go home, fits there, and moves anyway. */
static bool is_kept_from_home(const struct cluster *cluster, const struct assignment_unit *unit)
{
    return unit->worker != ASSIGNMENT_NOWHERE && unit->worker != unit->current && unit->home != ASSIGNMENT_NOWHERE &&
           unit->home != unit->worker && placement_fits(unit->selector, cluster->workers[unit->home].labels);
}

/* Comes to the home of `unit`, which is not its own, and could as well go where that one goes. */
static bool has_its_place(const struct cluster *cluster, const struct assignment_unit *other, const struct assignment_unit *unit)
{
    return is_task(other) == is_task(unit) && other->worker == unit->home && other->worker != other->current &&
           other->home != other->worker && placement_fits(other->selector, cluster->workers[unit->worker].labels);
}

static void whoever_moves_goes_home_unless_the_balance_forbids_it(void **state)
{
    static struct cluster cluster;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        draw_cluster(&cluster, round % 2 == 0);
        compute(&cluster);
        for (size_t i = 0; i < cluster.unit_count; i++) {
            const struct assignment_unit *unit = &cluster.units[i];

            if (!is_kept_from_home(&cluster, unit))
                continue;
            assert_true(load(&cluster, (size_t)unit->home, is_task(unit), false) >=
                        load(&cluster, (size_t)unit->worker, is_task(unit), false));
            for (size_t other = 0; other < cluster.unit_count; other++)
                assert_false(has_its_place(&cluster, &cluster.units[other], unit));
        }
    }
}

/* A cluster as it was when all stood at home, whose last worker has come back empty. */
static void all_that_a_worker_had_comes_back_to_it(void **state)
{
    static struct cluster cluster;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        draw_cluster(&cluster, round % 2 == 0);
        compute(&cluster);
        for (size_t i = 0; i < cluster.unit_count; i++) {
            struct assignment_unit *unit = &cluster.units[i];

            unit->home = unit->worker;
            unit->current = unit->worker == (int32_t)cluster.worker_count - 1 ? ASSIGNMENT_NOWHERE : unit->worker;
        }
        compute(&cluster);
        for (size_t i = 0; i < cluster.unit_count; i++)
            assert_int_equal(cluster.units[i].worker, cluster.units[i].home);
    }
}

/* The order is the caller's duty: whatever order the facts came in, sorted they are the same, and so is what is made of them. */
static void the_same_facts_give_the_same_result(void **state)
{
    static struct cluster one, other;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        draw_cluster(&one, round % 2 == 0);
        other = one;
        for (size_t i = 0; i < other.unit_count; i++) { /* texts elsewhere, results of another time */
            snprintf(other.names[i], sizeof(other.names[i]), "%s", one.units[i].connector);
            other.units[i].connector = other.names[i];
            other.units[i].worker = (int32_t)draw((uint32_t)other.worker_count);
        }
        compute(&one);
        compute(&other);
        for (size_t i = 0; i < one.unit_count; i++)
            assert_int_equal(one.units[i].worker, other.units[i].worker);
    }
}

/* No unit could make the balance better elsewhere. */
static bool is_balanced(const struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->unit_count; i++) {
        const struct assignment_unit *unit = &cluster->units[i];

        for (size_t other = 0; unit->worker != ASSIGNMENT_NOWHERE && other < cluster->worker_count; other++)
            if (placement_fits(unit->selector, cluster->workers[other].labels) &&
                load(cluster, other, is_task(unit), false) + 1 < load(cluster, (size_t)unit->worker, is_task(unit), false))
                return false;
    }
    return true;
}

/* Each unit stands where it fits, none could make the balance better elsewhere; homes are anywhere. */
static void what_is_balanced_among_those_that_fit_stays(void **state)
{
    static struct cluster cluster;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        draw_cluster(&cluster, true);
        compute(&cluster);
        for (size_t i = 0; i < cluster.unit_count; i++) {
            struct assignment_unit *unit = &cluster.units[i], *other = &cluster.units[draw((uint32_t)cluster.unit_count)];
            int32_t worker = unit->worker;

            if (is_task(other) != is_task(unit) || worker == ASSIGNMENT_NOWHERE || other->worker == ASSIGNMENT_NOWHERE ||
                !placement_fits(unit->selector, cluster.workers[other->worker].labels) ||
                !placement_fits(other->selector, cluster.workers[worker].labels))
                continue;
            unit->worker = other->worker; /* another placement of the same loads */
            other->worker = worker;
        }
        for (size_t i = 0; i < cluster.unit_count; i++) {
            cluster.units[i].current = cluster.units[i].worker;
            cluster.units[i].home = (int32_t)draw((uint32_t)cluster.worker_count + 1) - 1;
        }
        if (!is_balanced(&cluster))
            continue;
        compute(&cluster);
        for (size_t i = 0; i < cluster.unit_count; i++)
            assert_int_equal(cluster.units[i].worker, cluster.units[i].current);
    }
}

static void a_worker_that_takes_nothing_new_keeps_what_it_has(void **state)
{
    struct cluster cluster = {.worker_count = 2, .unit_count = 6};

    (void)state;
    cluster.workers[0] = (struct assignment_worker){"a", NULL, false, true};
    cluster.workers[1] = (struct assignment_worker){"b", NULL, true, true};
    for (int32_t i = 0; i < 6; i++)
        cluster.units[i] = (struct assignment_unit){"c", i, NULL, 1, i == 0 ? 0 : ASSIGNMENT_NOWHERE, 0, 0};
    compute(&cluster);
    assert_int_equal(cluster.units[0].worker, 0);
    for (int32_t i = 1; i < 6; i++)
        assert_int_equal(cluster.units[i].worker, 1);
    cluster.workers[0].keeps_work = false; /* drains */
    compute(&cluster);
    assert_int_equal(cluster.units[0].worker, 1);
    cluster.workers[1].takes_work = false;
    cluster.units[0].current = ASSIGNMENT_NOWHERE;
    compute(&cluster);
    assert_int_equal(cluster.units[0].worker, ASSIGNMENT_NOWHERE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_differ_by_one_at_most),
        cmocka_unit_test(nothing_moves_without_need),
        cmocka_unit_test(a_second_look_changes_nothing),
        cmocka_unit_test(labels_are_kept_and_balance_holds_among_those_that_fit),
        cmocka_unit_test(what_is_balanced_among_those_that_fit_stays),
        cmocka_unit_test(the_same_facts_give_the_same_result),
        cmocka_unit_test(units_come_home_first),
        cmocka_unit_test(whoever_moves_goes_home_unless_the_balance_forbids_it),
        cmocka_unit_test(all_that_a_worker_had_comes_back_to_it),
        cmocka_unit_test(a_worker_that_takes_nothing_new_keeps_what_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
