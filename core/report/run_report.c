#include "core/report/run_report.h"

#include <stddef.h>

#include "core/report/output.h"

struct format_writer {
    const char *file;
    void (*write)(const struct run_report *report, struct text *text);
};

static const struct format_writer writers[] = {
#define RUN_FORMAT(file, writer) {file, writer},
#define COMPARISON_FORMAT(file, writer)
#include "core/report/formats.def"
#undef RUN_FORMAT
#undef COMPARISON_FORMAT
};

int run_report_write(const struct run_report *report, const char *folder, struct error *error) {
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        struct text text = {0};
        writers[i].write(report, &text);
        if (output_write(folder, writers[i].file, &text, error) != 0) return -1;
    }
    return 0;
}
