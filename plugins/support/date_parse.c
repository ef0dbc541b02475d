/* date_parse.c: text to instants, as SimpleDateFormat reads when it is lenient. */
#include "date_format_internal.h"

#include "digit.h"

#include <string.h>
#include <strings.h>

struct parser {
    struct date_format *format;
    const char *text;
    size_t size, at;
    struct date_fields fields;
    bool is_ambiguous_year; /* of the two years of the century whose number it has */
};

/* Numbers ---------------------------------------------------------------------------------------------------- */

static bool begins_with(const char *text, size_t size, const char *word)
{
    size_t length = strlen(word);
    return size >= length && memcmp(text, word, length) == 0;
}

/* Digits of a number as far as they fit; `beyond`: more than int64 holds. */
struct magnitude {
    int64_t value;
    bool beyond;
};

static void add_digit(struct magnitude *magnitude, int digit)
{
    magnitude->beyond |= __builtin_mul_overflow(magnitude->value, 10, &magnitude->value) ||
                         __builtin_add_overflow(magnitude->value, digit, &magnitude->value);
}

/* Bytes of the digits at `at`; 0: none. */
static size_t read_digits(const char *at, size_t size, struct magnitude *magnitude)
{
    size_t used = 0, bytes;
    char ascii;
    *magnitude = (struct magnitude){.value = 0};
    while ((bytes = digit_at(at + used, size - used, &ascii)) > 0) {
        add_digit(magnitude, ascii - '0');
        used += bytes;
    }
    return used;
}

/* "E3" behind digits counts, also here, where nobody means it. */
static size_t read_exponent(const char *at, size_t size, struct magnitude *magnitude)
{
    struct magnitude exponent;
    bool is_negative = size > 1 && at[0] == 'E' && at[1] == '-';
    size_t sign = is_negative ? 2 : 1;
    size_t digits = size > sign && at[0] == 'E' ? read_digits(at + sign, size - sign, &exponent) : 0;
    if (digits == 0)
        return 0;
    for (int64_t i = 0; i < exponent.value && magnitude->value != 0 && !(magnitude->beyond && !is_negative); i++) {
        if (is_negative)
            magnitude->value /= 10;
        else
            add_digit(magnitude, 0);
    }
    return sign + digits;
}

/* At most `limit` bytes from parser->at on. false: no number there; else it is passed. Java's intValue(): the low bits of what
 * fits into 64, the nearest int of what does not. */
static bool read_number(struct parser *parser, size_t limit, int32_t *number)
{
    const char *at = parser->text + parser->at;
    size_t size = limit;
    struct magnitude magnitude;
    *number = 0;
    if (begins_with(at, size, "NaN")) {
        parser->at += 3;
        return true;
    }
    bool is_negative = size > 0 && *at == '-';
    at += is_negative;
    size -= is_negative;
    bool is_infinite = begins_with(at, size, "\u221E");
    size_t used = is_infinite ? 3 : read_digits(at, size, &magnitude);
    if (used == 0)
        return false;
    if (!is_infinite)
        used += read_exponent(at + used, size - used, &magnitude);
    if (is_infinite || magnitude.beyond)
        *number = is_negative ? INT32_MIN : INT32_MAX;
    else
        *number = (int32_t)(uint32_t)(is_negative ? 0 - (uint64_t)magnitude.value : (uint64_t)magnitude.value);
    parser->at += is_negative + used;
    return true;
}

/* Bytes of `count` UTF-16 units from `at`; false: there are not as many. */
static bool units_bytes(const struct parser *parser, size_t at, size_t count, size_t *bytes)
{
    size_t start = at, units = 0;
    while (units < count && at < parser->size) {
        unsigned char first = (unsigned char)parser->text[at];
        units += first >= 0xF0 ? 2 : 1;
        at += first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    }
    *bytes = at - start;
    return units >= count;
}

/* A numeric field. Where the next one follows at once it has as many digits as letters; blanks before it count. */
static bool read_field(struct parser *parser, const struct date_item *item, size_t start, bool obeys_count, int32_t *number)
{
    size_t bytes = parser->size - start;
    if (obeys_count && !units_bytes(parser, start, item->count, &bytes))
        return false;
    size_t end = start + bytes;
    return end > parser->at && read_number(parser, end - parser->at, number);
}

/* Texts ------------------------------------------------------------------------------------------------------ */

static bool begins_with_any_case(const struct parser *parser, size_t at, const char *word)
{
    size_t length = strlen(word);
    return length > 0 && parser->size - at >= length && strncasecmp(parser->text + at, word, length) == 0;
}

/* The longest that is there: its number, -1 none. */
static int find_text(const struct parser *parser, size_t at, const char *const *texts, size_t *longest)
{
    int found = -1;
    for (int i = 0; texts[i] != NULL; i++) {
        if (strlen(texts[i]) > *longest && begins_with_any_case(parser, at, texts[i])) {
            *longest = strlen(texts[i]);
            found = i;
        }
    }
    return found;
}

/* Short or long; blanks before it are not passed. */
static bool read_text(struct parser *parser, size_t start, const char *const *short_texts, const char *const *long_texts,
                      enum date_field field, int first)
{
    size_t longest = 0;
    int found = find_text(parser, start, short_texts, &longest);
    int found_long = long_texts == NULL ? -1 : find_text(parser, start, long_texts, &longest);
    if (found_long >= 0)
        found = found_long;
    if (found < 0)
        return false;
    date_fields_set(&parser->fields, field, found + first);
    parser->at = start + longest;
    return true;
}

/* Zones ------------------------------------------------------------------------------------------------------ */

static int ascii_digit(const struct parser *parser, size_t at)
{
    char character = at < parser->size ? parser->text[at] : '\0';
    return character >= '0' && character <= '9' ? character - '0' : -1;
}

static bool read_minutes(struct parser *parser, size_t at, bool has_colon, int *minutes)
{
    if (has_colon && (at >= parser->size || parser->text[at++] != ':'))
        return false;
    int tens = ascii_digit(parser, at), ones = ascii_digit(parser, at + 1);
    if (tens < 0 || ones < 0 || tens * 10 + ones > 59)
        return false;
    *minutes = tens * 10 + ones;
    parser->at = at + 2;
    return true;
}

static void set_offset(struct parser *parser, int minutes)
{
    date_fields_set(&parser->fields, FIELD_ZONE_OFFSET, minutes * 60000);
    date_fields_set(&parser->fields, FIELD_DST_OFFSET, 0);
}

/* hh, hhmm or hh:mm behind a sign, which has been passed; `letters` as of X, 0 for the others, which allow h:mm. */
static bool read_offset(struct parser *parser, int sign, size_t letters, bool has_colon)
{
    size_t at = parser->at;
    int hours = ascii_digit(parser, at++), next = ascii_digit(parser, at), minutes = 0;
    if (hours < 0 || (next < 0 && (at >= parser->size || letters > 0 || !has_colon)))
        return false;
    if (next >= 0) {
        hours = hours * 10 + next;
        at++;
    }
    parser->at = at;
    if (hours > 23 || (letters != 1 && !read_minutes(parser, at, has_colon, &minutes)))
        return false;
    set_offset(parser, sign * (hours * 60 + minutes));
    return true;
}

static int sign_at(const struct parser *parser)
{
    char character = parser->at < parser->size ? parser->text[parser->at] : '\0';
    return character == '+' ? 1 : character == '-' ? -1 : 0;
}

/* 1 to 4 as Java numbers the names; 0: none of them. */
static int find_zone_name(const struct parser *parser, const struct date_zone *zone)
{
    const char *const names[] = {zone->standard_name, zone->standard_short, zone->summer_name, zone->summer_short};
    for (int i = 0; i < 4; i++)
        if (begins_with_any_case(parser, parser->at, names[i]))
            return i + 1;
    return 0;
}

static bool take_zone(struct parser *parser, const struct date_zone *zone)
{
    int name = find_zone_name(parser, zone);
    if (name == 0)
        return false;
    const char *const lengths[] = {zone->standard_name, zone->standard_short, zone->summer_name, zone->summer_short};
    bool is_summer = name > 2 && zone->summer_min != 0, has_one_name = strcmp(lengths[1], lengths[3]) == 0;
    parser->format->zone = zone;
    parser->format->is_summer = is_summer;
    if (!has_one_name && (name <= 2 || is_summer)) {
        parser->fields.stamps[FIELD_ZONE_OFFSET] = 0;
        date_fields_set(&parser->fields, FIELD_DST_OFFSET, is_summer ? zone->summer_min * 60000 : 0);
    }
    parser->at += strlen(lengths[name - 1]);
    return true;
}

/* The zone that the format has now comes first, then UTC, the zone of the process. */
static bool read_zone_name(struct parser *parser)
{
    if (take_zone(parser, parser->format->zone) || take_zone(parser, &date_utc))
        return true;
    for (size_t i = 0; i < date_zone_count; i++)
        if (take_zone(parser, &date_zones[i]))
            return true;
    return false;
}

/* z and Z read the same. */
static bool read_zone(struct parser *parser, size_t start)
{
    int sign = sign_at(parser);
    if (sign != 0) {
        parser->at++;
        return read_offset(parser, sign, 0, false);
    }
    char first = parser->text[parser->at];
    if ((first != 'G' && first != 'g') || !begins_with_any_case(parser, start, "GMT"))
        return read_zone_name(parser);
    parser->at = start + 3;
    sign = sign_at(parser);
    if (sign == 0) {
        set_offset(parser, 0);
        return true;
    }
    parser->at++;
    return read_offset(parser, sign, 0, true);
}

static bool read_iso_zone(struct parser *parser, size_t letters)
{
    int sign = sign_at(parser);
    if (parser->text[parser->at++] == 'Z') {
        set_offset(parser, 0);
        return true;
    }
    return sign != 0 && read_offset(parser, sign, letters, letters == 3);
}

/* Fields ----------------------------------------------------------------------------------------------------- */

static bool is_numeric(const struct date_item *item)
{
    if (item->letter == 'M' || item->letter == 'L')
        return item->count <= 2;
    return item->letter != '\0' && strchr("GEazZX", item->letter) == NULL;
}

/* Exactly two digits are a year of the century at hand. */
static int32_t full_year(struct parser *parser, size_t start, size_t letters, int32_t year)
{
    char ascii;
    size_t first = digit_at(parser->text + start, parser->size - start, &ascii);
    size_t second = first == 0 ? 0 : digit_at(parser->text + start + first, parser->size - start - first, &ascii);
    if (letters > 2 || second == 0 || parser->at != start + first + second)
        return year;
    int32_t least = parser->format->century_start_year % 100;
    parser->is_ambiguous_year = year == least;
    return year + parser->format->century_start_year / 100 * 100 + (year < least ? 100 : 0);
}

static void set_number(struct parser *parser, const struct date_item *item, size_t start, int32_t number)
{
    static const char letters[] = "dHmsSDFwWK";
    static const enum date_field fields[] = {
        FIELD_DAY_OF_MONTH, FIELD_HOUR_OF_DAY,          FIELD_MINUTE,       FIELD_SECOND,        FIELD_MILLISECOND,
        FIELD_DAY_OF_YEAR,  FIELD_DAY_OF_WEEK_IN_MONTH, FIELD_WEEK_OF_YEAR, FIELD_WEEK_OF_MONTH, FIELD_HOUR};
    struct date_fields *set = &parser->fields;
    switch (item->letter) {
    case 'y': date_fields_set(set, FIELD_YEAR, full_year(parser, start, item->count, number)); break;
    case 'Y': date_fields_set(set, FIELD_WEEK_YEAR, full_year(parser, start, item->count, number)); break;
    case 'M':
    case 'L': date_fields_set(set, FIELD_MONTH, (int32_t)((uint32_t)number - 1)); break;
    case 'k': date_fields_set(set, FIELD_HOUR_OF_DAY, number == 24 ? 0 : number); break;
    case 'h': date_fields_set(set, FIELD_HOUR, number == 12 ? 0 : number); break;
    case 'u': date_fields_set(set, FIELD_DAY_OF_WEEK, number < 1 || number > 7 ? number : number == 7 ? 1 : number + 1); break;
    default: date_fields_set(set, fields[strchr(letters, item->letter) - letters], number); break;
    }
}

static bool read_item(struct parser *parser, const struct date_item *item, bool obeys_count)
{
    size_t start = parser->at;
    int32_t number;
    while (parser->at < parser->size && (parser->text[parser->at] == ' ' || parser->text[parser->at] == '\t'))
        parser->at++;
    if (parser->at == parser->size)
        return false;
    if (is_numeric(item)) {
        size_t first = parser->at;
        if (!read_field(parser, item, start, obeys_count, &number))
            return false;
        set_number(parser, item, first, number);
        return true;
    }
    switch (item->letter) {
    case 'G': return read_text(parser, start, date_eras, date_long_eras, FIELD_ERA, 0);
    case 'E': return read_text(parser, start, date_short_week_days, date_week_days, FIELD_DAY_OF_WEEK, 1);
    case 'a': return read_text(parser, start, date_halves, NULL, FIELD_AM_PM, 0);
    case 'X': return read_iso_zone(parser, item->count);
    case 'z':
    case 'Z': return read_zone(parser, start);
    default: return read_text(parser, start, date_short_months, date_months, FIELD_MONTH, 0);
    }
}

static bool read_literal(struct parser *parser, const struct date_item *item)
{
    const char *literal = parser->format->literals + item->at;
    if (parser->size - parser->at < item->count || memcmp(parser->text + parser->at, literal, item->count) != 0)
        return false;
    parser->at += item->count;
    return true;
}

bool date_format_parse(struct date_format *format, struct mr_bytes text, int64_t *ms)
{
    struct parser parser = {.format = format, .text = text.data, .size = text.size};
    for (size_t i = 0; i < format->count; i++) {
        const struct date_item *item = &format->items[i];
        bool obeys_count = i + 1 < format->count && is_numeric(&format->items[i + 1]);
        if (item->letter == '\0' ? !read_literal(&parser, item) : !read_item(&parser, item, obeys_count))
            return false;
    }
    *ms = date_fields_resolve(&parser.fields, format->zone);
    if (parser.is_ambiguous_year && *ms < format->century_start_ms) {
        parser.fields.values[FIELD_YEAR] += parser.fields.stamps[FIELD_YEAR] != 0 ? 100 : 0;
        parser.fields.values[FIELD_WEEK_YEAR] += parser.fields.stamps[FIELD_WEEK_YEAR] != 0 ? 100 : 0;
        *ms = date_fields_resolve(&parser.fields, format->zone);
    }
    return true;
}
