/*
 * GET /livez and /readyz, for probes. Neither asks the control thread or anything else that may hang: they answer at once, from what
 * others have left behind.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/health_board.h"
#include "routes/route_audit.h"
#include "routes/routes_internal.h"
#include "tls/tls_keeper.h"

#include "base/bans.h"

#define LATE_NOT_READY_MS 10000 /* as long as /health waits for its turn */
#define CERTIFICATE_WARNING_S (14 * 86400)
#define DAY_S 86400
#define WORDS_SIZE HEALTH_WORDS_MAX

/* ---- the answer ---- */

struct probe {
    struct http_response response;
    struct json_out out;
    char first_name[HEALTH_NAME_MAX], first_words[WORDS_SIZE]; /* of the reasons; "" : there is none */
    struct rest_context *context;
    struct herder_pulse pulse;
};

static void write_entry(void *argument, const char *name, const char *words)
{
    struct probe *probe = argument;
    json_out_open(&probe->out, '{');
    json_out_pair(&probe->out, "name", name);
    json_out_pair(&probe->out, "message", words);
    json_out_close(&probe->out, '}');
}

static void note_first(void *argument, const char *name, const char *words)
{
    struct probe *probe = argument;
    if (probe->first_name[0] != '\0')
        return;
    snprintf(probe->first_name, sizeof(probe->first_name), "%s", name);
    snprintf(probe->first_words, sizeof(probe->first_words), "%s", words);
}

/* ---- why not ---- */

static const struct {
    const char *name, *words;
} STANDINGS[] = {
    [HERDER_STANDS_READING] = {"topics", "The internal topics are being read."},
    [HERDER_STANDS_JOINING] = {"membership", "The worker is joining its group."},
    [HERDER_STANDS_ALONE] = {"membership", "The worker has lost its group; it joins again by itself."},
    [HERDER_STANDS_BEHIND] = {"topics", "The worker reads the internal topics to their end before it acts."},
    [HERDER_STANDS_UNLEASED] = {"membership", "The brokers have not confirmed this worker's place in the group in time; its tasks wait."},
    [HERDER_STANDS_READY] = {NULL, NULL},
    [HERDER_STANDS_LEAVING] = {"stopping", "The worker is shutting down."},
};

static void look_at_thread(const struct probe *probe, int64_t limit_ms, health_board_fn *each, void *argument)
{
    char words[WORDS_SIZE];
    if (limit_ms == 0 || probe->pulse.late_ms < limit_ms)
        return;
    snprintf(words, sizeof(words), "The control thread has not turned for %" PRId64 " ms.", probe->pulse.late_ms);
    each(argument, "control_thread", words);
}

static void reasons_not_live(const struct probe *probe, health_board_fn *each, void *argument)
{
    look_at_thread(probe, probe->context->health_stuck_ms, each, argument);
}

static void reasons_not_ready(const struct probe *probe, health_board_fn *each, void *argument)
{
    if (STANDINGS[probe->pulse.standing].name != NULL)
        each(argument, STANDINGS[probe->pulse.standing].name, STANDINGS[probe->pulse.standing].words);
    look_at_thread(probe, LATE_NOT_READY_MS, each, argument);
    health_board_each(probe->context->health, HEALTH_NOT_READY, each, argument);
}

/* ---- what else to look at ---- */

static void look_at_certificate(struct tls_keeper *keeper, const char *property, health_board_fn *each, void *argument)
{
    char words[WORDS_SIZE];
    struct tls_health health = tls_keeper_health(keeper);
    int64_t left_s = health.expires_s - clock_wall_ms(NULL) / 1000;
    if (health.is_failing) {
        snprintf(words, sizeof(words), "The files of the certificate of %s have changed, but are of no use; the former ones count.", property);
        each(argument, "certificate_files", words);
    }
    if (health.expires_s == 0 || left_s > CERTIFICATE_WARNING_S)
        return;
    if (left_s <= 0)
        snprintf(words, sizeof(words), "The certificate of %s has expired.", property);
    else
        snprintf(words, sizeof(words), "The certificate of %s expires in %" PRId64 " days.", property, left_s / DAY_S);
    each(argument, "certificate_expiry", words);
}

static void warnings(const struct probe *probe, health_board_fn *each, void *argument)
{
    static const char *const PROPERTIES[] = {"listeners", "admin.listeners"};
    char why[WORDS_SIZE], words[WORDS_SIZE + 100];
    for (size_t i = 0; i < sizeof(PROPERTIES) / sizeof(PROPERTIES[0]); i++) {
        struct tls_keeper *keeper = atomic_load(&probe->context->certificates[i]);
        if (keeper != NULL)
            look_at_certificate(keeper, PROPERTIES[i], each, argument);
    }
    if (route_audit_is_failing(probe->context, why, sizeof(why))) {
        snprintf(words, sizeof(words), "The worker refuses changes: %s.", why);
        each(argument, "audit", words);
    }
    health_board_each(probe->context->health, HEALTH_WARNING, each, argument);
}

/* ---- the handlers ---- */

typedef void reasons_fn(const struct probe *probe, health_board_fn *each, void *argument);

static void write_list(struct probe *probe, const char *name, reasons_fn *list)
{
    json_out_name(&probe->out, name);
    json_out_open(&probe->out, '[');
    list(probe, write_entry, probe);
    json_out_close(&probe->out, ']');
}

struct probe_words {
    reasons_fn *reasons;
    const char *well; /* the message where there is no reason */
    const char *ill;  /* the status where there is one */
    int ill_status;
};

static void answer(struct rest_context *context, struct http_exchange *exchange, const struct probe_words *words)
{
    struct probe probe = {.context = context};
    herder_take_pulse(context->herder, &probe.pulse);
    words->reasons(&probe, note_first, &probe);
    bool is_well = probe.first_name[0] == '\0';
    bool is_starting = probe.pulse.standing == HERDER_STANDS_READING || probe.pulse.standing == HERDER_STANDS_JOINING;
    http_response_init(&probe.response, is_well ? 200 : words->ill_status, HTTP_CONTENT_JSON);
    json_out_init(&probe.out, &probe.response.body);
    json_out_open(&probe.out, '{');
    json_out_pair(&probe.out, "status", is_well ? "healthy" : is_starting && words->ill == NULL ? "starting" : "unhealthy");
    json_out_pair(&probe.out, "message", is_well ? words->well : probe.first_words);
    write_list(&probe, "reasons", words->reasons);
    write_list(&probe, "warnings", warnings);
    json_out_close(&probe.out, '}');
    http_exchange_answer(exchange, &probe.response);
}

void livez_get(void *argument, struct http_exchange *exchange)
{
    answer(argument, exchange,
           &(struct probe_words){reasons_not_live, "The worker's control thread turns.", "unhealthy", 500});
}

void readyz_get(void *argument, struct http_exchange *exchange)
{
    answer(argument, exchange,
           &(struct probe_words){reasons_not_ready, "The worker is a member of its group and ready to handle requests.", NULL, 503});
}
