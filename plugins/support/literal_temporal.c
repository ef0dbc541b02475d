/* Dates and times, read as SimpleDateFormat does where it is lenient: a field has as many digits as there are, values out of
 * range roll over, text behind the pattern is not looked at. */
#include "calendar.h"
#include "digit.h"
#include "literal_internal.h"

#include <string.h>

#define DATE_PATTERN "y-M-d"
#define TIME_PATTERN "H:m:s.SZ"
#define TIMESTAMP_PATTERN "y-M-dTH:m:s.SZ"
/* What makes the kind is the length of the text, in UTF-16 units. */
#define DATE_LENGTH LITERAL_TEMPORAL_BYTES_MIN
#define TIME_LENGTH 13
#define TIMESTAMP_LENGTH 24
#define TEXT_BYTES_MAX (TIMESTAMP_LENGTH * 3)

struct fields {
    int32_t year, month, day, hour, minute, second, millisecond;
};

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Blanks, an optional minus sign, digits. NULL: no number there. */
static const char *read_number(const char *at, int32_t *number)
{
    at += strspn(at, " \t");
    bool is_negative = *at == '-';
    at += is_negative;
    if (!is_digit(*at))
        return NULL;
    int64_t value = 0;
    for (; is_digit(*at); at++) {
        if (value < INT64_MAX / 10 - 10)
            value = value * 10 + (*at - '0');
    }
    if (is_negative)
        value = -value;
    *number = (int32_t)(uint32_t)(uint64_t)value; /* Java's intValue(): the low bits */
    return at;
}

static int32_t *field_of(struct fields *fields, char letter)
{
    switch (letter) {
    case 'y': return &fields->year;
    case 'M': return &fields->month;
    case 'd': return &fields->day;
    case 'H': return &fields->hour;
    case 'm': return &fields->minute;
    case 's': return &fields->second;
    case 'S': return &fields->millisecond;
    default: return NULL;
    }
}

static bool read_pattern(const char *text, const char *pattern, struct fields *fields)
{
    *fields = (struct fields){.year = 1970, .month = 1, .day = 1};
    for (; *pattern != '\0'; pattern++) {
        int32_t *field = field_of(fields, *pattern);
        if (field != NULL)
            text = read_number(text, field);
        else
            text = *text == *pattern ? text + 1 : NULL;
        if (text == NULL)
            return false;
    }
    return true;
}

static int64_t instant_of(const struct fields *fields)
{
    int64_t days = calendar_days_of(fields->year, fields->month, fields->day);
    int64_t seconds = fields->hour * INT64_C(3600) + fields->minute * INT64_C(60) + fields->second;
    uint64_t local_ms = (uint64_t)days * (uint64_t)MS_OF_DAY + (uint64_t)(seconds * 1000 + fields->millisecond);
    return calendar_utc_of((int64_t)local_ms); /* years beyond the range of instants wrap around, as in Java */
}

/* Without the backslashes before colons, digits in ASCII. 0: too long to be a date or time. */
static size_t unescape(struct mr_bytes text, char line[TEXT_BYTES_MAX + 1])
{
    const char *from = text.data;
    size_t size = 0;
    for (size_t i = 0; i < text.size;) {
        if (size == TEXT_BYTES_MAX)
            return 0;
        size_t digit = digit_at(from + i, text.size - i, &line[size]);
        bool is_escape = from[i] == '\\' && i + 1 < text.size && from[i + 1] == ':';
        if (digit == 0)
            line[size] = from[i];
        size += is_escape ? 0 : 1;
        i += digit == 0 ? 1 : digit;
    }
    line[size] = '\0';
    return size;
}

static size_t utf16_length(const char *text, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        length += (byte & 0xC0) != 0x80; /* the first byte of a character */
        length += byte >= 0xF0;          /* which takes two units there */
    }
    return length;
}

enum literal_status literal_temporal(struct mr_arena *arena, struct mr_bytes text, struct literal *literal)
{
    static const struct kind {
        size_t length;
        enum mr_logical_type type;
        const char *pattern;
    } kinds[] = {
        {TIME_LENGTH, MR_LOGICAL_TIME, TIME_PATTERN},
        {TIMESTAMP_LENGTH, MR_LOGICAL_TIMESTAMP, TIMESTAMP_PATTERN},
        {DATE_LENGTH, MR_LOGICAL_DATE, DATE_PATTERN},
    };
    char line[TEXT_BYTES_MAX + 1];
    if (text.size < LITERAL_TEMPORAL_BYTES_MIN)
        return LITERAL_NO;
    size_t size = unescape(text, line), length = utf16_length(line, size);
    struct fields fields;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].length != length || !read_pattern(line, kinds[i].pattern, &fields))
            continue;
        literal->schema = mr_schema_logical(kinds[i].type, false);
        literal->value = mr_instant(arena, instant_of(&fields));
        return literal->value == NULL ? LITERAL_NO_MEMORY : LITERAL_OK;
    }
    return LITERAL_NO;
}
