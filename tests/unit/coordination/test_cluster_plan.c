/*
 * A simulated cluster: workers join, leave, drain, die and come back, work comes and goes, leaders die between any two records.
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
#include "coordination/cluster_plan.h"
#include "support/alloc_torture.h"

#define WORKERS 7
#define CONNECTORS 8
#define TASKS_MAX 6
#define WORK_MAX (CONNECTORS * (TASKS_MAX + 1))
#define SETTLE_MAX 40

/* One worker, as it is and as the topic has it. */
struct fake_worker {
    char url[16];
    char boot[MEMBERSHIP_BOOT_ID_SIZE];
    bool is_up;
    struct unit_map runs; /* really: also what it was told to stop and still runs */
    bool has_member, has_assignment;
    struct cluster_member member;
    struct cluster_assignment assignment;
    bool drains, leaves;
    bool is_slow; /* never gets ready */
};

static struct {
    struct fake_worker workers[WORKERS];
    int tasks[CONNECTORS]; /* -1: there is no such connector */
    char names[CONNECTORS][8];
    struct cluster_work work[WORK_MAX];
    size_t work_count;
    bool has_head;
    struct cluster_head head;
    struct cluster_stamp last;
    uint64_t epoch, boots, seed;
    int64_t now_ms;
    uint32_t delay_ms;
} sim;

static uint32_t draw(uint32_t below)
{
    sim.seed = sim.seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(sim.seed >> 33) % below;
}

/* --- the simulation --------------------------------------------------------------------------------------------------- */

static void sim_init(uint64_t seed)
{
    memset(&sim, 0, sizeof(sim));
    sim.seed = seed;
    sim.now_ms = 1000000;
    cluster_head_init(&sim.head);
    for (int i = 0; i < WORKERS; i++) {
        snprintf(sim.workers[i].url, sizeof(sim.workers[i].url), "http://%c/", 'a' + i);
        cluster_member_init(&sim.workers[i].member);
        cluster_assignment_init(&sim.workers[i].assignment);
    }
    for (int i = 0; i < CONNECTORS; i++) {
        snprintf(sim.names[i], sizeof(sim.names[i]), "c%d", i);
        sim.tasks[i] = -1;
    }
}

static void sim_release(void)
{
    cluster_head_release(&sim.head);
    for (int i = 0; i < WORKERS; i++) {
        unit_map_release(&sim.workers[i].runs);
        cluster_member_release(&sim.workers[i].member);
        cluster_assignment_release(&sim.workers[i].assignment);
    }
}

static void list_work(void)
{
    sim.work_count = 0;
    for (int i = 0; i < CONNECTORS; i++)
        for (int task = UNIT_IS_CONNECTOR; sim.tasks[i] >= 0 && task < sim.tasks[i]; task++)
            sim.work[sim.work_count++] = (struct cluster_work){sim.names[i], task, NULL, 1};
}

static struct fake_worker *leader(void)
{
    for (int i = 0; i < WORKERS; i++)
        if (sim.workers[i].is_up)
            return &sim.workers[i];
    return NULL;
}

static void new_leader(void)
{
    sim.epoch++;
    sim.last = (struct cluster_stamp){sim.epoch, 0};
}

static void start_worker(struct fake_worker *worker)
{
    snprintf(worker->boot, sizeof(worker->boot), "%016llx", (unsigned long long)++sim.boots);
    worker->is_up = true;
    worker->drains = worker->leaves = false;
    if (leader() == worker)
        new_leader();
}

static void kill_worker(struct fake_worker *worker)
{
    bool led = leader() == worker;

    worker->is_up = false;
    unit_map_release(&worker->runs);
    if (led)
        new_leader();
}

/* The worker reads its assignment, does what it says, and says so. `half`: it is slow to stop, some still runs. */
static void obey(struct fake_worker *worker, bool half)
{
    const struct cluster_assignment *told = &worker->assignment;
    bool is_mine = worker->has_assignment && strcmp(told->boot, worker->boot) == 0;

    if (!worker->is_up)
        return;
    for (size_t i = 0; is_mine && i < told->units.count; i++)
        assert_true(unit_map_put(&worker->runs, told->units.entries[i].connector, told->units.entries[i].task, NULL));
    for (size_t i = worker->runs.count; i > 0; i--) {
        struct unit_entry *entry = &worker->runs.entries[i - 1];

        if ((!is_mine || !unit_map_has(&told->units, entry->connector, entry->task)) && !(half && draw(2) == 0))
            unit_map_remove(&worker->runs, entry->connector, entry->task);
    }
    cluster_member_release(&worker->member);
    worker->has_member = true;
    memcpy(worker->member.boot, worker->boot, sizeof(worker->boot));
    worker->member.drains = worker->drains;
    worker->member.leaves = worker->leaves;
    if (!is_mine)
        return;
    for (size_t i = 0; i < told->preparing.count; i++)
        if (!worker->is_slow && !(half && draw(2) == 0))
            assert_true(unit_map_put(&worker->member.prepared, told->preparing.entries[i].connector,
                                     told->preparing.entries[i].task, NULL));
    worker->member.as_of = told->stamp;
    for (size_t i = 0; i < told->revoking.count; i++) {
        const struct unit_entry *entry = &told->revoking.entries[i];

        if (!unit_map_has(&worker->runs, entry->connector, entry->task))
            assert_true(unit_map_put(&worker->member.stopped, entry->connector, entry->task, NULL));
    }
}

static struct cluster_plan_input input(struct cluster_worker *workers)
{
    struct fake_worker *lead = leader();
    size_t count = 0;

    list_work();
    for (int i = 0; i < WORKERS; i++) {
        struct fake_worker *worker = &sim.workers[i];

        if (!worker->is_up && !worker->has_member && !worker->has_assignment)
            continue;
        workers[count++] = (struct cluster_worker){
            .url = worker->url,
            .boot = worker->is_up ? worker->boot : NULL,
            .member = worker->has_member ? &worker->member : NULL,
            .assignment = worker->has_assignment ? &worker->assignment : NULL,
        };
    }
    return (struct cluster_plan_input){
        .workers = workers,
        .worker_count = count,
        .work = sim.work,
        .work_count = sim.work_count,
        .head = sim.has_head ? &sim.head : NULL,
        .leader_url = lead->url,
        .leader_boot = lead->boot,
        .fencing = "generation",
        .last = sim.last,
        .reason = "test",
        .now_ms = sim.now_ms,
        .return_delay_ms = sim.delay_ms,
    };
}

static struct fake_worker *worker_of(const char *url)
{
    for (int i = 0; i < WORKERS; i++)
        if (strcmp(sim.workers[i].url, url) == 0)
            return &sim.workers[i];
    fail();
    return NULL;
}

/* Writes at most `records` of the plan, as a leader that dies on the way would. */
static bool write_plan(const struct cluster_plan_input *of, struct cluster_plan *plan, size_t records)
{
    bool wrote = false;

    for (size_t i = 0; i < plan->worker_count; i++) {
        struct fake_worker *worker = worker_of(of->workers[i].url);

        if (!plan->changed[i] || records == 0)
            continue;
        records--;
        wrote = true;
        cluster_assignment_release(&worker->assignment);
        worker->assignment = plan->assignments[i];
        cluster_assignment_init(&plan->assignments[i]);
        worker->has_assignment = true;
    }
    if (plan->head_changed && records > 0) {
        records--;
        wrote = true;
        cluster_head_release(&sim.head);
        sim.head = plan->head;
        cluster_head_init(&plan->head);
        sim.has_head = true;
    }
    for (size_t i = 0; i < plan->worker_count; i++) {
        struct fake_worker *worker = worker_of(of->workers[i].url);

        if (!plan->removed[i] || records == 0)
            continue;
        records--;
        wrote = true;
        cluster_assignment_release(&worker->assignment);
        cluster_member_release(&worker->member);
        worker->has_assignment = worker->has_member = false;
    }
    sim.last = plan->last;
    return wrote;
}

static bool lead(size_t records, size_t *moves)
{
    struct cluster_worker workers[WORKERS];
    struct cluster_plan_input of;
    struct cluster_plan plan;
    bool wrote;

    if (leader() == NULL)
        return false;
    of = input(workers);
    assert_true(cluster_plan_make(&of, &plan));
    if (moves != NULL)
        *moves += plan.moves;
    wrote = write_plan(&of, &plan, records);
    cluster_plan_release(&plan);
    return wrote;
}

/* --- what must hold ----------------------------------------------------------------------------------------------------- */

static void nothing_runs_twice(void)
{
    list_work();
    for (int one = 0; one < WORKERS; one++)
        for (size_t i = 0; i < sim.workers[one].runs.count; i++)
            for (int other = one + 1; other < WORKERS; other++)
                assert_false(unit_map_has(&sim.workers[other].runs, sim.workers[one].runs.entries[i].connector,
                                          sim.workers[one].runs.entries[i].task));
}

static void step_all(bool half)
{
    for (int i = 0; i < WORKERS; i++) {
        obey(&sim.workers[i], half);
        nothing_runs_twice();
    }
}

static void settle(void)
{
    int rounds = 0;

    step_all(false);
    while (lead(SIZE_MAX, NULL)) {
        step_all(false);
        assert_true(rounds++ < SETTLE_MAX);
    }
}

static size_t count_of(const struct fake_worker *worker, bool tasks)
{
    size_t count = 0;

    for (size_t i = 0; i < worker->runs.count; i++)
        count += (worker->runs.entries[i].task != UNIT_IS_CONNECTOR) == tasks;
    return count;
}

static void everything_runs_evenly(void)
{
    size_t running = 0, taking = 0;

    list_work();
    for (int i = 0; i < WORKERS; i++) {
        running += sim.workers[i].runs.count;
        taking += sim.workers[i].is_up && !sim.workers[i].drains && !sim.workers[i].leaves;
    }
    if (taking == 0)
        return;
    assert_int_equal(running, sim.work_count);
    for (int tasks = 0; tasks < 2; tasks++) {
        size_t most = 0, least = SIZE_MAX;

        for (int i = 0; i < WORKERS; i++) {
            size_t count = count_of(&sim.workers[i], tasks == 1);

            if (!sim.workers[i].is_up || sim.workers[i].drains || sim.workers[i].leaves) {
                assert_int_equal(count, 0);
                continue;
            }
            most = count > most ? count : most;
            least = count < least ? count : least;
        }
        assert_true(most - least <= 1);
    }
}

/* --- tests ---------------------------------------------------------------------------------------------------------------- */

static void something_happens(void)
{
    struct fake_worker *worker = &sim.workers[draw(WORKERS)];
    int connector = (int)draw(CONNECTORS);

    switch (draw(9)) {
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
    default:
        sim.tasks[connector] = (int)draw(TASKS_MAX + 2) - 1;
        break;
    }
}

static void whatever_happens_nothing_runs_twice_and_all_runs_in_the_end(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        sim_init(seed);
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
        for (int i = 0; i < WORKERS; i++) /* those that leave are gone by then */
            if (sim.workers[i].leaves)
                kill_worker(&sim.workers[i]);
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

static void in_a_rolling_restart_each_unit_moves_twice_at_most(void **state)
{
    struct unit_map where;
    int moves[WORK_MAX] = {0};

    (void)state;
    set_up(3, 8, 6);
    unit_map_init(&where);
    count_moves(&where, moves);
    for (int i = 0; i < 3; i++) {
        sim.workers[i].leaves = true;
        settle();
        count_moves(&where, moves);
        assert_int_equal(sim.workers[i].runs.count, 0);
        kill_worker(&sim.workers[i]);
        settle();
        count_moves(&where, moves);
        start_worker(&sim.workers[i]);
        settle();
        count_moves(&where, moves);
    }
    for (size_t i = 0; i < sim.work_count; i++)
        assert_in_range(moves[i], 0, 2);
    everything_runs_evenly();
    unit_map_release(&where);
    sim_release();
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
        cmocka_unit_test(no_memory_makes_no_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
