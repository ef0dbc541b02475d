#include "base/tidy.h"

#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/bans.h"

/* The kernel's own object is no file. Text that the loader has written to (DT_TEXTREL) would be lost. */
static bool is_untouched_file(const struct dl_phdr_info *object)
{
    if (strncmp(object->dlpi_name, "linux-", strlen("linux-")) == 0)
        return false;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *entry = (const void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr); /* NOLINT */

        for (; entry->d_tag != DT_NULL; entry++) {
            if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0))
                return false;
        }
    }
    return true;
}

/* The loader's lock is held: no object comes or goes. A segment that may not be written holds what the file holds. */
static int forget_pages(struct dl_phdr_info *object, size_t size, void *argument)
{
    uintptr_t page = *(const uintptr_t *)argument;

    (void)size;
    if (!is_untouched_file(object))
        return 0;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t from = (object->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t to = (object->dlpi_addr + segment->p_vaddr + segment->p_filesz) & ~(page - 1);

        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) == 0 && from < to)
            madvise((void *)from, to - from, MADV_DONTNEED); /* NOLINT */
    }
    return 0;
}

/* Its breakpoints stand in the text. */
static bool has_debugger(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    int tracer = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL && sscanf(line, "TracerPid: %d", &tracer) != 1)
        ;
    if (file != NULL)
        fclose(file);
    return tracer != 0;
}

bool tidy(void)
{
    static _Atomic int64_t next_ms;
    int64_t now_ms = clock_monotonic_ms(NULL), due_ms = atomic_load(&next_ms);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    if (now_ms < due_ms || !atomic_compare_exchange_strong(&next_ms, &due_ms, now_ms + TIDY_LEAST_MS))
        return false;
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    if (!has_debugger())
        dl_iterate_phdr(forget_pages, &page);
    return true;
}
