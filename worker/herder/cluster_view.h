/*
 * cluster_view: the cluster as this worker knows it, for those who show it: the newest records of the config topic and the group's members.
 *
 * herder_cluster_view → herder_cluster_view_destroy; a copy of its own, but for what is said to be the herder's. thread: any.
 */
#ifndef HERDER_CLUSTER_VIEW_H
#define HERDER_CLUSTER_VIEW_H

#include <stdbool.h>

#include "coordination/cluster_picture.h"

struct herder_cluster_view {
    struct cluster_picture picture;
    const char *url, *boot; /* of this worker; the herder's */
    const char *secret_mark; /* of this worker: cluster_member_shares_secret */
    bool is_member;         /* false: this worker joins, or has lost the group: what it knows may be old */
};

#endif
