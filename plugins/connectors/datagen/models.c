#include "models.h"

#include <string.h>

void dice_init(struct dice *dice, int64_t seed, uint32_t task, int64_t sequence)
{
    dice->state = (uint64_t)seed * 0x9E3779B97F4A7C15u + ((uint64_t)task << 48) + (uint64_t)sequence;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t dice_next(struct dice *dice)
{
    uint64_t z = (dice->state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t below(struct dice *dice, uint64_t bound)
{
    return dice_next(dice) % bound;
}

#define PICK(dice, list) ((list)[below((dice), sizeof(list) / sizeof((list)[0]))])

/* --- building -------------------------------------------------------------------------------------------------------- */

struct column {
    const char *name;
    enum mr_type type; /* 0: a logical timestamp */
};

static const struct mr_schema *schema_of(const char *name, const struct column *columns, size_t count,
                                         struct mr_error **error)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);

    mr_schema_builder_set_name(builder, name);
    for (size_t i = 0; i < count; i++)
        mr_schema_builder_add_field(builder, columns[i].name,
                                    columns[i].type == 0 ? mr_schema_logical(MR_LOGICAL_TIMESTAMP, false)
                                                         : mr_schema_primitive(columns[i].type, false));
    return mr_schema_builder_build(builder, error);
}

static int finish(struct mr_record *record, const struct mr_schema *schema, const char *key,
                  const struct mr_value *const *fields, size_t count, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    struct mr_value *value = mr_struct_create(arena, schema);

    if (value == NULL)
        return mr_arena_failed(arena, error);
    for (size_t i = 0; i < count; i++)
        if (mr_struct_put(value, i, fields[i], error) != 0)
            return -1;
    if (mr_record_set_key(record, mr_schema_primitive(MR_TYPE_STRING, false), mr_string_ref(arena, key, strlen(key))) !=
            0 ||
        mr_record_set_value(record, schema, value) != 0)
        return mr_arena_failed(arena, error);
    return 0;
}

#define FINISH(record, schema, key, fields, error)                                                                     \
    finish(record, schema, key, fields, sizeof(fields) / sizeof((fields)[0]), error)

static const struct mr_value *text(struct mr_arena *arena, const char *literal)
{
    return mr_string_ref(arena, literal, strlen(literal));
}

/* --- orders ------------------------------------------------------------------------------------------------------------ */

static const char *const customers[] = {"ada", "bela", "chen", "dana", "emil", "fatma", "goran", "hana", "ivo", "jun"};
static const char *const goods[] = {"tea", "coffee", "bread", "honey", "olives", "salt", "rice", "apples"};
static const char *const cities[] = {"Lyon", "Graz", "Porto", "Gda\u0144sk", "Bergen", "Cork", "Ghent", "\u0130zmir"};

static const struct mr_schema *orders_schema(struct mr_error **error)
{
    static const struct column columns[] = {
        {"order_id", MR_TYPE_INT64}, {"customer", MR_TYPE_STRING},
        {"item", MR_TYPE_STRING},    {"quantity", MR_TYPE_INT32},
        {"price", MR_TYPE_FLOAT64},  {"express", MR_TYPE_BOOLEAN},
        {"city", MR_TYPE_STRING},    {"ordered_at", 0},
    };

    return schema_of("millrace.datagen.Order", columns, sizeof(columns) / sizeof(columns[0]), error);
}

static int orders_fill(struct mr_record *record, const struct mr_schema *schema, struct dice *dice, int64_t sequence,
                       int64_t now_ms, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    const char *customer = PICK(dice, customers);
    const struct mr_value *fields[] = {
        mr_int64(arena, 100000 + sequence),
        text(arena, customer),
        text(arena, PICK(dice, goods)),
        mr_int32(arena, (int32_t)(1 + below(dice, 9))),
        mr_float64(arena, (double)(50 + below(dice, 9950)) / 100.0),
        mr_boolean(below(dice, 5) == 0),
        text(arena, PICK(dice, cities)),
        mr_instant(arena, now_ms),
    };

    return FINISH(record, schema, customer, fields, error);
}

/* --- sensors ----------------------------------------------------------------------------------------------------------- */

static const char *const sensors[] = {"mill-1", "mill-2", "sluice", "wheel", "weir", "grain-loft"};
static const char *const conditions[] = {"ok", "ok", "ok", "ok", "ok", "ok", "ok", "dusty", "warm"};

static const struct mr_schema *sensors_schema(struct mr_error **error)
{
    static const struct column columns[] = {
        {"sensor", MR_TYPE_STRING},  {"sequence", MR_TYPE_INT64}, {"celsius", MR_TYPE_FLOAT64},
        {"humidity", MR_TYPE_INT32}, {"status", MR_TYPE_STRING},  {"measured_at", 0},
    };

    return schema_of("millrace.datagen.Measurement", columns, sizeof(columns) / sizeof(columns[0]), error);
}

static int sensors_fill(struct mr_record *record, const struct mr_schema *schema, struct dice *dice, int64_t sequence,
                        int64_t now_ms, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    const char *sensor = PICK(dice, sensors);
    const struct mr_value *fields[] = {
        text(arena, sensor),
        mr_int64(arena, sequence),
        mr_float64(arena, ((double)below(dice, 600) - 50.0) / 10.0),
        mr_int32(arena, (int32_t)(20 + below(dice, 75))),
        text(arena, PICK(dice, conditions)),
        mr_instant(arena, now_ms),
    };

    return FINISH(record, schema, sensor, fields, error);
}

/* --- page views ---------------------------------------------------------------------------------------------------------- */

static const char *const pages[] = {"/", "/shop", "/shop/tea", "/cart", "/pay", "/about", "/help", "/search"};
static const char *const devices[] = {"phone", "phone", "laptop", "tablet"};

static const struct mr_schema *pageviews_schema(struct mr_error **error)
{
    static const struct column columns[] = {
        {"user", MR_TYPE_STRING}, {"page", MR_TYPE_STRING},  {"device", MR_TYPE_STRING},
        {"ms", MR_TYPE_INT32},    {"status", MR_TYPE_INT16}, {"viewed_at", 0},
    };

    return schema_of("millrace.datagen.PageView", columns, sizeof(columns) / sizeof(columns[0]), error);
}

static int pageviews_fill(struct mr_record *record, const struct mr_schema *schema, struct dice *dice, int64_t sequence,
                          int64_t now_ms, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    const char *user = PICK(dice, customers);

    (void)sequence;
    const struct mr_value *fields[] = {
        text(arena, user),
        text(arena, PICK(dice, pages)),
        text(arena, PICK(dice, devices)),
        mr_int32(arena, (int32_t)(3 + below(dice, 400))),
        mr_int16(arena, below(dice, 50) == 0   ? 500
                        : below(dice, 20) == 0 ? 404
                                               : 200),
        mr_instant(arena, now_ms),
    };

    return FINISH(record, schema, user, fields, error);
}

/* --- the table ----------------------------------------------------------------------------------------------------------- */

static const struct model models[] = {
    {"orders", orders_schema, orders_fill},
    {"sensors", sensors_schema, sensors_fill},
    {"pageviews", pageviews_schema, pageviews_fill},
};
const char *const model_names[] = {"orders", "sensors", "pageviews", NULL};

const struct model *model_find(const char *name)
{
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        if (strcmp(models[i].name, name) == 0)
            return &models[i];
    return NULL;
}
