/* abi.h: what every other header of the public ABI stands on.
 *
 * The ABI has a major and a minor number. A plugin states both in its `struct mr_module`; the worker refuses another
 * major in words and accepts every minor up to its own. Within a major, tables (structs of function pointers) only
 * grow at their end: each begins with `size`, and a member past the plugin's `size` counts as NULL. Enumerations grow, too:
 * a plugin that asks for a kind, a type or a code expects answers it does not know (`default:`). The symbols of
 * libmillrace.so carry the version that brought them (MILLRACE_1.0, MILLRACE_1.1).
 *
 * All other types are opaque: plugins reach them through functions of libmillrace.so alone.
 *
 * Conventions, valid for all headers here:
 *  - int results: 0 worked, -1 failed and `*error` says why (error.h). What plugins return is read the same way: anything
 *    but 0 is a failure. A function that cannot fail returns void.
 *  - a pointer result of NULL: failed where the function says so, else "there is none".
 *  - NULL given where something should be is what another function could not make: the call fails, never leaves it out.
 *  - `create` of a plugin returns its state, which comes back as `self`; NULL is a failure, so a plugin without state returns
 *    the address of anything static. A failed create leaves nothing; every other is followed by exactly one destroy.
 *  - `const` means look; `_create` returns yours, `_destroy` ends it; `_take`/`_drop` share a reference;
 *    `_copy` returns yours now. Passing NULL to _destroy and _drop is fine.
 *  - text is UTF-8. Text with a size may hold NUL bytes; text without one ends at the first NUL.
 *  - times are milliseconds since the Unix epoch, spans are milliseconds, unless the name says otherwise.
 */
#ifndef MILLRACE_ABI_H
#define MILLRACE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define MR_BEGIN_DECLS extern "C" {
#define MR_END_DECLS }
#else
#define MR_BEGIN_DECLS
#define MR_END_DECLS
#endif

#define MR_ABI_MAJOR 1
#define MR_ABI_MINOR 1

/* The mark of what a shared object shows to others: for a plugin exactly one function, mr_module_v1 (module.h). */
#define MR_EXPORT __attribute__((visibility("default")))
#define MR_PRINTF(format_at, first_at) __attribute__((__format__(__printf__, format_at, first_at)))
#define MR_MUST_USE __attribute__((warn_unused_result))

/* Text or bytes that somebody else owns. `data == NULL` is null (a tombstone, an absent header value); an empty value
 * has a non-NULL `data` and size 0. */
struct mr_bytes {
    const void *data;
    size_t size;
};

#endif
