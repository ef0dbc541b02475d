#include "loader/loader.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "loader/loader_internal.h"

#include "base/bans.h"

bool refuse(struct why *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    return false;
}

static void finding_destroy(void *item)
{
    struct finding *finding = item;
    mem_free(finding->path);
    mem_free(finding->reason);
    mem_free(finding);
}

static void keep_finding(struct loader *loader, struct ptr_array *findings, const char *path, const char *reason)
{
    struct finding *finding = mem_calloc(1, sizeof(*finding));
    if (finding != NULL) {
        finding->path = mem_strdup(path);
        finding->reason = mem_strdup(reason);
        if (finding->path != NULL && finding->reason != NULL && ptr_array_push(findings, finding))
            return;
        finding_destroy(finding);
    }
    loader->out_of_memory = true;
}

void loader_refuse(struct loader *loader, const char *path, const char *reason)
{
    log_warn("loader", "%s is not loaded: %s", path, reason);
    keep_finding(loader, &loader->refusals, path, reason);
}

void loader_note_gap(struct loader *loader, const char *path, const char *reason)
{
    log_warn("loader", "%s, a place in plugin.path, cannot be searched for plugins: %s", path, reason);
    keep_finding(loader, &loader->gaps, path, reason);
}

void *loader_block(struct loader *loader, size_t size)
{
    void *block = mem_calloc(1, size);
    if (block != NULL && ptr_array_push(&loader->blocks, block))
        return block;
    mem_free(block);
    loader->out_of_memory = true;
    return NULL;
}

static int compare_plugins(const void *one, const void *other)
{
    const struct loader_plugin *a = one, *b = other;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = strcmp(a->class_name, b->class_name);
    return order != 0 ? order : loader_version_compare(a->version, b->version);
}

static struct loader *loader_alloc(const struct loader_setup *setup)
{
    struct loader *loader = mem_calloc(1, sizeof(*loader));
    if (loader == NULL)
        return NULL;
    ptr_array_init(&loader->plugins, mem_free);
    ptr_array_init(&loader->files, loader_file_destroy);
    ptr_array_init(&loader->refusals, finding_destroy);
    ptr_array_init(&loader->gaps, finding_destroy);
    ptr_array_init(&loader->blocks, mem_free);
    loader->host = setup->host;
    return loader;
}

struct loader *loader_create(const struct loader_setup *setup, struct mr_error **error)
{
    assert(setup->host != NULL && setup->host->size >= sizeof(uint32_t));
    struct loader *loader = loader_alloc(setup);
    if (loader != NULL) {
        if (setup->plugin_path != NULL)
            scan_plugin_path(loader, setup->plugin_path);
        if (setup->with_shipped)
            scan_shipped(loader);
    }
    if (loader == NULL || loader->out_of_memory) {
        loader_destroy(loader);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to load the plugins");
        return NULL;
    }
    ptr_array_sort(&loader->plugins, compare_plugins);
    log_info("loader", "%zu plugins from %zu files; %zu refused", loader->plugins.count, loader->files.count,
             loader->refusals.count);
    return loader;
}

void loader_destroy(struct loader *loader)
{
    if (loader == NULL)
        return;
    ptr_array_release(&loader->plugins);
    ptr_array_release(&loader->refusals);
    ptr_array_release(&loader->gaps);
    ptr_array_release(&loader->blocks);
    ptr_array_release(&loader->files);   /* last: what the others point to lives in the files */
    mem_free(loader);
}

size_t loader_count(const struct loader *loader)
{
    return loader->plugins.count;
}

const struct loader_plugin *loader_at(const struct loader *loader, size_t index)
{
    return ptr_array_at(&loader->plugins, index);
}

size_t loader_refusal_count(const struct loader *loader)
{
    return loader->refusals.count;
}

const char *loader_refusal_path(const struct loader *loader, size_t index)
{
    return ((const struct finding *)ptr_array_at(&loader->refusals, index))->path;
}

const char *loader_refusal_reason(const struct loader *loader, size_t index)
{
    return ((const struct finding *)ptr_array_at(&loader->refusals, index))->reason;
}

size_t loader_gap_count(const struct loader *loader)
{
    return loader->gaps.count;
}

const char *loader_gap_path(const struct loader *loader, size_t index)
{
    return ((const struct finding *)ptr_array_at(&loader->gaps, index))->path;
}

const char *loader_gap_reason(const struct loader *loader, size_t index)
{
    return ((const struct finding *)ptr_array_at(&loader->gaps, index))->reason;
}
