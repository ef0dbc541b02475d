/* date_format_internal: what the files of `date_format` share. */
#ifndef SUPPORT_DATE_FORMAT_INTERNAL_H
#define SUPPORT_DATE_FORMAT_INTERNAL_H

#include "date_format.h"

#define YEARS_BACK 80 /* where the century of two-digit years begins, before now */

/* A pattern letter with its count, or literal text (letter 0). */
struct date_item {
    char letter;
    size_t count;  /* of letters, or bytes of text */
    size_t at;     /* of text, in `literals` */
};

/* A zone as far as one needs to know: names and offsets of its standard and its summer time. */
struct date_zone {
    const char *standard_name, *standard_short, *summer_name, *summer_short; /* "" none */
    int16_t offset_min, summer_min; /* what summer adds; 0: it has none now */
};

struct date_format {
    struct date_item *items;
    size_t count;
    char *literals;
    const struct date_zone *zone; /* that prints and parses */
    bool is_summer;
    int64_t century_start_ms; /* two-digit years are read as of the hundred years from here on */
    int century_start_year;
};

/* The fields of Java's Calendar. The numbers say in which order they were set last; 0: not at all. */
enum date_field {
    FIELD_ERA, FIELD_YEAR, FIELD_MONTH, FIELD_WEEK_OF_YEAR, FIELD_WEEK_OF_MONTH, FIELD_DAY_OF_MONTH, FIELD_DAY_OF_YEAR,
    FIELD_DAY_OF_WEEK, FIELD_DAY_OF_WEEK_IN_MONTH, FIELD_AM_PM, FIELD_HOUR, FIELD_HOUR_OF_DAY, FIELD_MINUTE, FIELD_SECOND,
    FIELD_MILLISECOND, FIELD_ZONE_OFFSET, FIELD_DST_OFFSET, FIELD_WEEK_YEAR, FIELDS
};

struct date_fields {
    int32_t values[FIELDS];
    int stamps[FIELDS];
    int stamp; /* the last one given */
};

void date_fields_set(struct date_fields *fields, enum date_field field, int32_t value);
/* The instant that the fields mean: those set last win where they contradict each other, values beyond their range roll over. */
int64_t date_fields_resolve(const struct date_fields *fields, const struct date_zone *zone);

/* Day of the week: Sunday is 1. */
int64_t date_day_of_week(int64_t days);
/* The last such day of the week up to `days`. */
int64_t date_on_or_before(int64_t days, int64_t day_of_week);

/* Texts of en_US; NULL ends each list. */
extern const char *const date_months[], *const date_short_months[], *const date_week_days[], *const date_short_week_days[],
    *const date_eras[], *const date_long_eras[], *const date_halves[];
extern const struct date_zone date_utc;
extern const struct date_zone date_zones[];
extern const size_t date_zone_count;

#endif
