#include "calendar.h"

#include <stddef.h>
#include <time.h>

int64_t floor_divide(int64_t number, int64_t divisor)
{
    return number / divisor - (number % divisor < 0);
}

int64_t floor_remainder(int64_t number, int64_t divisor)
{
    return number % divisor + (number % divisor < 0 ? divisor : 0);
}

/* The calendars repeat every 400 years (146097 days) and every 4 years (1461 days); years counted from March. */
struct calendar_date calendar_date_of(int64_t days)
{
    bool is_julian = days < GREGORIAN_FIRST_DAY;
    int64_t from_march = days + (is_julian ? 719470 : 719468);
    int64_t cycle_days = is_julian ? 1461 : 146097, cycle = floor_divide(from_march, cycle_days);
    int64_t in_cycle = from_march - cycle * cycle_days;
    int64_t year = is_julian ? (in_cycle - in_cycle / 1460) / 365
                             : (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
    int64_t day_of_year = in_cycle - (365 * year + year / 4 - (is_julian ? 0 : year / 100));
    int64_t month = (5 * day_of_year + 2) / 153;
    return (struct calendar_date){
        .year = year + cycle * (is_julian ? 4 : 400) + (month >= 10),
        .month = (int)(month < 10 ? month + 2 : month - 10) + 1,
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
    };
}

int64_t calendar_month_start(int64_t year, int64_t month, bool is_julian)
{
    year += floor_divide(month - 1, 12);
    month = floor_remainder(month - 1, 12) + 1;
    int64_t from_march = (month + 9) % 12; /* 0: March */
    if (month <= 2)
        year--;
    int64_t days = 365 * year + floor_divide(year, 4) + (153 * from_march + 2) / 5;
    if (is_julian)
        return days - 719470;
    return days - floor_divide(year, 100) + floor_divide(year, 400) - 719468;
}

int64_t calendar_days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t days = calendar_month_start(year, month, false) + day - 1;
    return days >= GREGORIAN_FIRST_DAY ? days : calendar_month_start(year, month, true) + day - 1;
}

int64_t calendar_offset_ms(int64_t utc_ms, const char **name)
{
    time_t seconds = (time_t)floor_divide(utc_ms, 1000);
    struct tm local = {.tm_zone = NULL};
    localtime_r(&seconds, &local);
    if (name != NULL)
        *name = local.tm_zone == NULL ? "UTC" : local.tm_zone;
    return (int64_t)local.tm_gmtoff * 1000;
}

int64_t calendar_utc_of(int64_t local_ms)
{
    int64_t guess = (int64_t)((uint64_t)local_ms - (uint64_t)calendar_offset_ms(local_ms, NULL));
    return (int64_t)((uint64_t)local_ms - (uint64_t)calendar_offset_ms(guess, NULL));
}
