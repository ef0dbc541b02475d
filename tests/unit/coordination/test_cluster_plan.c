/*
 * A simulated cluster: workers join, leave, drain, die, seen or unseen, and come back, read late and are found unfit, work comes and
 * goes, with labels or without, leaders die between any two records.
 * After each step nothing may run twice; when all is quiet everything runs, evenly, and a further look changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cluster_sim.h"
#include "coordination/cluster_plan.h"
#include "support/alloc_torture.h"

static void something_happens(void)
{
    struct fake_worker *worker = &sim.workers[draw(WORKERS)];
    int connector = (int)draw(CONNECTORS);

    switch (draw(13)) {
    case 0:
    case 1:
        if (!worker->is_up)
            start_worker(worker);
        break;
    case 2:
        kill_worker(worker);
        break;
    case 3: /* killed and back before anybody looks */
        if (worker->is_up) {
            kill_worker(worker);
            start_worker(worker);
        }
        break;
    case 4:
        worker->leaves = worker->is_up;
        break;
    case 5:
        worker->drains = worker->is_up && !worker->drains;
        break;
    case 6:
        if (worker->is_up)
            end_unseen(worker);
        break;
    case 7: /* the group knows now */
        if (worker->is_gone)
            kill_worker(worker);
        break;
    case 8:
        worker->is_late = !worker->is_late;
        break;
    case 9:
        worker->is_unfit = !worker->is_unfit;
        break;
    default:
        sim.tasks[connector] = (int)draw(TASKS_MAX + 2) - 1;
        break;
    }
}

/* In every other run some workers have a label, and some connectors ask for it. */
static void put_labels(bool some)
{
    for (int i = 0; i < WORKERS; i++)
        sim.workers[i].labels = some && draw(2) == 0 ? "disk=ssd" : NULL;
    for (int i = 0; i < CONNECTORS; i++)
        sim.selectors[i] = some && draw(3) == 0 ? "disk=ssd" : NULL;
}

/* Those that leave are gone by then, and the group knows of all who are; nobody is late any more. */
static void let_all_be_known(void)
{
    for (int i = 0; i < WORKERS; i++) {
        if (sim.workers[i].leaves || sim.workers[i].is_gone)
            kill_worker(&sim.workers[i]);
        sim.workers[i].is_late = sim.workers[i].is_unfit = false;
    }
}

static void whatever_happens_nothing_runs_twice_and_all_runs_in_the_end(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        sim_init(seed);
        put_labels(seed % 2 == 0);
        start_worker(&sim.workers[draw(WORKERS)]);
        for (int step = 0; step < 60; step++) {
            something_happens();
            if (draw(4) == 0)
                lead(draw(4), NULL); /* a leader that dies in the midst of its records */
            else if (draw(3) != 0)
                lead(SIZE_MAX, NULL);
            if (draw(3) == 0)
                new_leader();
            if (draw(2) == 0)
                step_all(true);
            nothing_runs_twice();
        }
        let_all_be_known();
        if (leader() != NULL) {
            settle();
            everything_runs_evenly();
        }
        sim_release();
    }
}

static void set_up(int workers, int connectors, int tasks)
{
    sim_init(7);
    for (int i = 0; i < workers; i++)
        start_worker(&sim.workers[i]);
    for (int i = 0; i < connectors; i++)
        sim.tasks[i] = tasks;
    settle();
    everything_runs_evenly();
}

static void nothing_moves_because_the_leader_changed(void **state)
{
    size_t moves = 0;

    (void)state;
    set_up(3, 6, 5);
    new_leader();
    lead(SIZE_MAX, &moves);
    assert_int_equal(moves, 0);
    sim_release();
}

/* Of each unit, how often it came to another worker. */
static void count_moves(struct unit_map *before, int *moves)
{
    list_work();
    for (size_t i = 0; i < sim.work_count; i++)
        for (int worker = 0; worker < WORKERS; worker++) {
            const struct cluster_work *work = &sim.work[i];
            const char *was;

            if (!unit_map_has(&sim.workers[worker].runs, work->connector, work->task))
                continue;
            was = unit_map_text(before, work->connector, work->task);
            if (was != NULL && strcmp(was, sim.workers[worker].url) != 0)
                moves[i]++;
            assert_true(unit_map_put(before, work->connector, work->task, sim.workers[worker].url));
        }
}

/* Some are slower than others: to get ready, and to stop. */
static void settle_slowly(struct unit_map *where, int *moves)
{
    for (int round = 0; round < 12; round++) {
        step_all(true);
        count_moves(where, moves);
        lead(SIZE_MAX, NULL);
        sim.now_ms += 100;
    }
    settle();
    count_moves(where, moves);
}

static void restart_all_in_turn(uint64_t seed)
{
    struct unit_map where;
    int moves[WORK_MAX] = {0};

    set_up(3, 8, 6);
    sim.seed = seed;
    unit_map_init(&where);
    count_moves(&where, moves);
    for (int i = 0; i < 3; i++) {
        sim.workers[i].leaves = true;
        settle_slowly(&where, moves);
        assert_int_equal(sim.workers[i].runs.count, 0);
        kill_worker(&sim.workers[i]);
        settle_slowly(&where, moves);
        start_worker(&sim.workers[i]);
        settle_slowly(&where, moves);
    }
    for (size_t i = 0; i < sim.work_count; i++)
        assert_in_range(moves[i], 0, 2);
    everything_runs_evenly();
    unit_map_release(&where);
    sim_release();
}

static void in_a_rolling_restart_each_unit_moves_twice_at_most(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++)
        restart_all_in_turn(seed);
}

static void a_worker_that_comes_back_under_its_name_gets_its_units_at_once(void **state)
{
    struct unit_map before;

    (void)state;
    set_up(3, 6, 5);
    assert_true(unit_map_copy(&before, &sim.workers[1].runs));
    kill_worker(&sim.workers[1]);
    start_worker(&sim.workers[1]); /* its old membership is not over yet, and nobody has looked */
    lead(SIZE_MAX, NULL);
    settle();
    assert_true(unit_map_equals(&before, &sim.workers[1].runs));
    unit_map_release(&before);
    sim_release();
}

static void with_a_delay_the_units_of_a_dead_worker_wait_for_it_also_under_a_new_leader(void **state)
{
    struct unit_map before;

    (void)state;
    set_up(3, 6, 5);
    sim.delay_ms = 60000;
    assert_true(unit_map_copy(&before, &sim.workers[2].runs));
    kill_worker(&sim.workers[2]);
    settle();
    sim.now_ms += 30000;
    new_leader();
    settle();
    for (size_t i = 0; i < before.count; i++)
        for (int worker = 0; worker < 2; worker++)
            assert_false(unit_map_has(&sim.workers[worker].runs, before.entries[i].connector, before.entries[i].task));
    start_worker(&sim.workers[2]);
    settle();
    assert_true(unit_map_equals(&before, &sim.workers[2].runs));
    kill_worker(&sim.workers[2]);
    settle();
    sim.now_ms += 60001;
    settle();
    everything_runs_evenly();
    unit_map_release(&before);
    sim_release();
}

static void a_word_of_a_member_that_another_is_dead_frees_its_units(void **state)
{
    char id[64];

    (void)state;
    set_up(3, 6, 5);
    unit_map_release(&sim.workers[2].runs); /* its process is gone, the group does not know yet */
    snprintf(id, sizeof(id), "%s#%s", sim.workers[2].url, sim.workers[2].boot);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 2; i++)
            obey(&sim.workers[i], false);
        assert_true(ptr_array_push(&sim.workers[1].member.gone, mem_strdup(id)));
        nothing_runs_twice();
        lead(SIZE_MAX, NULL);
    }
    list_work();
    assert_int_equal(sim.workers[0].runs.count + sim.workers[1].runs.count, sim.work_count);
    sim_release();
}

static void a_unit_is_revoked_when_its_successor_is_ready_or_too_slow(void **state)
{
    struct fake_worker *a = &sim.workers[0], *b = &sim.workers[1];
    size_t units;

    (void)state;
    set_up(2, 4, 3);
    units = a->runs.count;
    b->is_slow = true;
    a->leaves = true;
    for (int i = 0; i < 4; i++) {
        step_all(false);
        lead(SIZE_MAX, NULL);
    }
    assert_int_equal(a->runs.count, units); /* they run on */
    assert_int_equal(b->assignment.preparing.count, units);
    assert_int_equal(a->assignment.revoking.count, 0);
    b->is_slow = false;
    step_all(true); /* some are ready */
    assert_in_range(b->member.prepared.count, 1, units - 1);
    units -= b->member.prepared.count;
    lead(SIZE_MAX, NULL);
    step_all(false);
    assert_int_equal(a->runs.count, units);
    cluster_member_release(&b->member);
    b->is_slow = true;
    step_all(false);
    sim.now_ms += CLUSTER_PREPARE_MOST_MS;
    settle();
    assert_int_equal(a->runs.count, 0);
    assert_int_equal(b->assignment.preparing.count, 0);
    everything_runs_evenly();
    sim_release();
}

static void a_successor_that_goes_while_it_prepares_is_replaced(void **state)
{
    (void)state;
    set_up(3, 4, 3);
    sim.workers[1].is_slow = sim.workers[2].is_slow = true;
    sim.workers[0].leaves = true;
    step_all(false);
    lead(SIZE_MAX, NULL);
    assert_true(sim.workers[2].assignment.preparing.count > 0);
    kill_worker(&sim.workers[2]);
    sim.workers[1].is_slow = false;
    settle();
    assert_int_equal(sim.workers[0].runs.count, 0);
    everything_runs_evenly();
    sim_release();
}

static void an_answer_to_an_earlier_revocation_counts_for_nothing(void **state)
{
    struct fake_worker *a = &sim.workers[0];

    (void)state;
    set_up(2, 1, 2); /* connector and task 0 … somewhere, task 1 elsewhere */
    a->drains = true;
    settle();
    assert_int_equal(a->runs.count, 0);
    a->drains = false;
    settle();
    assert_true(a->runs.count > 0);
    a->drains = true;
    cluster_member_release(&a->member); /* says that it drains, with the list of the first time */
    memcpy(a->member.boot, a->boot, sizeof(a->boot));
    a->member.drains = true;
    a->member.as_of = (struct cluster_stamp){1, 1};
    for (size_t i = 0; i < a->runs.count; i++)
        assert_true(unit_map_put(&a->member.stopped, a->runs.entries[i].connector, a->runs.entries[i].task, NULL));
    for (int i = 0; i < 4; i++) {
        lead(SIZE_MAX, NULL);
        obey(&sim.workers[1], false);
        nothing_runs_twice();
    }
    settle();
    everything_runs_evenly();
    sim_release();
}

static void units_that_nobody_fits_are_named(void **state)
{
    struct cluster_work work[] = {{"c", UNIT_IS_CONNECTOR, "disk=ssd", 1}};
    struct cluster_worker workers[WORKERS];
    struct cluster_plan_input of;
    struct cluster_plan plan;

    (void)state;
    set_up(2, 0, 0);
    of = input(workers);
    of.work = work;
    of.work_count = 1;
    assert_true(cluster_plan_make(&of, &plan));
    assert_non_null(strstr(unit_map_text(&plan.head.unassigned, "c", UNIT_IS_CONNECTOR), "labels"));
    cluster_plan_release(&plan);
    sim_release();
}

/* The first worker leads before it has said what it is: nobody is told that no worker takes work. */
static void units_wait_for_a_member_that_has_not_yet_said_what_it_is(void **state)
{
    struct cluster_worker workers[WORKERS];
    struct cluster_plan_input of;
    struct cluster_plan plan;

    (void)state;
    sim_init(7);
    start_worker(&sim.workers[0]);
    sim.tasks[0] = 1;
    of = input(workers);
    assert_true(cluster_plan_make(&of, &plan));
    assert_int_equal(plan.head.unassigned.count, 0);
    assert_int_equal(plan.assignments[0].units.count, 0);
    assert_false(plan.is_settled);
    assert_true(plan.look_again_ms > of.now_ms);
    cluster_plan_release(&plan);
    workers[0].is_unfit = true; /* it owes its record for too long */
    assert_true(cluster_plan_make(&of, &plan));
    assert_int_equal(plan.head.unassigned.count, 2);
    cluster_plan_release(&plan);
    workers[0].is_unfit = false;
    obey(&sim.workers[0], false); /* says what it is */
    of = input(workers);
    assert_true(cluster_plan_make(&of, &plan));
    assert_int_equal(plan.assignments[0].units.count, 2);
    assert_true(plan.is_settled);
    cluster_plan_release(&plan);
    sim_release();
}

static void what_a_dead_worker_had_is_written_empty_and_forgotten_later(void **state)
{
    struct cluster_worker workers[WORKERS];
    struct cluster_plan_input of;
    struct cluster_plan plan;

    (void)state;
    set_up(2, 2, 2);
    kill_worker(&sim.workers[1]);
    of = input(workers);
    workers[1].may_be_forgotten = false;
    assert_true(cluster_plan_make(&of, &plan));
    assert_true(plan.changed[1] && !plan.removed[1]);
    assert_int_equal(plan.assignments[1].units.count, 0);
    assert_true(cluster_stamp_compare(plan.assignments[1].stamp, of.last) > 0); /* a late leader's does not count any more */
    cluster_plan_release(&plan);
    settle();
    of = input(workers);
    workers[1].may_be_forgotten = true;
    assert_true(cluster_plan_make(&of, &plan));
    assert_true(plan.removed[1] && !plan.changed[1]);
    cluster_plan_release(&plan);
    sim_release();
}

static bool make_a_plan(void *argument)
{
    struct cluster_plan plan;
    bool made = cluster_plan_make(argument, &plan);

    if (made)
        cluster_plan_release(&plan);
    return made;
}

static void no_memory_makes_no_plan(void **state)
{
    struct cluster_worker workers[WORKERS];
    struct cluster_plan_input of;

    (void)state;
    set_up(3, 3, 3);
    sim.workers[1].leaves = true;
    obey(&sim.workers[1], false);
    of = input(workers);
    alloc_torture(make_a_plan, &of);
    sim_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_nothing_runs_twice_and_all_runs_in_the_end),
        cmocka_unit_test(nothing_moves_because_the_leader_changed),
        cmocka_unit_test(in_a_rolling_restart_each_unit_moves_twice_at_most),
        cmocka_unit_test(a_worker_that_comes_back_under_its_name_gets_its_units_at_once),
        cmocka_unit_test(with_a_delay_the_units_of_a_dead_worker_wait_for_it_also_under_a_new_leader),
        cmocka_unit_test(a_word_of_a_member_that_another_is_dead_frees_its_units),
        cmocka_unit_test(a_unit_is_revoked_when_its_successor_is_ready_or_too_slow),
        cmocka_unit_test(a_successor_that_goes_while_it_prepares_is_replaced),
        cmocka_unit_test(an_answer_to_an_earlier_revocation_counts_for_nothing),
        cmocka_unit_test(units_that_nobody_fits_are_named),
        cmocka_unit_test(units_wait_for_a_member_that_has_not_yet_said_what_it_is),
        cmocka_unit_test(what_a_dead_worker_had_is_written_empty_and_forgotten_later),
        cmocka_unit_test(no_memory_makes_no_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
