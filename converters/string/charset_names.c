/* Java's names of charsets for iconv. Names that both know are not here. */
#include "charset_names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *alias, *name;
} ALIASES[] = {
    {"UTF16", "UTF-16"},
    {"UTF_16", "UTF-16"},
    {"unicode", "UTF-16"},
    {"UnicodeBig", "UTF-16"},
    {"X-UTF-16BE", "UTF-16BE"},
    {"ISO-10646-UCS-2", "UTF-16BE"},
    {"X-UTF-16LE", "UTF-16LE"},
    {"UnicodeBigUnmarked", "UTF-16BE"},
    {"UTF_16BE", "UTF-16BE"},
    {"UnicodeLittleUnmarked", "UTF-16LE"},
    {"UTF_16LE", "UTF-16LE"},
    {"UTF32", "UTF-32"},
    {"UTF_32", "UTF-32"},
    {"X-UTF-32BE", "UTF-32BE"},
    {"UTF_32BE", "UTF-32BE"},
    {"X-UTF-32LE", "UTF-32LE"},
    {"UTF_32LE", "UTF-32LE"},
    {"UTF8", "UTF-8"},
    {"unicode-1-1-utf-8", "UTF-8"},
    {"ASCII7", "US-ASCII"},
    {"646", "US-ASCII"},
    {"iso_646.irv:1983", "US-ASCII"},
    {"819", "ISO-8859-1"},
    {"ISO_8859_1", "ISO-8859-1"},
    {"Latin-9", "ISO-8859-15"},
    {"L9", "ISO-8859-15"},
    {"csISOlatin9", "ISO-8859-15"},
    {"csISO885915", "ISO-8859-15"},
    {"cp923", "ISO-8859-15"},
    {"cp5346", "windows-1250"},
    {"ansi-1251", "windows-1251"},
    {"ibm-1252", "windows-1252"},
    {"ibm1252", "windows-1252"},
    {"cp5348", "windows-1252"},
    {"cp5349", "windows-1253"},
    {"cp5350", "windows-1254"},
    {"cp5353", "windows-1257"},
    {"windows-437", "IBM437"},
    {"csPCp855", "IBM855"},
    {"cp-is", "IBM861"},
    {"csIBM861", "IBM861"},
    {"csIBM862", "IBM862"},
    {"ibm-37", "IBM037"},
    {"037", "IBM037"},
    /* iconv's own Shift_JIS has a yen sign in the backslash's place. */
    {"Shift_JIS", "CP932"},
    {"shift-jis", "CP932"},
    {"SJIS", "CP932"},
    {"x-sjis", "CP932"},
    {"ms_kanji", "CP932"},
    {"csShiftJIS", "CP932"},
    {"windows-932", "windows-31j"},
    {"x-euc-jp", "EUC-JP"},
    {"x-eucjp", "EUC-JP"},
    {"eucjis", "EUC-JP"},
    {"Extended_UNIX_Code_Packed_Format_for_Japanese", "EUC-JP"},
    {"5601", "EUC-KR"},
    {"ksc5601", "EUC-KR"},
    {"ksc_5601", "EUC-KR"},
    {"ksc5601-1987", "EUC-KR"},
    {"ksc5601_1987", "EUC-KR"},
    {"ks_c_5601-1987", "EUC-KR"},
    {"x-EUC-CN", "GB2312"},
    {"gb2312-80", "GB2312"},
    {"gb2312-1980", "GB2312"},
    {"gb18030-2022", "GB18030"},
    {"csBig5", "Big5"},
};

/* Families of names: what follows is the same in both. Those with a year (ISO_8859-1:1987) iconv knows. */
static const struct {
    const char *before, *instead;
} PREFIXES[] = {
    {"ISO8859_", "ISO-8859-"}, {"8859_", "ISO-8859-"}, {"iso_8859-", "ISO-8859-"}, {"ibm-", "IBM"},
    {"euc_", "EUC-"},          {"koi8_", "KOI8-"},
};

const char *charset_plain_name(const char *name, char plain[CHARSET_NAME_MAX])
{
    for (size_t i = 0; i < sizeof(ALIASES) / sizeof(ALIASES[0]); i++) {
        if (strcasecmp(name, ALIASES[i].alias) == 0)
            return ALIASES[i].name;
    }
    for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(PREFIXES[0]); i++) {
        size_t length = strlen(PREFIXES[i].before);
        if (strncasecmp(name, PREFIXES[i].before, length) == 0 && strlen(name) < CHARSET_NAME_MAX / 2 &&
            strchr(name, ':') == NULL) {
            snprintf(plain, CHARSET_NAME_MAX, "%s%s", PREFIXES[i].instead, name + length);
            return plain;
        }
    }
    return name;
}
