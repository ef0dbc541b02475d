/*
 * cluster_sim: workers that obey what the leader's plan tells them, as far as the topic has it. Include after cmocka.h, in one test.
 */
#ifndef TEST_CLUSTER_SIM_H
#define TEST_CLUSTER_SIM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/placement.h"
#include "coordination/cluster_plan.h"

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
    bool is_gone;  /* its process has ended, and the group counts it still; the others know */
    bool is_unfit; /* the leader has waited too long for its word */
    bool is_late, has_read; /* reads its newest assignment only in a later step, and says so later still; whether it has read it */
    struct cluster_assignment before; /* what a late one goes by */
    const char *labels;
};

static struct {
    struct fake_worker workers[WORKERS];
    int tasks[CONNECTORS]; /* -1: there is no such connector */
    const char *selectors[CONNECTORS];
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
        cluster_assignment_init(&sim.workers[i].before);
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
        cluster_assignment_release(&sim.workers[i].before);
    }
}

static void list_work(void)
{
    sim.work_count = 0;
    for (int i = 0; i < CONNECTORS; i++)
        for (int task = UNIT_IS_CONNECTOR; sim.tasks[i] >= 0 && task < sim.tasks[i]; task++)
            sim.work[sim.work_count++] = (struct cluster_work){sim.names[i], task, sim.selectors[i], 1};
}

static struct fake_worker *leader(void)
{
    for (int i = 0; i < WORKERS; i++)
        if (sim.workers[i].is_up && !sim.workers[i].is_gone)
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
    worker->is_up = worker->has_read = true;
    worker->drains = worker->leaves = worker->is_gone = worker->is_late = false;
    if (leader() == worker)
        new_leader();
}

static void kill_worker(struct fake_worker *worker)
{
    bool led = leader() == worker;

    worker->is_up = worker->is_gone = false;
    unit_map_release(&worker->runs);
    if (led)
        new_leader();
}

/* Killed, too; the group does not know yet. */
static void end_unseen(struct fake_worker *worker)
{
    bool led = leader() == worker;

    worker->is_gone = true;
    unit_map_release(&worker->runs);
    if (led)
        new_leader();
}

static void say_who_is_gone(struct cluster_member *member)
{
    char id[64];

    for (int i = 0; i < WORKERS; i++)
        if (sim.workers[i].is_gone) {
            snprintf(id, sizeof(id), "%s#%s", sim.workers[i].url, sim.workers[i].boot);
            assert_true(ptr_array_push(&member->gone, mem_strdup(id)));
        }
}

/* The worker reads its assignment, does what it says, and says so. `half`: it is slow to stop, some still runs. */
static void obey(struct fake_worker *worker, bool half)
{
    const struct cluster_assignment *told = worker->is_late && !worker->has_read ? &worker->before : &worker->assignment;
    bool is_mine = worker->has_assignment && strcmp(told->boot, worker->boot) == 0;

    if (!worker->is_up || worker->is_gone)
        return;
    if (told == &worker->assignment)
        worker->has_read = true;
    for (size_t i = 0; is_mine && i < told->units.count; i++)
        assert_true(unit_map_put(&worker->runs, told->units.entries[i].connector, told->units.entries[i].task, NULL));
    for (size_t i = worker->runs.count; i > 0; i--) {
        struct unit_entry *entry = &worker->runs.entries[i - 1];

        if ((!is_mine || !unit_map_has(&told->units, entry->connector, entry->task)) && !(half && draw(2) == 0))
            unit_map_remove(&worker->runs, entry->connector, entry->task);
    }
    if (worker->is_late && worker->has_member && draw(2) == 0)
        return; /* its record follows */
    cluster_member_release(&worker->member);
    worker->has_member = true;
    memcpy(worker->member.boot, worker->boot, sizeof(worker->boot));
    worker->member.drains = worker->drains;
    worker->member.leaves = worker->leaves;
    if (worker->labels != NULL)
        worker->member.labels = mem_strdup(worker->labels);
    say_who_is_gone(&worker->member);
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
            .is_unfit = worker->is_unfit,
            .may_be_forgotten = !worker->is_up && (sim.boots + (uint64_t)i) % 2 == 0,
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
        if (worker->has_read) {
            cluster_assignment_release(&worker->before);
            worker->before = worker->assignment;
        } else
            cluster_assignment_release(&worker->assignment);
        worker->has_read = false;
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

static bool takes_work(const struct fake_worker *worker)
{
    return worker->is_up && !worker->is_gone && !worker->drains && !worker->leaves;
}

static size_t count_of(const struct fake_worker *worker, bool tasks)
{
    size_t count = 0;

    for (size_t i = 0; i < worker->runs.count; i++)
        count += (worker->runs.entries[i].task != UNIT_IS_CONNECTOR) == tasks;
    return count;
}

static const struct fake_worker *runner_of(const struct cluster_work *work)
{
    for (int i = 0; i < WORKERS; i++)
        if (unit_map_has(&sim.workers[i].runs, work->connector, work->task))
            return &sim.workers[i];
    return NULL;
}

/* Each unit runs where it fits, if it fits anywhere, and none would make the balance better elsewhere. */
static void everything_runs_evenly(void)
{
    list_work();
    for (size_t i = 0; i < sim.work_count; i++) {
        const struct cluster_work *work = &sim.work[i];
        const struct fake_worker *runner = runner_of(work);
        bool is_task = work->task != UNIT_IS_CONNECTOR;

        assert_true(runner == NULL || (takes_work(runner) && placement_fits(work->selector, runner->labels)));
        for (int other = 0; other < WORKERS; other++) {
            const struct fake_worker *worker = &sim.workers[other];

            if (!takes_work(worker) || !placement_fits(work->selector, worker->labels))
                continue;
            assert_non_null(runner);
            assert_true(count_of(runner, is_task) <= count_of(worker, is_task) + 1);
        }
    }
}

#endif
