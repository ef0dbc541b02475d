/* Who is in the worker's group: workers of Kafka Connect, or ours, by their URLs. */
#include <millrace/error.h>

#include "base/str_buffer.h"
#include "coordination/membership.h"
#include "kafka/admin.h"
#include "take_over/take_over_internal.h"

#include "base/bans.h"

#define URL_MAX 1024

/* A member of ours is known by its URL; of others the client id is all there is. */
static bool add_member(json_t *urls, const struct admin_member *member)
{
    char url[URL_MAX], boot[MEMBERSHIP_BOOT_ID_SIZE];
    bool is_ours = membership_parse_client_id(member->client_id, url, sizeof(url), boot, sizeof(boot));
    return words_add(urls, "%s", is_ours ? url : member->client_id);
}

static json_t *show(const char *group, const struct admin_group *described, size_t count)
{
    json_t *urls = json_array();
    bool fine = urls != NULL;
    for (size_t i = 0; fine && i < described->member_count; i++)
        fine = add_member(urls, &described->members[i]);
    if (fine)
        return json_pack("{s:s, s:s, s:I, s:o}", "group", group, "protocol", count == 0 ? "" : described->protocol_type, "members",
                         (json_int_t)count, "urls", urls);
    json_decref(urls);
    return NULL;
}

json_t *group_look(struct admin *admin, const char *group, int64_t deadline_ms, struct mr_error **error)
{
    struct admin_group described;
    size_t count;
    if (admin_count_members(admin, group, &count, deadline_ms, error) != 0 ||
        admin_describe_group(admin, group, &described, deadline_ms, error) != 0)
        return NULL;
    json_t *look = show(group, &described, count);
    if (look == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for what group %s is", group);
    admin_group_release(&described);
    return look;
}

bool group_is_left(const json_t *look)
{
    return number_in(look, "members") == 0;
}

void group_write(const json_t *look, struct str_buffer *out)
{
    const json_t *url;
    size_t i;
    if (group_is_left(look)) {
        str_buffer_printf(out, "Nobody is in group %s.", words_in(look, "group"));
    } else if (json_array_size(json_object_get(look, "urls")) == 0) {
        bool is_one = number_in(look, "members") == 1;
        str_buffer_printf(out, "In group %s %s %" JSON_INTEGER_FORMAT " worker%s of Kafka Connect.", words_in(look, "group"),
                          is_one ? "is" : "are", number_in(look, "members"), is_one ? "" : "s");
    } else {
        str_buffer_printf(out, "In group %s %s", words_in(look, "group"), json_array_size(json_object_get(look, "urls")) == 1 ? "is" : "are");
        json_array_foreach(json_object_get(look, "urls"), i, url)
            str_buffer_printf(out, "%s %s", i == 0 ? "" : ",", json_string_value(url));
        str_buffer_append_text(out, ".");
    }
}
