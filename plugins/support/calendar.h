/* calendar: days and dates as Java's GregorianCalendar counts them: Gregorian from 1582-10-15, Julian before; and the
 * time zone of the process. */
#ifndef SUPPORT_CALENDAR_H
#define SUPPORT_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define MS_OF_DAY INT64_C(86400000)
/* Days since the epoch of 1582-10-15. */
#define GREGORIAN_FIRST_DAY (-141427)

struct calendar_date {
    int64_t year; /* astronomical: 0 is 1 BC */
    int month, day;
};

/* Rounded down; what is left is never negative. */
int64_t floor_divide(int64_t number, int64_t divisor);
int64_t floor_remainder(int64_t number, int64_t divisor);

/* Days since 1970-01-01, both ways. A month or day beyond its range rolls over. */
struct calendar_date calendar_date_of(int64_t days);
int64_t calendar_days_of(int64_t year, int64_t month, int64_t day);

/* The first day of a month (it may roll over as well), in one of the two calendars. */
int64_t calendar_month_start(int64_t year, int64_t month, bool is_julian);

/* What the process' zone adds to UTC then; `name` (may be NULL) lives as long as the process. */
int64_t calendar_offset_ms(int64_t utc_ms, const char **name);
/* The instant at which clocks of that zone show `local_ms`. */
int64_t calendar_utc_of(int64_t local_ms);

#endif
