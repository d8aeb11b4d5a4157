#include "cmd/roff.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned code_point(const char *sequence, size_t size) {
    const unsigned char *at = (const unsigned char *)sequence;
    unsigned code = size == 2 ? at[0] & 0x1FU : size == 3 ? at[0] & 0x0FU : at[0] & 0x07U;
    for (size_t i = 1; i < size; i++) code = code << 6 | (at[i] & 0x3FU);
    return code;
}

/* The character at `string`, as roff shows it; returns the bytes it took. `literal`: a hyphen is a minus. */
static size_t add_character(struct text *text, const char *string, bool literal) {
    const size_t size = text_utf8_sequence(string, strlen(string));
    if (size > 1) {
        text_print(text, "\\[u%04X]", code_point(string, size));
        return size;
    }
    switch (*string) {
    case '\\':
        text_add(text, "\\e");
        break;
    case '-':
        text_add(text, literal ? "\\-" : "-");
        break;
    case '\'':
        text_add(text, "\\(aq");
        break;
    case '`':
        text_add(text, "\\(ga");
        break;
    case '^':
        text_add(text, "\\(ha");
        break;
    case '~':
        text_add(text, "\\(ti");
        break;
    default:
        text_add_bytes(text, string, 1);
    }
    return 1;
}

static void add_characters(struct text *text, const char *string, size_t length, bool literal) {
    const char *end = string + length;
    while (string < end) string += add_character(text, string, literal);
}

/* A dot or quote at the start of a line would be a command. */
static void guard(struct text *text, const char *string) {
    if (*string == '.' || *string == '\'') text_add(text, "\\&");
}

void roff_add_literal(struct text *text, const char *string) {
    guard(text, string);
    add_characters(text, string, strlen(string), true);
}

static void add_in(struct text *text, const char *font, const char *string, size_t length) {
    text_print(text, "\\f%s", font);
    add_characters(text, string, length, true);
    text_add(text, "\\fR");
}

/* Letters of an option at the start of a word: "--top", "-v". */
static size_t option_length(const char *word) {
    size_t length = strspn(word, "-");
    if (length == 0 || length > 2 || !isalpha((unsigned char)word[length])) return 0;
    while (isalnum((unsigned char)word[length]) || (word[length] == '-' && isalnum((unsigned char)word[length + 1])))
        length++;
    return length;
}

static void add_paragraph(struct text *text, const char *at, const char *end) {
    bool word_begins = true;
    guard(text, at);
    while (at < end) {
        const size_t option = word_begins ? option_length(at) : 0;
        const char *closing = *at == '`' ? strchr(at + 1, '`') : NULL;
        if (closing && closing < end) {
            add_in(text, "B", at + 1, (size_t)(closing - at - 1));
            at = closing + 1;
        } else if (option) {
            add_in(text, "B", at, option);
            at += option;
        } else {
            word_begins = *at == ' ' || *at == '(';
            at += add_character(text, at, false);
            continue;
        }
        word_begins = false;
    }
}

void roff_add_prose(struct text *text, const char *paragraphs) {
    bool preformatted = false;
    for (const char *at = paragraphs; *at;) {
        const char *end = at + strcspn(at, "\n");
        if (preformatted && *at != ' ') text_add(text, ".fi\n");
        if (at != paragraphs && end > at && *at != ' ') text_add(text, ".PP\n");
        if (!preformatted && *at == ' ') text_add(text, at == paragraphs ? ".nf\n" : ".PP\n.nf\n");
        preformatted = *at == ' ';
        if (preformatted)
            add_characters(text, at, (size_t)(end - at), true);
        else
            add_paragraph(text, at, end);
        if (end > at) text_add(text, "\n");
        at = *end ? end + 1 : end;
    }
    if (preformatted) text_add(text, ".fi\n");
}

void roff_add_usage(struct text *text, const char *usage) {
    while (*usage) {
        const size_t option = option_length(usage);
        size_t capitals = 0;
        while (isupper((unsigned char)usage[capitals]) ||
               (capitals && strchr(".=_", usage[capitals]) && usage[capitals]))
            capitals++;
        while (capitals && usage[capitals - 1] == '.') capitals--;
        if (option)
            add_in(text, "B", usage, option);
        else if (capitals)
            add_in(text, "I", usage, capitals);
        else
            add_character(text, usage, true);
        usage += option ? option : capitals ? capitals : 1;
    }
}

void roff_add_lines(struct text *text, const char *lines) {
    text_add(text, ".nf\n");
    for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        guard(text, at);
        add_characters(text, at, strcspn(at, "\n"), true);
        text_add(text, "\n");
    }
    text_add(text, ".fi\n");
}
