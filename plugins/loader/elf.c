#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/loader_internal.h"

#include "base/bans.h"

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr elf_header;
typedef Elf64_Phdr elf_segment;
#define ELF_CLASS ELFCLASS64
#else
typedef Elf32_Ehdr elf_header;
typedef Elf32_Phdr elf_segment;
#define ELF_CLASS ELFCLASS32
#endif

#if defined(__x86_64__)
#define ELF_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define ELF_MACHINE EM_AARCH64
#elif defined(__riscv)
#define ELF_MACHINE EM_RISCV
#elif defined(__powerpc64__)
#define ELF_MACHINE EM_PPC64
#elif defined(__s390x__)
#define ELF_MACHINE EM_S390
#endif

enum { SEGMENTS_MAX = 1024 };

static bool header_check(const elf_header *header, struct why *why)
{
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return refuse(why, "not an ELF file; a plugin is a shared object built for this machine");
    if (header->e_ident[EI_CLASS] != ELF_CLASS)
        return refuse(why, "built for a machine with another word size; build it for this one");
#ifdef ELF_MACHINE
    if (header->e_machine != ELF_MACHINE)
        return refuse(why, "built for another processor (ELF machine %u, this is %u); build it for this one",
                      (unsigned)header->e_machine, (unsigned)ELF_MACHINE);
#endif
    if (header->e_type != ET_DYN)
        return refuse(why, "an ELF file, but not a shared object; link it with -shared");
    return true;
}

static bool segment_complete(const elf_segment *segment, off_t file_size)
{
    return segment->p_filesz <= (uint64_t)file_size && segment->p_offset <= (uint64_t)file_size - segment->p_filesz;
}

bool elf_check(int fd, struct why *why)
{
    struct stat status;
    elf_header header;
    if (fstat(fd, &status) != 0)
        return refuse(why, "%s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(why, "not a regular file");
    ssize_t got = pread(fd, &header, sizeof(header), 0);
    if (got < 0)
        return refuse(why, "%s", strerror(errno));
    if (got < (ssize_t)sizeof(header))
        return refuse(why, "not an ELF file; a plugin is a shared object built for this machine");
    if (!header_check(&header, why))
        return false;
    for (unsigned i = 0; i < header.e_phnum && i < SEGMENTS_MAX; i++) {
        elf_segment segment;
        off_t at = (off_t)(header.e_phoff + (uint64_t)i * sizeof(segment));
        if (pread(fd, &segment, sizeof(segment), at) != (ssize_t)sizeof(segment) ||
            (segment.p_type == PT_LOAD && !segment_complete(&segment, status.st_size)))
            return refuse(why, "cut off after %lld bytes; copy it again", (long long)status.st_size);
    }
    return true;
}
