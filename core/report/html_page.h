/* The looks of reports, in pieces (ended by NULL) that a compiler takes as string literals. */
#ifndef CNNTRAIN_CORE_REPORT_HTML_PAGE_H
#define CNNTRAIN_CORE_REPORT_HTML_PAGE_H

/* Colours as CSS variables, light and dark: pages and SVG files. */
extern const char *const html_page_colors[];
/* The classes that core/report/svg.h and the charts use. */
extern const char *const html_chart_style[];
/* Everything else of a page. */
extern const char *const html_page_style[];
/* Sorting of tables, and values under the pointer: a page says everything without it. */
extern const char *const html_page_script[];

#endif
