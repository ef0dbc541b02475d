/*
 * config_internal: what a parsed configuration is made of. Back room of sdk: config_*.c only.
 *
 * One slot per declared option, found by hash; the submitted map beside it. Built by config_parse.c in one go, constant
 * from then on.
 */
#ifndef SDK_CONFIG_INTERNAL_H
#define SDK_CONFIG_INTERNAL_H

#include "sdk/config_host.h"

struct pointer_map;
struct str_buffer;

/* A typed value. Zeroed: no value. */
struct config_value {
    char *text; /* canonical; NULL: no value */
    union {
        bool boolean;
        int64_t integer;
        double number;
    };
    char **items; /* LIST: one block with its texts behind the pointers */
    size_t item_count;
};

struct config_slot {
    struct config_option option;
    char *full_name_owned; /* NULL without a prefix */
    char *default_text;    /* canonical */
    struct config_value value;
    char *refusal;   /* while parsing: why the text could not be read */
    bool is_missing; /* required and not given */
};

struct mr_config {
    struct string_map *submitted;
    struct pointer_map *by_name; /* name without the prefix → slot */
    struct config_slot *slots;
    size_t slot_count;
    char *prefix; /* NULL: none */
    size_t prefix_length;
    enum config_naming naming;
};

enum config_reading { CONFIG_READ, CONFIG_REFUSED, CONFIG_NO_MEMORY };

/* config_types.c ---------------------------------------------------------------------------------------------- */

struct config_class_finder {
    config_class_find_fn *find; /* NULL: any text */
    void *owner;
};

/* Understands `text` (NULL: no value) as a value of the type. CONFIG_REFUSED: `why` got the words. */
enum config_reading config_value_read(struct config_value *value, enum mr_config_type type, const char *option,
                                      const char *text, const struct config_class_finder *classes,
                                      struct str_buffer *why);
void config_value_release(struct config_value *value);
/* Keeps the first of equal items. false: no memory. */
bool config_value_drop_duplicates(struct config_value *value);
/* As Java prints it in a message: "[a, b]", "null", "[hidden]". */
void config_value_print(const struct config_value *value, enum mr_config_type type, struct str_buffer *out);

/* config_slots.c ---------------------------------------------------------------------------------------------- */

/* Slots with rows and defaults, no values yet. NULL: `*error` says why. */
struct mr_config *config_slots_create(const struct config_source *source, struct mr_error **error);

/* config_values.c --------------------------------------------------------------------------------------------- */

struct config_slot *config_slot_find(const struct mr_config *config, const char *name); /* NULL: not declared */

/* The option's name in what reading says, and for validators and recommenders (config_naming). */
const char *config_slot_name_read(const struct mr_config *config, const struct config_slot *slot);
const char *config_slot_name_told(const struct mr_config *config, const struct config_slot *slot);

int config_no_memory(struct mr_error **error); /* -1 */

#endif
