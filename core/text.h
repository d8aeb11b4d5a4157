/* Text that grows, and the nearest known word to a mistyped one. */
#ifndef CNNTRAIN_CORE_TEXT_H
#define CNNTRAIN_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A growing string. Starts as {0}; `bytes` is always terminated once something was added. When memory runs out
 * `failed` stays set and further additions do nothing: check it once, at the end. */
struct text {
    char *bytes;
    size_t length, capacity;
    bool failed;
};

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds `count` times `string`. */
void text_repeat(struct text *text, const char *string, int count);
/* Adds a word as a shell reads it back: as it stands, or in single quotes. */
void text_add_shell_word(struct text *text, const char *word);
void text_free(struct text *text);

/* Bytes of the UTF-8 sequence (RFC 3629) that stands at `text` with `left` bytes to read; 0 where it is none. */
size_t text_utf8_sequence(const char *text, size_t left);
bool text_is_utf8(const char *string);
/* Whether the UTF-8 sequence of `size` bytes is a character that a terminal obeys: U+0000 to U+001F, U+007F to U+009F.
 */
bool text_is_control(const char *sequence, size_t size);
/* UTF-8 text without control characters: what may be a name. */
bool text_is_printable(const char *string);
/* The first character of a string as it may be shown: itself, or an escape such as \n, \x1b for a control character and
 * for a byte that is no UTF-8. Returns the bytes of the string that it stands for; 0 at its end. */
enum { TEXT_SHOWN_SIZE = 12 };
size_t text_show(const char *string, char shown[TEXT_SHOWN_SIZE]);
/* Adds the whole string so. */
void text_add_shown(struct text *text, const char *string);

/* Bytes of the longest beginning of the string that has at most `limit` bytes and ends with a whole character. */
size_t text_cut(const char *string, size_t limit);
/* The string into buffer; where it does not fit (size of 8 or more), its beginning and its end with "..." between. */
char *text_shorten(const char *string, char *buffer, size_t size);

/* Adds text of one or more paragraphs, each ended by a newline, broken at spaces into lines of at most `width` columns
 * (longer where a word is); every line but the very first begins with `indent` spaces. A line of its own that begins
 * with a space, such as a formula, stays as it is where it fits. */
void text_wrap(struct text *text, const char *paragraphs, int width, int indent);

/* Columns a UTF-8 string takes on a terminal: two for East Asian characters and pictures, none for combining marks. */
int text_columns(const char *string);
int text_columns_of(const char *bytes, size_t length);
/* Bytes of the longest beginning of the string, in whole characters, that takes at most `limit` columns. */
size_t text_cut_columns(const char *string, int limit);

/* Writes `value` with thousands commas ("72,906") into buffer (32 bytes are enough) and returns it. */
char *text_thousands(char *buffer, size_t size, long long value);

/* The word of `words` (count of them) nearest to `word` by edits (a swap of neighbours counts one), ignoring case;
 * NULL where none is near enough to be meant. */
const char *text_nearest(const char *word, const char *const *words, size_t count);

#endif
