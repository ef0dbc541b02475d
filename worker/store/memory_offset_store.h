/*
 * memory_offset_store: source offsets that end with the store; for tests. Puts are done before offset_store_put
 * returns.
 */
#ifndef STORE_MEMORY_OFFSET_STORE_H
#define STORE_MEMORY_OFFSET_STORE_H

struct mr_error;
struct offset_store;

struct offset_store *memory_offset_store_create(struct mr_error **error); /* NULL: no memory */

#endif
