#include "digit.h"

#include <stdint.h>

/* Where the ten digits of a script begin, ASCII left out (Unicode 13, general category Nd). */
static const uint16_t ZEROS[] = {
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
    0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
};

size_t digit_of_script_at(const char *at, size_t left, char *ascii)
{
    const unsigned char *byte = (const unsigned char *)at;
    size_t size = *byte < 0xE0 ? 2 : *byte < 0xF0 ? 3 : 4;
    if (size == 4 || size > left)
        return 0;
    uint32_t character = size == 2 ? (uint32_t)(byte[0] & 0x1F) << 6 | (byte[1] & 0x3F)
                                   : (uint32_t)(byte[0] & 0x0F) << 12 | (uint32_t)(byte[1] & 0x3F) << 6 | (byte[2] & 0x3F);
    for (size_t i = 0; i < sizeof(ZEROS) / sizeof(ZEROS[0]); i++) {
        if (character >= ZEROS[i] && character < ZEROS[i] + 10u) {
            *ascii = (char)('0' + (character - ZEROS[i]));
            return size;
        }
    }
    return 0;
}
