#include "sdk/collect.h"

#include "base/mem.h"
#include "base/ptr_array.h"

#include "base/bans.h"

struct mr_text_list {
    struct ptr_array texts;
    bool failed;
};

struct mr_text_list *text_list_create(void)
{
    struct mr_text_list *list = mem_calloc(1, sizeof(*list));
    if (list != NULL)
        ptr_array_init(&list->texts, mem_free);
    return list;
}

void text_list_destroy(struct mr_text_list *list)
{
    if (list == NULL)
        return;
    ptr_array_release(&list->texts);
    mem_free(list);
}

int mr_text_list_append(struct mr_text_list *list, const char *text)
{
    char *copy = text == NULL || list->texts.count >= TEXT_LIST_MAX ? NULL : mem_strdup(text);
    if (copy != NULL && ptr_array_push(&list->texts, copy))
        return 0;
    mem_free(copy);
    list->failed = true;
    return -1;
}

size_t text_list_count(const struct mr_text_list *list)
{
    return list->texts.count;
}

const char *text_list_at(const struct mr_text_list *list, size_t index)
{
    return ptr_array_at(&list->texts, index);
}

bool text_list_failed(const struct mr_text_list *list)
{
    return list->failed;
}
