#include "cmd/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/ending.h"
#include "cmd/output.h"
#include "cmd/signals.h"
#include "core/activation.h"
#include "core/callback.h"
#include "core/constraint.h"
#include "core/engine.h"
#include "core/file.h"
#include "core/initializer.h"
#include "core/interop/exchange.h"
#include "core/interop/keras_model.h"
#include "core/model_file.h"
#include "core/optimizer.h"
#include "core/platform.h"
#include "core/regularizer.h"
#include "core/schedule.h"
#include "data/room.h"
#include "layers/registry.h"

static const struct component_registry *const all_registries[] = {
    &layer_registry,      &activation_registry,    &initializer_registry,  &regularizer_registry,
    &constraint_registry, &optimizer_registry,     &schedule_registry,     &callback_registry,
    &source_registry,     &normalization_registry, &augmentation_registry, NULL,
};

/* ---- where configs are ---- */

static char *program_folder(struct error *error) {
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) return NULL;
    path[length] = '\0';
    return file_folder_of(path, error);
}

static int open_search(struct session *session) {
    static const char *const places[] = {"configs", "../configs", "../share/cnntrain/configs"};
    char *folder = program_folder(&session->error);
    size_t count = 0;
    for (size_t i = 0; folder && i < 3; i++) {
        char *joined = file_join(folder, places[i], &session->error);
        char *clean = joined ? realpath(joined, NULL) : NULL;
        if (joined && !clean && errno == ENOMEM) error_set_errno(&session->error, joined, "look for configs");
        free(joined);
        if (clean) session->search_paths[count++] = clean;
    }
    free(folder);
    for (size_t i = 0; i < count; i++) config_search_add(&session->search, session->search_paths[i]);
    /* An installed program may have found that one by itself. */
    config_search_add(&session->search, CNNTRAIN_SHARE "/configs");
    return session->error.code == ERROR_NONE ? 0 : -1;
}

int session_open(struct session *session) {
    *session = (struct session){.registries = {all_registries}, .threads = NOT_GIVEN};
    session->workshop.registries = &session->registries;
    session->workshop.data_room = &data_room;
    session->workshop.stop = signals_stop();
    session->workshop.guard = signals_guard;
    const char *folder = getenv("CNNTRAIN_DATA");
    session->workshop.data_folder = folder && *folder ? folder : NULL;
    return open_search(session);
}

void session_close(struct session *session) {
    for (size_t i = 0; i < sizeof session->search_paths / sizeof session->search_paths[0]; i++)
        free(session->search_paths[i]);
    text_free(&session->advice);
}

/* ---- kernels and threads ---- */

static int choose_kernels(struct session *session) {
    const char *name = getenv("CNNTRAIN_CPU");
    if (name && !*name) name = NULL;
    session->workshop.kernels = kernels_select(name);
    if (session->workshop.kernels) return 0;
    struct text known = {0};
    for (int i = 0; kernels_at(i); i++) text_print(&known, i ? ", %s" : "%s", kernels_at(i)->name);
    error_set(&session->error, ERROR_CONFIG, "CNNTRAIN_CPU",
              "\"%s\" is not an instruction set this program and processor have; here: %s", name ? name : "",
              known.failed ? "" : known.bytes);
    text_free(&known);
    return -1;
}

static int choose_threads(struct session *session) {
    enum { THREADS_MAX = 1024 };
    const char *text = getenv("OMP_NUM_THREADS");
    if (options_check_range(session, "--threads", session->threads, 1, THREADS_MAX) != 0) return -1;
    if (session->threads != NOT_GIVEN) {
        session->workshop.threads = session->threads;
        return 0;
    }
    /* A list, "4,2", is of nested levels; what is no number at all is OpenMP's own to complain about. */
    long asked = text ? strtol(text, NULL, 10) : 0;
    if (asked > THREADS_MAX)
        return error_set(&session->error, ERROR_CONFIG, "OMP_NUM_THREADS", "must be 1 to %d, got %ld", THREADS_MAX,
                         asked);
    session->workshop.threads = asked > 0 ? (int)asked : platform_cores();
    return 0;
}

int session_start(struct session *session) {
    return choose_kernels(session) != 0 ? -1 : choose_threads(session);
}

void session_start_threads(int threads) {
    char message[128];
    snprintf(message, sizeof message,
             "cannot start %d threads: not enough memory, or too many processes; give fewer with --threads", threads);
    ending_says(message);
    engine_start_threads(threads);
    ending_says(NULL);
}

/* ---- small things ---- */

struct config_request session_request(const struct session *session, const char *path) {
    static const struct foreign_models keras = {keras_is_model, keras_read_model};
    return (struct config_request){
        .path = path, .registries = &session->registries, .search = &session->search, .foreign = &keras};
}

int session_print_json(struct session *session, cJSON *json) {
    char *text = json ? json_print(json) : NULL;
    cJSON_Delete(json);
    if (!text) return error_set(&session->error, ERROR_RUN, NULL, "not enough memory for the JSON document");
    output_text(text);
    free(text);
    return 0;
}

int session_print_text(struct session *session, struct text *text) {
    int status =
        text->failed ? error_set(&session->error, ERROR_RUN, NULL, "not enough memory for the text to print") : 0;
    if (status == 0 && text->bytes) output_text(text->bytes);
    text_free(text);
    return status;
}

int session_is_model(struct session *session, const char *path) {
    const struct exchange_format *format = exchange_for_path(path);
    if (format && format->is_opened) return 1;
    return file_is_folder(path, &session->error);
}

void session_note_guess(const struct session *session, const struct saved_model *saved, const char *path) {
    if (!saved->normalization_guessed || session->quiet) return;
    struct text shown = {0};
    text_add_shown(&shown, path);
    fflush(stdout);
    fprintf(stderr, "note: %s does not say how its images were prepared: pixels are fed as %s\n",
            shown.failed ? "the file" : shown.bytes,
            saved->normalization.scale == 1 ? "they are, 0 to 255, to its Rescaling" : "0 to 1");
    text_free(&shown);
}

int session_check_model(struct session *session, const char *path) {
    if (file_exists(path)) return 0;
    struct error ignored = {0};
    char *run = file_join("runs", path, &ignored);
    if (run && file_exists(run))
        error_set(&session->error, ERROR_IO, path, "no such model; did you mean \"%s\"?", run);
    else
        error_set(&session->error, ERROR_IO, path,
                  "no such model; name a run's folder, such as runs/sep_max, or a .safetensors, .keras or .h5 file");
    free(run);
    return -1;
}
