/*
 * date_fields.c: from the fields of a calendar to an instant, as java.util.GregorianCalendar does when it is lenient. Which
 * fields name the day is decided by what was set last: day of month, day of year, or one of three ways to count weeks.
 */
#include "date_format_internal.h"

#include "calendar.h"

#define CUTOVER_YEAR 1582

/* How the day is told. */
enum day_by { BY_DAY_OF_MONTH, BY_WEEK_OF_MONTH, BY_WEEK_DAY_IN_MONTH, BY_DAY_OF_YEAR, BY_WEEK_OF_YEAR };

struct choice {
    enum day_by by;
    bool has_week_day;
    bool has_week_day_count; /* which Tuesday of the month; else the first */
};

void date_fields_set(struct date_fields *fields, enum date_field field, int32_t value)
{
    fields->values[field] = value;
    fields->stamps[field] = ++fields->stamp;
}

int64_t date_on_or_before(int64_t days, int64_t day_of_week)
{
    int64_t since = days + 4 - (day_of_week - 1); /* 1970-01-01 was a Thursday */
    return days - floor_remainder(since, 7);
}

int64_t date_day_of_week(int64_t days)
{
    return days - date_on_or_before(days, 1) + 1;
}

static int greater(int a, int b)
{
    return a > b ? a : b;
}

/* Two fields that need each other. */
static int both(int a, int b)
{
    return a == 0 || b == 0 ? 0 : greater(a, b);
}

static struct choice choose_month_based(const int *stamps, int best, int by_day, int by_week, int by_count)
{
    struct choice choice = {.by = BY_DAY_OF_MONTH};
    if (best == by_day)
        return choice;
    bool is_week = by_week == by_count ? stamps[FIELD_WEEK_OF_MONTH] >= stamps[FIELD_DAY_OF_WEEK_IN_MONTH]
                                       : best == by_week;
    choice.by = is_week ? BY_WEEK_OF_MONTH : BY_WEEK_DAY_IN_MONTH;
    choice.has_week_day = stamps[FIELD_DAY_OF_WEEK] != 0;
    choice.has_week_day_count = !is_week && stamps[FIELD_DAY_OF_WEEK_IN_MONTH] != 0;
    return choice;
}

static struct choice choose(const int *stamps)
{
    int week_day = stamps[FIELD_DAY_OF_WEEK], by_day = stamps[FIELD_DAY_OF_MONTH];
    int by_week = both(stamps[FIELD_WEEK_OF_MONTH], week_day);
    int by_count = both(stamps[FIELD_DAY_OF_WEEK_IN_MONTH], week_day);
    int by_year_day = stamps[FIELD_DAY_OF_YEAR], by_year_week = both(stamps[FIELD_WEEK_OF_YEAR], week_day);
    int best = greater(greater(greater(by_day, by_week), greater(by_count, by_year_day)), by_year_week);
    if (best == 0) { /* half a pair will do; else the month alone */
        by_week = stamps[FIELD_WEEK_OF_MONTH];
        by_count = greater(stamps[FIELD_DAY_OF_WEEK_IN_MONTH], week_day);
        by_year_week = stamps[FIELD_WEEK_OF_YEAR];
        best = greater(greater(by_week, by_count), by_year_week);
        if (best == 0)
            best = by_day = stamps[FIELD_MONTH];
    }
    if (best == by_day || (best == by_week && stamps[FIELD_WEEK_OF_MONTH] >= stamps[FIELD_WEEK_OF_YEAR]) ||
        (best == by_count && stamps[FIELD_DAY_OF_WEEK_IN_MONTH] >= stamps[FIELD_WEEK_OF_YEAR]))
        return choose_month_based(stamps, best, by_day, by_week, by_count);
    return (struct choice){.by = best == by_year_day ? BY_DAY_OF_YEAR : BY_WEEK_OF_YEAR, .has_week_day = week_day != 0};
}

/* Days ------------------------------------------------------------------------------------------------------- */

static int64_t first_week(int64_t first_day)
{
    int64_t sunday = date_on_or_before(first_day + 6, 1);
    return sunday - first_day >= 1 ? sunday - 7 : sunday;
}

/* Days of so many weeks, in 32 bits as in Java. */
static int64_t days_of_weeks(int64_t weeks)
{
    return (int32_t)((uint32_t)weeks * 7u);
}

/* The n-th such day of the week in the month; from its end for negative n. */
static int64_t week_day_in_month(int64_t first_day, int64_t next_month, int64_t count, int64_t week_day)
{
    if (count >= 0)
        return date_on_or_before(first_day + days_of_weeks(count) - 1, week_day);
    return date_on_or_before(next_month - 1 + days_of_weeks(count + 1), week_day);
}

/* The day in one of the two calendars, as if it held for all times. */
static int64_t day_in(const struct date_fields *fields, const struct choice *choice, int64_t year, bool is_julian)
{
    const int32_t *values = fields->values;
    int64_t week_day = choice->has_week_day ? values[FIELD_DAY_OF_WEEK] : 1;
    bool is_of_year = choice->by == BY_DAY_OF_YEAR || choice->by == BY_WEEK_OF_YEAR;
    int64_t month = is_of_year || fields->stamps[FIELD_MONTH] == 0 ? 1 : (int64_t)values[FIELD_MONTH] + 1;
    int64_t first_day = calendar_month_start(year, month, is_julian), week;
    switch (choice->by) {
    case BY_DAY_OF_MONTH:
        return first_day + (fields->stamps[FIELD_DAY_OF_MONTH] == 0 ? 0 : (int64_t)values[FIELD_DAY_OF_MONTH] - 1);
    case BY_DAY_OF_YEAR: return first_day + values[FIELD_DAY_OF_YEAR] - 1;
    case BY_WEEK_DAY_IN_MONTH:
        return week_day_in_month(first_day, calendar_month_start(year, month + 1, is_julian),
                                 choice->has_week_day_count ? values[FIELD_DAY_OF_WEEK_IN_MONTH] : 1, week_day);
    default: break;
    }
    week = first_week(first_day);
    if (choice->has_week_day)
        week = date_on_or_before(week + 6, week_day);
    if (is_of_year)
        return week + 7 * ((int64_t)values[FIELD_WEEK_OF_YEAR] - 1);
    return week + days_of_weeks((int64_t)values[FIELD_WEEK_OF_MONTH] - 1);
}

/* Years decide by which calendar they are counted; in 1582 and after, what ends up before the 15th of October is Julian. */
static int64_t day_of(const struct date_fields *fields, const struct choice *choice, int64_t year, int64_t days)
{
    bool is_of_year = choice->by == BY_DAY_OF_YEAR || choice->by == BY_WEEK_OF_YEAR;
    int64_t gregorian = days + day_in(fields, choice, year, false);
    bool is_julian = year < CUTOVER_YEAR || (year == CUTOVER_YEAR && is_of_year) || gregorian < GREGORIAN_FIRST_DAY;
    return is_julian ? days + day_in(fields, choice, year, true) : gregorian;
}

/* Week years: the week counts from that which holds the first of January. */
static int64_t day_of_week_year(const struct date_fields *fields, int64_t year)
{
    int64_t week = fields->stamps[FIELD_WEEK_OF_YEAR] != 0 ? fields->values[FIELD_WEEK_OF_YEAR] : 1;
    int64_t week_day = fields->stamps[FIELD_DAY_OF_WEEK] != 0 ? fields->values[FIELD_DAY_OF_WEEK] : 1;
    if (week_day < 1 || week_day > 7) { /* counted from Monday, beyond its range */
        int64_t weeks = floor_divide(week_day - 1, 7);
        week += weeks;
        week_day -= weeks * 7;
        week_day = week_day == 7 ? 1 : week_day + 1;
    }
    int64_t january = calendar_days_of(year, 1, 1);
    return first_week(january) + week_day - 1 + 7 * (week - 1);
}

/* Time ------------------------------------------------------------------------------------------------------- */

static int64_t hour_of(const struct date_fields *fields)
{
    const int *stamps = fields->stamps;
    int by_half = both(stamps[FIELD_HOUR], stamps[FIELD_AM_PM]), best = greater(by_half, stamps[FIELD_HOUR_OF_DAY]);
    if (best == 0)
        best = greater(stamps[FIELD_HOUR], stamps[FIELD_AM_PM]);
    if (best == stamps[FIELD_HOUR_OF_DAY])
        return fields->values[FIELD_HOUR_OF_DAY];
    return fields->values[FIELD_HOUR] + INT64_C(12) * fields->values[FIELD_AM_PM];
}

static int64_t time_of(const struct date_fields *fields)
{
    const int32_t *values = fields->values;
    int64_t minutes = hour_of(fields) * 60 + values[FIELD_MINUTE];
    return (minutes * 60 + values[FIELD_SECOND]) * 1000 + values[FIELD_MILLISECOND];
}

static int64_t offset_of(const struct date_fields *fields, const struct date_zone *zone)
{
    int64_t offset = fields->stamps[FIELD_ZONE_OFFSET] != 0 ? fields->values[FIELD_ZONE_OFFSET]
                                                            : zone->offset_min * INT64_C(60000);
    return offset + (fields->stamps[FIELD_DST_OFFSET] != 0 ? fields->values[FIELD_DST_OFFSET] : 0);
}

/* Astronomical: before the first year there is the year 0. */
static int64_t year_of(const struct date_fields *fields)
{
    int64_t year = fields->stamps[FIELD_YEAR] != 0 ? fields->values[FIELD_YEAR] : 1970;
    bool is_before_christ = fields->stamps[FIELD_ERA] != 0 && fields->values[FIELD_ERA] == 0;
    return is_before_christ ? (int32_t)(uint32_t)(1 - year) : year;
}

/* A week year belongs to the era that the other fields lead to. */
static int64_t week_year_of(const struct date_fields *fields, int64_t days)
{
    struct choice choice = choose(fields->stamps);
    int64_t year = fields->values[FIELD_WEEK_YEAR];
    bool is_before_christ = day_of(fields, &choice, year_of(fields), days) < calendar_days_of(1, 1, 1);
    return is_before_christ ? (int32_t)(uint32_t)(1 - year) : year;
}

int64_t date_fields_resolve(const struct date_fields *fields, const struct date_zone *zone)
{
    int64_t time_ms = time_of(fields), days = floor_divide(time_ms, MS_OF_DAY);
    time_ms = floor_remainder(time_ms, MS_OF_DAY);
    if (fields->stamps[FIELD_WEEK_YEAR] > fields->stamps[FIELD_YEAR]) {
        days += day_of_week_year(fields, week_year_of(fields, days));
    } else {
        struct choice choice = choose(fields->stamps);
        days = day_of(fields, &choice, year_of(fields), days);
    }
    /* Years beyond the range of instants wrap around, as in Java. */
    return (int64_t)((uint64_t)days * (uint64_t)MS_OF_DAY + (uint64_t)time_ms - (uint64_t)offset_of(fields, zone));
}
