#include "core/json_check.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

int json_syntax_error(const char *text, size_t offset, const char *name, const char *what, struct error *error) {
    int line = 1, column = 1;
    for (size_t i = 0; i < offset; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return error_set(error, ERROR_CONFIG, name, "line %d, column %d: %s", line, column, what);
}

/* ---- words and numbers ---- */

static const char *skip_digits(const char *at) {
    while (isdigit((unsigned char)*at)) at++;
    return at;
}

/* -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool is_number(const char *word) {
    const char *at = word + (*word == '-'), *end = skip_digits(at);
    if (end == at || (*at == '0' && end != at + 1)) return false;
    if (*end == '.') {
        at = end + 1;
        end = skip_digits(at);
        if (end == at) return false;
    }
    if (*end == 'e' || *end == 'E') {
        at = end + 1;
        at += *at == '+' || *at == '-';
        end = skip_digits(at);
        if (end == at) return false;
    }
    return *end == '\0';
}

static bool is_not_finite(const char *word) {
    static const char *const words[] = {"nan", "inf", "infinity"};
    word += *word == '-' || *word == '+';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t at = 0;
        while (word[at] && tolower((unsigned char)word[at]) == words[i][at]) at++;
        if (!word[at] && !words[i][at]) return true;
    }
    return false;
}

static bool is_of_word(char c) {
    return isalnum((unsigned char)c) || (c && strchr("+-._", c));
}

enum { WORD_MAX = 512 };

/* A run of letters, digits and signs outside strings, from byte `at` on; *end is behind it. */
static int check_word(const char *text, size_t length, size_t at, size_t *end, const char *name, struct error *error) {
    char word[WORD_MAX] = "", what[160];
    size_t size = 0;
    while (at + size < length && is_of_word(text[at + size])) size++;
    *end = at + size;
    if (size >= sizeof word)
        return json_syntax_error(text, at, name, "a word of more than 511 characters; look for a missing quote", error);
    memcpy(word, text + at, size);
    word[size] = '\0';
    bool is_numeric = isdigit((unsigned char)*word) || strchr("+-.", *word);
    if (is_not_finite(word))
        snprintf(what, sizeof what, "\"%.40s\" is no JSON number; give a finite one", word);
    else if (is_numeric && !is_number(word))
        snprintf(what, sizeof what, "\"%.40s\" is no JSON number; write it like 12, -0.5 or 1e-3", word);
    else if (is_numeric && !isfinite(strtod(word, NULL)))
        snprintf(what, sizeof what, "\"%.40s\" is larger than any number a computer holds; give a smaller one", word);
    else
        return 0; /* other words are the parser's */
    return json_syntax_error(text, at, name, what, error);
}

/* ---- the text ---- */

static const char *quoted_fault(const char *text, size_t left) {
    if ((unsigned char)*text < 0x20)
        return "a line break or control character inside a string; write it as \\n, \\t or \\u00XX, or look for a "
               "missing quote";
    if (left >= 6 && memcmp(text, "\\u0000", 6) == 0) return "a zero character inside a string; remove it";
    return NULL;
}

static const char *plain_fault(char c) {
    if ((unsigned char)c >= 0x80) return "a character that may only stand inside a string; quote it, or remove it";
    if ((unsigned char)c < 0x20 && !strchr("\t\r\n", c))
        return "a control character; this is not JSON: name a text file";
    return NULL;
}

int json_check_text(const char *text, size_t length, const char *name, struct error *error) {
    int depth = 0, values = 1;
    bool quoted = false;
    for (size_t i = 0; i < length;) {
        size_t step = text_utf8_sequence(text + i, length - i), end = i;
        char c = text[i];
        if (step == 0) return json_syntax_error(text, i, name, "not UTF-8 text; save the file as UTF-8", error);
        if (c == '\0')
            return json_syntax_error(text, i, name, "a zero byte; this is not JSON: name a text file", error);
        const char *fault = quoted ? quoted_fault(text + i, length - i) : plain_fault(c);
        if (fault) return json_syntax_error(text, i, name, fault, error);
        if (!quoted && is_of_word(c) && check_word(text, length, i, &end, name, error) != 0) return -1;
        if (end > i) step = end - i;
        if (quoted && c == '\\' && i + 1 < length && (unsigned char)text[i + 1] < 0x80) step = 2;
        if (c == '"') quoted = !quoted;
        if (!quoted && (c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX)
            return json_syntax_error(text, i, name, "nested deeper than 64 levels; make it flatter", error);
        if (!quoted && (c == '}' || c == ']')) depth--;
        if (!quoted && strchr(",{[", c) && ++values > JSON_VALUES_MAX)
            return json_syntax_error(text, i, name, "more than 2,097,152 values; no file that is read here has as many",
                                     error);
        i += step;
    }
    return 0;
}

/* ---- comments ---- */

/* The place behind the string that begins at `at`, or the end of the text. */
static size_t skip_string(const char *text, size_t length, size_t at) {
    for (at++; at < length && text[at] != '"'; at++)
        if (text[at] == '\\') at++;
    return at < length ? at + 1 : length;
}

static void blank(char *text, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (text[i] != '\n' && text[i] != '\r') text[i] = ' ';
}

/* The place behind the comment that begins at `at`; 0 where it does not end. */
static size_t comment_end(const char *text, size_t length, size_t at) {
    const bool is_line = text[at + 1] == '/';
    for (size_t i = at + 2; i < length; i++) {
        if (is_line && text[i] == '\n') return i;
        if (!is_line && i + 1 < length && text[i] == '*' && text[i + 1] == '/') return i + 2;
    }
    return is_line ? length : 0;
}

int json_blank_comments(char *text, size_t length, const char *name, struct error *error) {
    for (size_t at = 0; at < length;) {
        const bool begins = text[at] == '/' && at + 1 < length && (text[at + 1] == '/' || text[at + 1] == '*');
        if (begins) {
            const size_t end = comment_end(text, length, at);
            if (end == 0)
                return json_syntax_error(text, at, name, "this comment does not end; close it with */", error);
            blank(text, at, end);
            at = end;
        } else {
            at = text[at] == '"' ? skip_string(text, length, at) : at + 1;
        }
    }
    return 0;
}
