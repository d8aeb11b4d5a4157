/* Whether HTML and SVG that the program writes are well formed and need nothing from elsewhere. */
#ifndef CNNTRAIN_TESTS_SUPPORT_MARKUP_H
#define CNNTRAIN_TESTS_SUPPORT_MARKUP_H

#include <stdbool.h>

/* Fails the test unless in this document, which is XML or HTML, elements are closed in their order, attributes are
 * quoted and stand once, characters with a meaning are escaped, ids are unique and there where something refers to
 * them, no number is "nan" or "inf", and nothing is fetched from anywhere. */
void markup_check(const char *text, bool is_xml);

/* How often `part` stands in `text`. */
int markup_count(const char *text, const char *part);

#endif
