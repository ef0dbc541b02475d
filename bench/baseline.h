/* baseline: what both baselines share: options, the configuration, the result line.
 *
 *   baseline_x --bootstrap HOST:PORT --topic T --file F [--records N] [-X name=value]…
 *
 * The result is one line of JSON: {"records": N, "cpu_us_per_record": X, "wall_s": X}. Like every program of bench/ these are no
 * rooms of the house: they know librdkafka directly, and exit where they fail. */
#ifndef BENCH_BASELINE_H
#define BENCH_BASELINE_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct baseline {
    const char *topic, *file;
    uint64_t records; /* to consume */
    rd_kafka_conf_t *conf;
};

void baseline_parse(struct baseline *baseline, int argc, char **argv);
_Noreturn void baseline_die(const char *what, const char *why);
/* Starts the clocks / prints the line. */
void baseline_begin(void);
void baseline_end(uint64_t records);

#endif
