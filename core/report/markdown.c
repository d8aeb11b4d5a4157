#include "core/report/markdown.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "core/report/html.h"

static bool is_word(char c) {
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Whether the character must be escaped where `previous` and `next` stand beside it (0 at the ends). An underscore
 * within a word, as in conv_avg, is no emphasis. */
static bool needs_escape(char previous, char c, char next) {
    if (c == '_') return !(is_word(previous) && is_word(next));
    if (c == '<') return isalpha((unsigned char)next) || strchr("/!?", next); /* begins a tag; "< 0.001" does not */
    return c != '\0' && strchr("\\`*[]|~&$", c) != NULL;
}

void markdown_escape(const char *string, struct text *text) {
    char previous = '\0';
    for (const char *at = string; *at; previous = *at++) {
        char c = *at;
        if (iscntrl((unsigned char)c)) c = ' ';
        if (needs_escape(previous, c, at[1])) text_add(text, "\\");
        text_add_bytes(text, &c, 1);
    }
}

void markdown_link(const char *string, const char *path, struct text *text) {
    text_add(text, "[");
    markdown_escape(string, text);
    text_add(text, "](");
    html_url(path, text);
    text_add(text, ")");
}

void markdown_heading(int level, const char *string, struct text *text) {
    text_repeat(text, "#", level);
    text_add(text, " ");
    markdown_escape(string, text);
    text_add(text, "\n\n");
}

static int longest_backticks(const char *code) {
    int longest = 0, run = 0;
    for (; *code; code++) {
        run = *code == '`' ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    return longest;
}

void markdown_code(const char *code, struct text *text) {
    int fence = longest_backticks(code) + 1;
    if (fence < 3) fence = 3;
    size_t length = strlen(code);
    text_repeat(text, "`", fence);
    text_add(text, "\n");
    text_add(text, code);
    if (length > 0 && code[length - 1] != '\n') text_add(text, "\n");
    text_repeat(text, "`", fence);
    text_add(text, "\n\n");
}
