#include "core/report/html.h"

#include <ctype.h>
#include <string.h>

#include "core/report/html_page.h"

static const char *entity(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* One character, or an escape that text_show made of it. */
static void add_shown(const char *shown, struct text *text) {
    const char *replaced = shown[1] == '\0' ? entity(shown[0]) : NULL;
    text_add(text, replaced ? replaced : shown);
}

void html_escape(const char *string, struct text *text) {
    char shown[TEXT_SHOWN_SIZE];
    for (size_t size; (size = text_show(string, shown)) > 0; string += size) add_shown(shown, text);
}

static void add_pieces(const char *const *pieces, struct text *text) {
    for (; *pieces; pieces++) text_add(text, *pieces);
}

void html_open(const char *title, const char *generator, struct text *text) {
    text_add(text, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n"
                   /* Whatever stands in a name: nothing is fetched. */
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                   "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                   "<meta name=\"generator\" content=\"");
    html_escape(generator, text);
    text_add(text, "\">\n<title>");
    html_escape(title, text);
    text_add(text, "</title>\n<style>\n");
    add_pieces(html_page_colors, text);
    add_pieces(html_chart_style, text);
    add_pieces(html_page_style, text);
    text_add(text, "</style>\n</head>\n<body>\n<main>\n");
}

void html_close(const char *generator, struct text *text) {
    text_add(text, "</main>\n<footer><p>Written by ");
    html_escape(generator, text);
    text_add(text, ".</p></footer>\n<script>\n");
    add_pieces(html_page_script, text);
    text_add(text, "</script>\n</body>\n</html>\n");
}

void html_contents(const struct html_part *parts, struct text *text) {
    text_add(text, "<nav aria-label=\"Contents\">\n<ul>\n");
    for (; parts->id; parts++) {
        text_print(text, "<li><a href=\"#%s\">", parts->id);
        html_escape(parts->title, text);
        text_add(text, "</a></li>\n");
    }
    text_add(text, "</ul>\n</nav>\n");
}

void html_section(const struct html_part *part, struct text *text) {
    text_print(text, "<section id=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\">", part->id, part->id, part->id);
    html_escape(part->title, text);
    text_add(text, "</h2>\n");
}

void html_section_end(struct text *text) {
    text_add(text, "</section>\n");
}

void html_paragraph(const char *class_name, const char *string, struct text *text) {
    if (class_name)
        text_print(text, "<p class=\"%s\">", class_name);
    else
        text_add(text, "<p>");
    html_escape(string, text);
    text_add(text, "</p>\n");
}

void html_printed(const char *class_name, struct text *paragraph, struct text *text) {
    if (paragraph->failed)
        text->failed = true;
    else if (paragraph->bytes)
        html_paragraph(class_name, paragraph->bytes, text);
    text_free(paragraph);
}

void html_code(const char *code, struct text *text) {
    char shown[TEXT_SHOWN_SIZE];
    text_add(text, "<pre tabindex=\"0\"><code>");
    for (size_t size; (size = text_show(code, shown)) > 0; code += size)
        if (*code == '\n')
            text_add(text, "\n");
        else
            add_shown(shown, text);
    text_add(text, "</code></pre>\n");
}

void html_code_section(const struct html_part *part, const char *code, struct text *text) {
    html_section(part, text);
    html_code(code, text);
    html_section_end(text);
}

void html_details(const char *summary, struct text *text) {
    text_add(text, "<details>\n<summary>");
    html_escape(summary, text);
    text_add(text, "</summary>\n");
}

void html_details_end(struct text *text) {
    text_add(text, "</details>\n");
}

void html_table(const char *caption, int rows, bool sortable, struct text *text) {
    enum { ROWS_TALL = 25 };
    text_print(text, "<div class=\"scroll%s\" role=\"region\" tabindex=\"0\" aria-label=\"",
               rows > ROWS_TALL ? " tall" : "");
    html_escape(caption, text);
    text_print(text, "\">\n<table%s>\n<caption><span>", sortable ? " class=\"sortable\"" : "");
    html_escape(caption, text);
    text_add(text, "</span></caption>\n");
}

void html_table_end(struct text *text) {
    text_add(text, "</table>\n</div>\n");
}

void html_tiles_open(struct text *text) {
    text_add(text, "<dl class=\"tiles\">\n");
}

void html_tile(const char *name, const char *value, const char *note, struct text *text) {
    text_add(text, "<div><dt>");
    html_escape(name, text);
    text_add(text, "</dt><dd>");
    html_escape(value, text);
    if (note) {
        text_add(text, "<small>");
        html_escape(note, text);
        text_add(text, "</small>");
    }
    text_add(text, "</dd></div>\n");
}

void html_tiles_close(struct text *text) {
    text_add(text, "</dl>\n");
}

void html_url(const char *path, struct text *text) {
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        if (c < 0x80 && (isalnum(c) || strchr("/-._~", c)))
            text_add_bytes(text, path, 1);
        else
            text_print(text, "%%%02X", c);
    }
}

/* RFC 4648. */
static void add_base64(const unsigned char *bytes, size_t length, struct text *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < length; at += 3) {
        size_t left = length - at;
        unsigned group = (unsigned)bytes[at] << 16;
        if (left > 1) group |= (unsigned)bytes[at + 1] << 8;
        if (left > 2) group |= bytes[at + 2];
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], left > 1 ? digits[group >> 6 & 63] : '=',
                        left > 2 ? digits[group & 63] : '='};
        text_add_bytes(text, four, sizeof four);
    }
}

void html_picture(const void *png, size_t length, int width, const char *alternative, struct text *text) {
    text_print(text, "<img width=\"%d\" alt=\"", width);
    html_escape(alternative, text);
    text_add(text, "\" src=\"data:image/png;base64,");
    add_base64(png, length, text);
    text_add(text, "\">");
}
