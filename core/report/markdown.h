/* Markdown documents (GitHub's flavour). */
#ifndef CNNTRAIN_CORE_REPORT_MARKDOWN_H
#define CNNTRAIN_CORE_REPORT_MARKDOWN_H

#include "core/text.h"

/* Adds `string` so that it reads as plain text: characters with a meaning in Markdown or HTML are escaped, the bars of
 * tables included, and line breaks become spaces. */
void markdown_escape(const char *string, struct text *text);

/* A heading of that level with an empty line behind it; escaped. */
void markdown_heading(int level, const char *string, struct text *text);

/* A link to a file beside the document, by its path; the words are escaped. */
void markdown_link(const char *string, const char *path, struct text *text);

/* `code` in a fenced block that its own backticks cannot end, an empty line behind it. */
void markdown_code(const char *code, struct text *text);

#endif
