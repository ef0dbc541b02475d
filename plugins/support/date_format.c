#include "date_format_internal.h"

#include "calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LETTERS "GyMdkHmsSEDFwWahKzZYuXL"
#define ISO_ZONE_MAX 3

/* The pattern ------------------------------------------------------------------------------------------------ */

static bool is_letter(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

static int check_letter(char letter, size_t count, struct mr_error **error)
{
    if (strchr(LETTERS, letter) == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "Illegal pattern character '%c'", letter);
    if (letter == 'X' && count > ISO_ZONE_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "invalid ISO 8601 format: length=%zu", count);
    return 0;
}

/* Literal bytes that follow each other are one item. */
static void add_literal(struct date_format *format, char character, size_t *literals)
{
    struct date_item *last = format->count == 0 ? NULL : &format->items[format->count - 1];
    if (last == NULL || last->letter != '\0') {
        last = &format->items[format->count++];
        *last = (struct date_item){.at = *literals};
    }
    format->literals[(*literals)++] = character;
    last->count++;
}

static int compile(struct date_format *format, const char *pattern, struct mr_error **error)
{
    bool is_quoted = false;
    size_t literals = 0;
    for (const char *at = pattern; *at != '\0'; at++) {
        if (at[0] == '\'' && at[1] == '\'') {
            add_literal(format, *at++, &literals);
        } else if (*at == '\'') {
            is_quoted = !is_quoted;
        } else if (is_quoted || !is_letter(*at)) {
            add_literal(format, *at, &literals);
        } else {
            struct date_item item = {.letter = *at, .count = 1};
            for (; at[1] == item.letter; at++)
                item.count++;
            if (check_letter(item.letter, item.count, error) < 0)
                return -1;
            format->items[format->count++] = item;
        }
    }
    return is_quoted ? mr_error_set(error, MR_ERR_CONFIG, "Unterminated quote") : 0;
}

/* Two-digit years are of the century that began eighty years ago. */
static void find_century(struct date_format *format)
{
    int64_t now = (int64_t)time(NULL), days = floor_divide(now, 86400);
    struct calendar_date date = calendar_date_of(days);
    bool is_leap_day = date.month == 2 && date.day == 29;
    int64_t year = date.year - YEARS_BACK, start = calendar_days_of(year, date.month, date.day);
    if (is_leap_day && calendar_date_of(start).month != 2)
        start--;
    format->century_start_year = (int)year;
    format->century_start_ms = start * MS_OF_DAY + (now - days * 86400) * 1000;
}

struct date_format *date_format_create(const char *pattern, struct mr_error **error)
{
    size_t size = strlen(pattern);
    struct date_format *format = calloc(1, sizeof(*format));
    if (format != NULL) {
        format->items = calloc(size + 1, sizeof(*format->items));
        format->literals = malloc(size + 1);
    }
    if (format == NULL || format->items == NULL || format->literals == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a date format");
    } else if (compile(format, pattern, error) == 0) {
        format->zone = &date_utc;
        find_century(format);
        return format;
    }
    date_format_destroy(format);
    return NULL;
}

void date_format_destroy(struct date_format *format)
{
    if (format == NULL)
        return;
    free(format->items);
    free(format->literals);
    free(format);
}

/* Printing --------------------------------------------------------------------------------------------------- */

/* An instant in its parts. */
struct parts {
    struct calendar_date date;
    int64_t days, ms_of_day, day_of_year;
    int64_t week_day; /* Sunday is 1 */
    int offset_min;
};

static struct parts parts_of(const struct date_format *format, int64_t ms)
{
    int offset_min = format->zone->offset_min + (format->is_summer ? format->zone->summer_min : 0);
    /* Apart, so that nothing overflows near the ends of time. */
    int64_t days = floor_divide(ms, MS_OF_DAY), ms_of_day = floor_remainder(ms, MS_OF_DAY) + offset_min * INT64_C(60000);
    days += floor_divide(ms_of_day, MS_OF_DAY);
    ms_of_day = floor_remainder(ms_of_day, MS_OF_DAY);
    struct calendar_date date = calendar_date_of(days);
    return (struct parts){
        .date = date,
        .days = days,
        .ms_of_day = ms_of_day,
        .day_of_year = days - calendar_days_of(date.year, 1, 1) + 1,
        .week_day = date_day_of_week(days),
        .offset_min = offset_min,
    };
}

/* Weeks begin on Sunday, and the first holds the first day, be it Saturday. */
static int64_t week_number(int64_t first_day, int64_t day)
{
    return (day - date_on_or_before(first_day, 1)) / 7 + 1;
}

/* A day in the week of the next first of January is of that year's first week. */
static bool is_next_week_year(const struct parts *parts)
{
    return parts->days >= date_on_or_before(calendar_days_of(parts->date.year + 1, 1, 1), 1);
}

static int64_t week_of_year(const struct parts *parts)
{
    return is_next_week_year(parts) ? 1 : week_number(calendar_days_of(parts->date.year, 1, 1), parts->days);
}

/* With zeros in front up to so many digits. */
static void put_number(struct text *text, int64_t number, size_t digits)
{
    char line[32];
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    size_t at = sizeof(line);
    do
        line[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    while (sizeof(line) - at < digits && at > 0)
        line[--at] = '0';
    size_t size = sizeof(line) - at;
    if (number < 0)
        text_add_string(text, "-");
    for (size_t i = size; i < digits; i++)
        text_add_string(text, "0");
    text_add(text, line + at, size);
}

static void put_year(struct text *text, int64_t year, size_t digits)
{
    put_number(text, digits == 2 ? year % 100 : year, digits);
}

static void put_month(struct text *text, int month, size_t letters)
{
    if (letters < 3)
        put_number(text, month, letters);
    else
        text_add_string(text, letters == 3 ? date_short_months[month - 1] : date_months[month - 1]);
}

/* Z, X, XX and XXX. */
static void put_offset(struct text *text, int minutes, char letter, size_t letters)
{
    char line[16];
    int size = minutes < 0 ? -minutes : minutes;
    if (letter == 'X' && minutes == 0) {
        text_add_string(text, "Z");
        return;
    }
    snprintf(line, sizeof(line), "%c%02d", minutes < 0 ? '-' : '+', size / 60);
    text_add_string(text, line);
    if (letter == 'X' && letters == 1)
        return;
    snprintf(line, sizeof(line), "%s%02d", letter == 'X' && letters == 3 ? ":" : "", size % 60);
    text_add_string(text, line);
}

static void put_zone(const struct date_format *format, struct text *text, size_t letters)
{
    const struct date_zone *zone = format->zone;
    if (letters >= 4)
        text_add_string(text, format->is_summer ? zone->summer_name : zone->standard_name);
    else
        text_add_string(text, format->is_summer ? zone->summer_short : zone->standard_short);
}

/* Hours 12 and 24 stand for 0 where counting begins with 1. */
static int64_t hour_from_one(int64_t hour, int64_t hours)
{
    return hour % hours == 0 ? hours : hour % hours;
}

static void put_field(const struct date_format *format, const struct parts *parts, const struct date_item *item,
                      struct text *text)
{
    int64_t hour = parts->ms_of_day / 3600000, year = parts->date.year;
    size_t count = item->count;
    switch (item->letter) {
    case 'G': text_add_string(text, date_eras[year > 0]); break;
    case 'y': put_year(text, year > 0 ? year : 1 - year, count); break;
    case 'Y': put_year(text, year + is_next_week_year(parts), count); break;
    case 'M':
    case 'L': put_month(text, parts->date.month, count); break;
    case 'd': put_number(text, parts->date.day, count); break;
    case 'D': put_number(text, parts->day_of_year, count); break;
    case 'E': text_add_string(text, (count >= 4 ? date_week_days : date_short_week_days)[parts->week_day - 1]); break;
    case 'u': put_number(text, parts->week_day == 1 ? 7 : parts->week_day - 1, count); break;
    case 'F': put_number(text, (parts->date.day - 1) / 7 + 1, count); break;
    case 'w': put_number(text, week_of_year(parts), count); break;
    case 'W': put_number(text, week_number(calendar_days_of(year, parts->date.month, 1), parts->days), count); break;
    case 'a': text_add_string(text, date_halves[hour >= 12]); break;
    case 'H': put_number(text, hour, count); break;
    case 'k': put_number(text, hour_from_one(hour, 24), count); break;
    case 'K': put_number(text, hour % 12, count); break;
    case 'h': put_number(text, hour_from_one(hour, 12), count); break;
    case 'm': put_number(text, parts->ms_of_day / 60000 % 60, count); break;
    case 's': put_number(text, parts->ms_of_day / 1000 % 60, count); break;
    case 'S': put_number(text, parts->ms_of_day % 1000, count); break;
    case 'z': put_zone(format, text, count); break;
    default: put_offset(text, parts->offset_min, item->letter, count); break;
    }
}

void date_format_print(const struct date_format *format, int64_t ms, struct text *text)
{
    struct parts parts = parts_of(format, ms);
    for (size_t i = 0; i < format->count; i++) {
        const struct date_item *item = &format->items[i];
        if (item->letter == '\0')
            text_add(text, format->literals + item->at, item->count);
        else
            put_field(format, &parts, item, text);
    }
}
