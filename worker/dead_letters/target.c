/* May this letter go back, and where to? What headers say anybody may have written: they lead to the connector's own topics alone. */
#include "dead_letters/dead_letters_internal.h"

#include <millrace/error.h>
#include <string.h>

#include "config/connector_config.h"
#include "regex/java_regex.h"

#include "base/bans.h"

#define OF_ANOTHER "it is another connector's letter"

static bool matches_regex(struct dead_letters *letters, const char *topic)
{
    char why[256];
    if (letters->config->topics_regex == NULL)
        return false;
    if (letters->topics_regex == NULL)
        letters->topics_regex = java_regex_create(letters->config->topics_regex, why, sizeof(why));
    return letters->topics_regex != NULL && java_regex_matches(letters->topics_regex, topic, strlen(topic));
}

bool target_reads(struct dead_letters *letters, const char *topic)
{
    for (size_t i = 0; i < letters->config->topic_count; i++)
        if (strcmp(letters->config->topics[i], topic) == 0)
            return true;
    return matches_regex(letters, topic);
}

static const char *original_topic(struct dead_letters *letters, const struct letter_view *view, const char **why)
{
    *why = NULL;
    if (letters->config->kind != CONNECTOR_SINK)
        *why = "a source reads no topic that its letters could go back to; name one with \"to\"";
    else if (view->topic[0] == '\0')
        *why = "the letter does not say where its record was read (errors.deadletterqueue.context.headers.enable); name a topic with \"to\"";
    else if (!target_reads(letters, view->topic))
        *why = "the connector does not read the topic that the letter names; name a topic with \"to\"";
    return *why == NULL ? view->topic : NULL;
}

static bool has_header(const struct letter_view *view, const char *name)
{
    for (size_t i = view->context_from; i < view->record->header_count; i++)
        if (strcmp(view->record->headers[i].name, name) == 0)
            return true;
    return false;
}

/* A source's letter that was too large holds the beginning of its record alone. */
static bool is_cut(const struct letter_view *view, const struct selection *selection)
{
    return (!selection->edits_value && has_header(view, LETTER_CONTEXT_PREFIX "value.cut")) ||
           (!selection->edits_key && has_header(view, LETTER_CONTEXT_PREFIX "key.cut")) ||
           has_header(view, LETTER_CONTEXT_PREFIX "headers.cut");
}

static bool is_of_another(const struct dead_letters *letters, const struct letter_view *view)
{
    return view->fields[LETTER_CONNECTOR].data != NULL && !letter_field_is(view, LETTER_CONNECTOR, letters->config->name);
}

const char *target_keeps(const struct dead_letters *letters, const struct letter_view *view, const struct selection *selection)
{
    if (is_of_another(letters, view))
        return OF_ANOTHER;
    bool is_meant = selection->force || selection->place_count > 0;
    if (!is_meant && view->fields[LETTER_CONNECTOR].data == NULL)
        return "it does not say whose it is (errors.deadletterqueue.context.headers.enable), and the topic may be shared; name it in \"letters\", "
               "or \"force\" discards it";
    return NULL;
}

static const char *refuse(const struct dead_letters *letters, const struct letter_view *view, const struct selection *selection)
{
    if (is_of_another(letters, view))
        return OF_ANOTHER;
    if (!selection->force && view->attempts == LETTER_ATTEMPTS_UNKNOWN)
        return "its header " LETTER_MARK_HEADER " cannot be read, so nobody knows how often it was replayed; \"force\" replays it";
    if (!selection->force && is_cut(view, selection))
        return "it holds only the beginning of its record, which was too large; \"force\" replays what there is";
    if (!selection->force && view->attempts >= selection->attempts)
        return "it was replayed as often as \"attempts\" allows and failed again; \"force\" replays it";
    return NULL;
}

static const char *find_pipeline(struct dead_letters *letters, const struct letter_view *view, struct resend_to *to)
{
    if (view->topic[0] == '\0' || view->partition < 0 || view->offset < 0)
        return "the letter does not say where its record was read (errors.deadletterqueue.context.headers.enable), which the connector would be "
               "told; name a topic with \"to\" instead of \"into\"";
    if (!target_reads(letters, view->topic))
        return "the connector does not read the topic that the letter names";
    to->topic = view->topic;
    to->partition = view->partition;
    to->id = NULL;
    return NULL;
}

const char *target_find(struct dead_letters *letters, const struct letter_view *view, const struct selection *selection,
                        struct resend_to *to, int *status, struct mr_error **error)
{
    const char *why = refuse(letters, view, selection);
    int32_t count;
    *status = 0;
    if (why != NULL)
        return why;
    if (selection->into != NULL)
        return find_pipeline(letters, view, to);
    to->topic = selection->to != NULL ? selection->to : original_topic(letters, view, &why);
    if (to->topic == NULL)
        return why;
    if (strcmp(to->topic, letters->topic) == 0 || strcmp(to->topic, letters->marks_topic) == 0)
        return "letters do not go back among the letters";
    *status = letters_partitions(letters, to->topic, &count, error);
    if (*status != 0 || count == 0)
        return "the topic does not exist";
    bool is_original = selection->to == NULL && view->partition >= 0 && view->partition < count;
    to->partition = is_original ? view->partition : -1;
    return NULL;
}
