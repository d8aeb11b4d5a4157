/* How wide text stands on a terminal. The C library's wcwidth would ask for a locale, and the answer would depend on
 * it.
 */
#include <stdint.h>
#include <string.h>

#include "core/text.h"

struct range {
    uint32_t first, last;
};

/* Marks that stand on the character before them, and characters without a width. */
static const struct range zero_wide[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0900, 0x0902},
    {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},
    {0x1160, 0x11FF}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2064},
    {0x20D0, 0x20F0}, {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
};

/* East Asian characters of full width, and pictures. */
static const struct range two_wide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x3098},   {0x309B, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
    {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1B000, 0x1B2FF}, {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
    {0x1F900, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

static bool is_among(uint32_t character, const struct range *ranges, size_t count) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (character > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && character >= ranges[low].first;
}

static uint32_t character_of(const char *sequence, size_t size) {
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t character = (unsigned char)sequence[0] & masks[size];
    for (size_t i = 1; i < size; i++) character = character << 6 | ((unsigned char)sequence[i] & 0x3F);
    return character;
}

/* Bytes of the first character and its columns; what is no UTF-8 counts as one byte of one column. */
static size_t measure(const char *string, size_t left, int *columns) {
    size_t size = text_utf8_sequence(string, left);
    *columns = 1;
    if (size < 2) return 1;
    uint32_t character = character_of(string, size);
    if (is_among(character, zero_wide, sizeof zero_wide / sizeof *zero_wide)) *columns = 0;
    if (is_among(character, two_wide, sizeof two_wide / sizeof *two_wide)) *columns = 2;
    return size;
}

int text_columns_of(const char *bytes, size_t length) {
    int all = 0, columns = 0;
    for (size_t at = 0; at < length; all += columns) at += measure(bytes + at, length - at, &columns);
    return all;
}

int text_columns(const char *string) {
    return text_columns_of(string, strlen(string));
}

size_t text_cut_columns(const char *string, int limit) {
    size_t at = 0, length = strlen(string);
    for (int all = 0, columns = 0; at < length;) {
        size_t size = measure(string + at, length - at, &columns);
        all += columns;
        if (all > limit) break;
        at += size;
    }
    return at;
}
