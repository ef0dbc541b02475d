/* millrace ctl give-back: the topics, as Kafka Connect's own workers know them (docs/migration.md). */
#include "base/str_buffer.h"
#include "ctl.h"
#include "ctl_cluster.h"
#include "take_over/take_over.h"

#include "base/bans.h"

static const char USAGE[] =
    "Usage: millrace ctl give-back [--dry-run] --worker FILE [--plugin-path PATHS] [--json]\n"
    "\n"
    "After the last worker of Millrace has left: looks at the topics, removes the records that only Millrace knows, and says\n"
    "where a worker of Kafka Connect would stumble. Refuses while anybody is in the group.\n"
    "\n"
    "  --worker FILE       the properties that the workers had\n"
    "  --plugin-path PATHS instead of the file's plugin.path\n"
    "  --dry-run           says what would be done, writes nothing\n"
    "  --json              the report as a JSON object\n"
    "\n"
    "Exit status: 0 given back, or with --dry-run ready for it; 1 refused; 2 not done: the arguments, the file, or the brokers.\n";

static bool write_report(const struct json_t *report, bool is_dry, struct str_buffer *out)
{
    (void)is_dry;
    return give_back_write(report, out);
}

static const struct ctl_cluster cluster = {
    .name = "millrace ctl give-back",
    .usage = USAGE,
    .ask = give_back,
    .write = write_report,
    .is_fine = give_back_is_done,
};

static int run(int argc, char **argv)
{
    return ctl_cluster_run(&cluster, argc, argv);
}

const struct command ctl_give_back = {
    .name = "give-back",
    .arguments = "[--dry-run] --worker FILE [--json]",
    .summary = "Make a cluster's topics those of Kafka Connect alone again",
    .run = run,
};
