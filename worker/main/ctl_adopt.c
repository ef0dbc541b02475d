/* millrace ctl adopt: would Millrace run what this cluster runs (docs/migration.md)? */
#include "base/str_buffer.h"
#include "ctl.h"
#include "ctl_cluster.h"
#include "take_over/take_over.h"

#include "base/bans.h"

static const char USAGE[] =
    "Usage: millrace ctl adopt [--dry-run] --worker FILE [--plugin-path PATHS] [--json]\n"
    "\n"
    "Reads the topics of a cluster of Kafka Connect and says of each connector whether Millrace runs it, and what is missing.\n"
    "Writes nothing and joins no group: the cluster may go on meanwhile.\n"
    "\n"
    "  --worker FILE       the worker's properties, as Kafka Connect's own workers have them\n"
    "  --plugin-path PATHS instead of the file's plugin.path\n"
    "  --dry-run           the report alone; without it also what is to be done next: a take-over has no step but to start workers\n"
    "  --json              the report as a JSON object\n"
    "\n"
    "Exit status: 0 all connectors run; 1 some do not; 2 not known: the arguments, the file, or the brokers.\n";

static struct json_t *look(const struct take_over_setup *setup, bool is_dry, struct mr_error **error)
{
    (void)is_dry;
    return take_over_look(setup, error);
}

static bool write_report(const struct json_t *report, bool is_dry, struct str_buffer *out)
{
    if (!take_over_write(report, out) || is_dry)
        return !str_buffer_failed(out);
    if (!take_over_all_runs(report))
        return str_buffer_append_text(out, "Put right what does not run, or accept that it will say FAILED, before the cluster is taken over.\n");
    return str_buffer_append_text(out, "To take it over: end all workers of Kafka Connect in order, then start `millrace worker` with this file.\n");
}

static const struct ctl_cluster adopt = {
    .name = "millrace ctl adopt",
    .usage = USAGE,
    .ask = look,
    .write = write_report,
    .is_fine = take_over_all_runs,
};

static int run(int argc, char **argv)
{
    return ctl_cluster_run(&adopt, argc, argv);
}

const struct command ctl_adopt = {
    .name = "adopt",
    .arguments = "[--dry-run] --worker FILE [--json]",
    .summary = "Say whether Millrace runs what a cluster of Kafka Connect runs",
    .run = run,
};
