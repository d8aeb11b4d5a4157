/* How main begins: once, or in one process for each call that fails, all copies of one that has been started. Part of
 * preload.c. */
#include <ftw.h>

static void stand_in(const char *folder) {
    static const char *const names[] = {NULL, "out", "err"};
    for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(file, i);
        close(file);
    }
    if (chdir(folder) != 0 || chdir("work") != 0) _exit(99);
}

/* Of the names, sizes, inodes and times of what is in a folder. */
static uint64_t fingerprint;

static void add_to_fingerprint(const void *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        fingerprint = (fingerprint ^ ((const unsigned char *)bytes)[i]) * 0x100000001B3u;
}

static int add_entry(const char *path, const struct stat *facts, int kind, struct FTW *at) {
    (void)kind;
    (void)at;
    add_to_fingerprint(path, strlen(path));
    add_to_fingerprint(&facts->st_ino, sizeof facts->st_ino);
    add_to_fingerprint(&facts->st_size, sizeof facts->st_size);
    add_to_fingerprint(&facts->st_mtim, sizeof facts->st_mtim);
    return 0;
}

static uint64_t take_fingerprint(const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/work", folder);
    fingerprint = 0xCBF29CE484222325u;
    nftw(path, add_entry, 8, FTW_PHYS);
    return fingerprint;
}

/* Comes back in the copies, which are to run main. */
static void serve(const char *folder) {
    char path[4096], line[32];
    snprintf(path, sizeof path, "%s/ask", folder);
    FILE *asked = fopen(path, "r");
    snprintf(path, sizeof path, "%s/told", folder);
    const int told = open(path, O_WRONLY);
    if (!asked || told < 0 || chdir("/") != 0) _exit(99);
    while (fgets(line, sizeof line, asked)) {
        int status = 0;
        const uint64_t before = take_fingerprint(folder);
        const pid_t process = fork();
        if (process == 0) {
            fclose(asked);
            close(told);
            memset(counts, 0, sizeof *counts);
            wanted_at = strtol(line, NULL, 10);
            stand_in(folder);
            return;
        }
        waitpid(process, &status, 0);
        dprintf(told, "%d %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                take_fingerprint(folder) != before);
    }
    _exit(0);
}

static int (*program_main)(int, char **, char **);

static int main_counted(int argc, char **argv, char **environment) {
    begin();
    const char *folder = getenv("FAULTS_SERVE");
    if (folder) serve(folder);
    take_streams();
    counting = true;
    return program_main(argc, argv, environment);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end) {
    static __typeof__(__libc_start_main) *start;
    void *symbol = next("__libc_start_main");
    memcpy(&start, &symbol, sizeof symbol);
    program_main = main;
    return start(main_counted, argc, argv, init, fini, rtld_fini, stack_end);
}
