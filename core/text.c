#include "core/text.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct text *text, size_t more) {
    if (text->failed) return false;
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity) return true;
    size_t capacity = text->capacity ? text->capacity : 256;
    while (capacity < needed) capacity *= 2;
    char *bytes = realloc(text->bytes, capacity);
    if (!bytes) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length) {
    if (!reserve(text, length)) return;
    if (length) memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_add(struct text *text, const char *string) {
    text_add_bytes(text, string, strlen(string));
}

void text_print(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !reserve(text, (size_t)length)) return;
    va_start(arguments, format);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

void text_repeat(struct text *text, const char *string, int count) {
    for (int i = 0; i < count; i++) text_add(text, string);
}

void text_add_shell_word(struct text *text, const char *word) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:=,+@%";
    if (*word && strspn(word, plain) == strlen(word)) {
        text_add(text, word);
        return;
    }
    text_add(text, "'");
    for (; *word; word++) {
        if (*word == '\'')
            text_add(text, "'\\''");
        else
            text_add_bytes(text, word, 1);
    }
    text_add(text, "'");
}

void text_free(struct text *text) {
    free(text->bytes);
    *text = (struct text){0};
}

size_t text_utf8_sequence(const char *text, size_t left) {
    const unsigned char *at = (const unsigned char *)text;
    if (left == 0) return 0;
    if (at[0] < 0x80) return 1;
    size_t length = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (at[0] < 0xC2 || at[0] > 0xF4 || left < length) return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    bool overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    bool beyond = (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF4 && at[1] > 0x8F);
    return overlong || beyond ? 0 : length;
}

bool text_is_utf8(const char *string) {
    size_t left = strlen(string);
    while (left > 0) {
        size_t step = text_utf8_sequence(string, left);
        if (step == 0) return false;
        string += step;
        left -= step;
    }
    return true;
}

bool text_is_control(const char *sequence, size_t size) {
    const unsigned char *bytes = (const unsigned char *)sequence;
    if (size == 1) return bytes[0] < 0x20 || bytes[0] == 0x7f;
    return size == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0;
}

bool text_is_printable(const char *string) {
    for (size_t left = strlen(string), size; left > 0; string += size, left -= size) {
        size = text_utf8_sequence(string, left);
        if (size == 0 || text_is_control(string, size)) return false;
    }
    return true;
}

size_t text_show(const char *string, char shown[TEXT_SHOWN_SIZE]) {
    size_t left = strnlen(string, 4), size = text_utf8_sequence(string, left);
    if (left == 0) return 0;
    if (size > 0 && !text_is_control(string, size)) {
        memcpy(shown, string, size);
        shown[size] = '\0';
        return size;
    }
    if (size == 0) size = 1;
    if (*string == '\n')
        memcpy(shown, "\\n", 3);
    else if (size == 1)
        snprintf(shown, TEXT_SHOWN_SIZE, "\\x%02x", (unsigned char)string[0]);
    else
        snprintf(shown, TEXT_SHOWN_SIZE, "\\x%02x\\x%02x", (unsigned char)string[0], (unsigned char)string[1]);
    return size;
}

void text_add_shown(struct text *text, const char *string) {
    char shown[TEXT_SHOWN_SIZE];
    for (size_t step; (step = text_show(string, shown)) > 0; string += step) text_add(text, shown);
}

/* Whether a character, rather than the rest of one, begins here. */
static bool begins_character(char c) {
    return ((unsigned char)c & 0xC0) != 0x80;
}

size_t text_cut(const char *string, size_t limit) {
    size_t length = strlen(string);
    if (length <= limit) return length;
    size_t cut = limit;
    for (int i = 0; i < 3 && cut > 0 && !begins_character(string[cut]); i++) cut--;
    return begins_character(string[cut]) ? cut : limit; /* no UTF-8: anywhere */
}

char *text_shorten(const char *string, char *buffer, size_t size) {
    static const char dots[] = "...";
    size_t length = strlen(string), room = size - sizeof dots;
    if (length < size) return memcpy(buffer, string, length + 1);
    size_t head = text_cut(string, room / 2), tail = length - (room - head);
    for (int i = 0; i < 3 && !begins_character(string[tail]); i++) tail++;
    memcpy(buffer, string, head);
    memcpy(buffer + head, dots, sizeof dots - 1);
    memcpy(buffer + head + sizeof dots - 1, string + tail, length - tail + 1);
    return buffer;
}

char *text_thousands(char *buffer, size_t size, long long value) {
    char digits[32];
    int length =
        snprintf(digits, sizeof digits, "%llu", value < 0 ? -(unsigned long long)value : (unsigned long long)value);
    size_t at = 0;
    if (value < 0 && at + 1 < size) buffer[at++] = '-';
    for (int i = 0; i < length && at + 2 < size; i++) {
        if (i && (length - i) % 3 == 0) buffer[at++] = ',';
        buffer[at++] = digits[i];
    }
    if (size) buffer[at] = '\0';
    return buffer;
}

enum { WORD_LIMIT = 48 };

static int smaller(int a, int b) {
    return a < b ? a : b;
}

/* Optimal string alignment distance (Damerau 1964, restricted): insert, delete, replace, swap neighbours. */
static int edits(const char *a, const char *b) {
    int rows = (int)strlen(a), columns = (int)strlen(b);
    if (rows >= WORD_LIMIT || columns >= WORD_LIMIT) return INT_MAX;
    int distance[WORD_LIMIT + 1][WORD_LIMIT + 1];
    for (int i = 0; i <= rows; i++) distance[i][0] = i;
    for (int j = 0; j <= columns; j++) distance[0][j] = j;
    for (int i = 1; i <= rows; i++)
        for (int j = 1; j <= columns; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            int best = smaller(distance[i - 1][j], distance[i][j - 1]) + 1;
            best = smaller(best, distance[i - 1][j - 1] + (x != y));
            bool swapped =
                i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]);
            distance[i][j] = swapped ? smaller(best, distance[i - 2][j - 2] + 1) : best;
        }
    return distance[rows][columns];
}

const char *text_nearest(const char *word, const char *const *words, size_t count) {
    const char *nearest = NULL;
    int best = 1 + (int)strlen(word) / 3;
    for (size_t i = 0; i < count; i++) {
        int distance = edits(word, words[i]);
        if (distance >= (int)strlen(word)) continue; /* nothing in common */
        if (distance > best || (distance == best && nearest)) continue;
        best = distance;
        nearest = words[i];
    }
    return nearest;
}

/* A paragraph; the line it starts on is indented already. */
static void wrap_paragraph(struct text *text, const char *at, const char *end, int width, int indent) {
    int column = indent;
    while (at < end) {
        char word[256];
        const size_t length = strcspn(at, " \n");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        const int columns = text_columns(word);
        const bool breaks = column > indent && column + 1 + columns > width;
        if (breaks) {
            text_add(text, "\n");
            text_repeat(text, " ", indent);
            column = indent;
        }
        if (column > indent) text_add(text, " ");
        column += columns + (column > indent);
        text_add_bytes(text, at, length);
        at += length + strspn(at + length, " ");
        if (*at == '\n') break;
    }
}

static bool fits(const char *at, const char *end, int width) {
    int columns = 0;
    for (; at < end; at++) columns += ((unsigned char)*at & 0xC0) != 0x80;
    return columns <= width;
}

void text_wrap(struct text *text, const char *paragraphs, int width, int indent) {
    for (const char *at = paragraphs; *at;) {
        const char *end = at + strcspn(at, "\n");
        const int own = (int)strspn(at, " ");
        if (own == 0 && at != paragraphs && end > at) text_repeat(text, " ", indent);
        if (own == 0) {
            wrap_paragraph(text, at, end, width, indent);
        } else if (fits(at, end, width)) {
            text_add_bytes(text, at, (size_t)(end - at));
        } else {
            text_repeat(text, " ", own);
            wrap_paragraph(text, at + own, end, width, own + 2);
        }
        text_add(text, "\n");
        at = *end ? end + 1 : end;
    }
}
