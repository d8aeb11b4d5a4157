/* HTML documents that need nothing but themselves: no network, no other file, readable without scripts. */
#ifndef CNNTRAIN_CORE_REPORT_HTML_H
#define CNNTRAIN_CORE_REPORT_HTML_H

#include <stdbool.h>
#include <stddef.h>

#include "core/text.h"

/* Adds `string` as it reads in an element or in an attribute within double quotes, in HTML as in XML. What is no
 * character to be shown (control characters, bytes that are no UTF-8) stands as an escape such as \n. */
void html_escape(const char *string, struct text *text);

/* The page from its doctype to the open <main>, with style and title; html_close adds the script and the end.
 * `generator` is the program with its version. */
void html_open(const char *title, const char *generator, struct text *text);
void html_close(const char *generator, struct text *text);

/* One entry of the page's contents, and the section it leads to. */
struct html_part {
    const char *id, *title;
};
/* The list of links to the sections, ended by an id of NULL. */
void html_contents(const struct html_part *parts, struct text *text);

/* A section with its heading, to be ended by html_section_end. */
void html_section(const struct html_part *part, struct text *text);
void html_section_end(struct text *text);

/* Escaped text as a paragraph; of a CSS class where `class_name` is not NULL. */
void html_paragraph(const char *class_name, const char *string, struct text *text);

/* The same of text that was made by printing, which it frees; nothing where that is empty. */
void html_printed(const char *class_name, struct text *paragraph, struct text *text);

/* Lines of code, as they stand; alone in a section. */
void html_code(const char *code, struct text *text);
void html_code_section(const struct html_part *part, const char *code, struct text *text);

/* What is opened by a click on its summary: html_details_end ends it. Printing opens it, too. */
void html_details(const char *summary, struct text *text);
void html_details_end(struct text *text);

/* A table in a box that scrolls where it is too wide or has too many rows, with its caption; html_table_end ends it. */
void html_table(const char *caption, int rows, bool sortable, struct text *text);
void html_table_end(struct text *text);
/* Longer cells of a left column have the class "long", and wrap. */
enum { HTML_LONG_CELL = 18 };

/* A number that stands large above the rest; html_tiles_open and html_tiles_close enclose them. */
void html_tiles_open(struct text *text);
void html_tile(const char *name, const char *value, const char *note, struct text *text);
void html_tiles_close(struct text *text);

/* `path` as a relative link: everything that has a meaning in one is encoded. */
void html_url(const char *path, struct text *text);

/* A PNG file within the page, `width` CSS pixels wide; `alternative` says what it shows. */
void html_picture(const void *png, size_t length, int width, const char *alternative, struct text *text);

#endif
