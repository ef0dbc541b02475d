#include "date_format_internal.h"

const char *const date_months[] = {"January", "February", "March",     "April",   "May",      "June",     "July",
                                   "August",  "September", "October", "November", "December", NULL};
const char *const date_short_months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
                                         "Aug", "Sep", "Oct", "Nov", "Dec", NULL};
const char *const date_week_days[] = {"Sunday",   "Monday", "Tuesday",  "Wednesday",
                                      "Thursday", "Friday", "Saturday", NULL};
const char *const date_short_week_days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", NULL};
const char *const date_eras[] = {"BC", "AD", NULL};
const char *const date_long_eras[] = {"Before Christ", "Anno Domini", NULL};
const char *const date_halves[] = {"AM", "PM", NULL};

const struct date_zone date_utc = {"Coordinated Universal Time", "UTC", "Coordinated Universal Time", "UTC", 0, 0};

/* In the order in which Java looks through them: the first whose name the text begins with. */
const struct date_zone date_zones[] = {
    {"Pacific Standard Time", "PST", "Pacific Daylight Time", "PDT", -480, 60},
    {"Mountain Standard Time", "MST", "Mountain Daylight Time", "MDT", -420, 60},
    {"Central Standard Time", "CST", "Central Daylight Time", "CDT", -360, 60},
    {"Eastern Standard Time", "EST", "Eastern Daylight Time", "EDT", -300, 60},
    {"Hawaii-Aleutian Standard Time", "HST", "Hawaii-Aleutian Daylight Time", "HDT", -600, 0},
    {"Alaska Standard Time", "AKST", "Alaska Daylight Time", "AKDT", -540, 60},
    {"Atlantic Standard Time", "AST", "Atlantic Daylight Time", "ADT", -240, 60},
    {"Newfoundland Standard Time", "NST", "Newfoundland Daylight Time", "NDT", -210, 60},
    {"Central European Standard Time", "CET", "Central European Summer Time", "CEST", 60, 60},
    {"Greenwich Mean Time", "GMT", "Greenwich Mean Time", "GMT", 0, 0},
    {"Israel Standard Time", "IST", "Israel Daylight Time", "IDT", 120, 60},
    {"Japan Standard Time", "JST", "Japan Daylight Time", "JDT", 540, 0},
    {"Eastern European Standard Time", "EET", "Eastern European Summer Time", "EEST", 120, 60},
    {"China Standard Time", "", "China Daylight Time", "", 480, 0},
    {"Australian Central Standard Time", "ACST", "Australian Central Daylight Time", "ACDT", 570, 0},
    {"Australian Eastern Standard Time", "AEST", "Australian Eastern Daylight Time", "AEDT", 600, 60},
    {"Brasilia Standard Time", "BRT", "Brasilia Summer Time", "BRST", -180, 0},
    {"Central Africa Time", "CAT", "Central African Summer Time", "CAST", 120, 0},
    {"East Africa Time", "EAT", "Eastern African Summer Time", "EAST", 180, 0},
    {"New Zealand Standard Time", "NZST", "New Zealand Daylight Time", "NZDT", 720, 60},
    {"Pakistan Standard Time", "PKT", "Pakistan Summer Time", "PKST", 300, 0},
    {"Gulf Standard Time", "GST", "Gulf Daylight Time", "GDT", 240, 0},
    {"Korean Standard Time", "KST", "Korean Daylight Time", "KDT", 540, 0},
    {"West Africa Standard Time", "WAT", "West Africa Summer Time", "WAST", 60, 0},
    {"Moscow Standard Time", "MSK", "Moscow Summer Time", "MSD", 180, 0},
    {"Western European Standard Time", "WET", "Western European Summer Time", "WEST", 0, 60},
    {"Hong Kong Standard Time", "HKT", "Hong Kong Summer Time", "HKST", 480, 0},
    {"Singapore Standard Time", "SGT", "Singapore Summer Time", "SGST", 480, 0},
    {"Australian Western Standard Time", "AWST", "Australian Western Daylight Time", "AWDT", 480, 0},
};
const size_t date_zone_count = sizeof(date_zones) / sizeof(date_zones[0]);
