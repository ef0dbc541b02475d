#include "instant_text.h"

#include "calendar.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

size_t instant_text(int64_t ms, char text[INSTANT_TEXT_MAX])
{
    char date_text[48], time_text[32];
    int64_t second_of_epoch = floor_divide(ms, 1000) + calendar_offset_ms(ms, NULL) / 1000;
    int64_t days = floor_divide(second_of_epoch, 86400);
    int second = (int)floor_remainder(second_of_epoch, 86400), millisecond = (int)floor_remainder(ms, 1000);
    struct calendar_date date = calendar_date_of(days);
    int64_t year = date.year > 0 ? date.year : 1 - date.year; /* of its era */
    snprintf(date_text, sizeof(date_text), "%04" PRId64 "-%02d-%02d", year, date.month, date.day);
    snprintf(time_text, sizeof(time_text), "%02d:%02d:%02d.%03dZ", second / 3600, second / 60 % 60, second % 60,
             millisecond);
    bool is_time = ms < MS_OF_DAY, is_date = !is_time && ms % MS_OF_DAY == 0;
    return (size_t)snprintf(text, INSTANT_TEXT_MAX, "%s%s%s", is_time ? "" : date_text, is_time || is_date ? "" : "T",
                            is_date ? "" : time_text);
}
