/* rig_cluster: a herder in a group with one other worker, and what that says and is told. Include instead of rig.h. */
#ifndef TEST_RIG_CLUSTER_H
#define TEST_RIG_CLUSTER_H

#include "herder/cluster_internal.h"
#include "herder/cluster_view.h"
#include "rig.h"

#define OTHER_URL "http://other:8083/"
#define OTHER_BOOT "ffeeddcc00112233"

static inline int group_setup(void **state)
{
    (void)state;
    rig_open(true, 0);
    rig.worker.placement_labels = "zone=a";
    rig_start();
    return 0;
}

static inline void put_note(const char *key, const char *text)
{
    assert_int_equal(
        config_store_put_own_note(rig.configs, &(struct config_note_write){key, text}, INT64_MAX, NULL), 0);
}

static inline void lead_with(size_t others)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, true}, {OTHER_URL, OTHER_BOOT, false}};

    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, peers, 1 + others);
}

static inline void follow(void)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, false}, {OTHER_URL, OTHER_BOOT, true}};

    rig.group->on_following(rig.group_argument, OTHER_URL);
    rig.group->on_peers(rig.group_argument, 1, peers, 2);
}

static inline void other_says(const char *more)
{
    char text[512];

    snprintf(text, sizeof(text), "{\"boot\":\"" OTHER_BOOT "\",\"version\":\"9\"%s}", more);
    put_note("millrace-member-" OTHER_URL, text);
}

static inline void drain(bool drains, struct answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    herder_drain(rig.herder, drains, take_answer, answer);
}

static inline int drained(bool drains)
{
    struct answer answer;

    drain(drains, &answer);
    return answered(&answer);
}

static inline bool drain_is_known(void *argument)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const struct cluster_known *own = cluster_picture_find(&view->picture, RIG_URL);
    bool is = own != NULL && own->has_member && own->member.drains;

    (void)argument;
    herder_cluster_view_destroy(view);
    return is;
}

#endif
