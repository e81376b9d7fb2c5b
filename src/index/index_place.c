/* SPDX-License-Identifier: MIT */
/*
 * Where the index of a dump lives, and whether an index found there belongs to the dump.
 *
 *     --index-dir     DIR/app.hprof-<xxh3 of the real path>.hpx           shared by dumps of the same name: hence the hash
 *     beside it       app.hprof.hpx                                       heap N of several: app.hprof.N.hpx
 *     cache           $XDG_CACHE_HOME/hprof-analyze/ (or ~/.cache/…)      named as in --index-dir
 *
 * Which heap of several is the last is not known before the dump or an index is read: then the folders are read for the highest N.
 *
 * An index belongs to the dump when size and sample agree. The sample is taken from both ends and evenly spread blocks, which no two dumps of
 * a running program share. The time of modification decides nothing: a copy (or a CI cache) changes it, and two files of one name may share it.
 */
#include "index_format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ha/base/file.h"
#include "ha/base/mem.h"
#include "ha/base/sbuf.h"
#include "ha/base/vec.h"

#define SUFFIX ".hpx"
#define CACHE_FOLDER "hprof-analyze"
#define SAMPLE_END_BYTES 65536U
#define SAMPLE_BLOCK_BYTES 4096U
#define SAMPLE_BLOCKS 64U

/* The hashed name is cut here, so that suffixes fit NAME_MAX; the hash keeps it unique. */
#define BASE_BYTES_MAX 200U

#define SEVERAL 2U /* heaps in a file, for a name with a number */

/* ---- the fingerprint ---- */

static struct ha_err *sample_range(struct ha_hash_state *state, int fd, const char *path,
                                   uint64_t off, size_t len, uint8_t *buf)
{
    size_t got = 0;
    HA_TRY(ha_file_read_at(fd, path, off, buf, len, &got));
    ha_hash_update(state, buf, got);
    return NULL;
}

static struct ha_err *sample_file(struct ha_hash_state *state, int fd, const char *path,
                                  uint64_t bytes, uint8_t *buf)
{
    size_t end = bytes < SAMPLE_END_BYTES ? (size_t)bytes : SAMPLE_END_BYTES;
    HA_TRY(sample_range(state, fd, path, 0, end, buf));
    HA_TRY(sample_range(state, fd, path, bytes - end, end, buf));
    for (uint64_t i = 0; i < SAMPLE_BLOCKS; i++) {
        HA_TRY(sample_range(state, fd, path, bytes / SAMPLE_BLOCKS * i, SAMPLE_BLOCK_BYTES, buf));
    }
    return NULL;
}

struct ha_err *ha_fingerprint_take(int fd, const char *path, struct ha_fingerprint *ret)
{
    struct ha_file_info info;
    HA_TRY(ha_file_info(fd, path, &info));
    HA_FREE uint8_t *buf = ha_alloc(SAMPLE_END_BYTES);
    struct ha_hash_state *state = ha_hash_create();
    struct ha_err *err = NULL;
    if (buf == NULL || state == NULL) {
        err = ha_err_nomem();
    } else {
        err = sample_file(state, fd, path, info.bytes, buf);
    }
    if (err == NULL) {
        ret->bytes = info.bytes;
        ret->mtime_sec = info.mtime_sec;
        ret->mtime_nsec = info.mtime_nsec;
        ret->sample = ha_hash_digest(state);
    }
    ha_hash_destroy(state);
    return err;
}

/* ---- folders and names ---- */

static bool means_absent(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ENAMETOOLONG || errnum == ELOOP;
}

/* Is there nothing at all? Then there is nothing to tell either. */
static bool is_absent(const struct ha_err *err)
{
    return means_absent(ha_err_errno(err));
}

enum place { PLACE_INDEX_DIR, PLACE_BESIDE, PLACE_CACHE };
#define PLACE_COUNT 3

/* The dump's path, taken apart; all owned. */
struct dump_names {
    char *dir[PLACE_COUNT];  /* NULL: there is no such place */
    char *base[PLACE_COUNT]; /* file name of the index without ".N.hpx" */
};

static void names_deinit(struct dump_names *names)
{
    for (int i = 0; i < PLACE_COUNT; i++) {
        ha_free(names->dir[i]);
        ha_free(names->base[i]);
    }
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static char *join(const char *a, const char *separator, const char *b)
{
    struct ha_sbuf s = {0};
    ha_sbuf_puts(&s, a);
    ha_sbuf_puts(&s, separator);
    ha_sbuf_puts(&s, b);
    return ha_sbuf_take(&s);
}

static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return ha_strndup(".", 1);
    }
    return ha_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* The user's cache folder for us; NULL in *ret if the environment names none. Relative ones are to be ignored (XDG Base Directory). */
static struct ha_err *cache_dir(char **ret)
{
    const char *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    *ret = NULL;
    if (xdg != NULL && xdg[0] == '/') {
        *ret = join(xdg, "/", CACHE_FOLDER);
    } else if (home != NULL && home[0] == '/') {
        *ret = join(home, "/.cache/", CACHE_FOLDER);
    } else {
        return NULL;
    }
    return *ret == NULL ? ha_err_nomem() : NULL;
}

/* The real path of the dump; when the dump itself is gone, that of its folder decides. NULL in *ret if that is gone too. */
static struct ha_err *real_path(const char *dump_path, char **ret)
{
    *ret = NULL;
    struct ha_err *err = ha_file_real_path(dump_path, ret);
    if (err == NULL || !is_absent(err)) {
        return err;
    }
    ha_err_free(err);
    HA_FREE char *dir = dir_of(dump_path);
    HA_FREE char *real_dir = NULL;
    if (dir == NULL) {
        return ha_err_nomem();
    }
    err = ha_file_real_path(dir, &real_dir);
    if (err != NULL && !is_absent(err)) {
        return err;
    }
    if (err != NULL) {
        ha_err_free(err);
        *ret = NULL;
        return NULL;
    }
    *ret = join(real_dir, "/", base_of(dump_path));
    return *ret == NULL ? ha_err_nomem() : NULL;
}

/* "app.hprof-0123456789abcdef" */
static char *hashed_base(const char *real)
{
    const char *base = base_of(real);
    size_t len = strlen(base);
    struct ha_sbuf s = {0};
    ha_sbuf_add(&s, base, len < BASE_BYTES_MAX ? len : BASE_BYTES_MAX);
    ha_sbuf_printf(&s, "-%016" PRIx64, ha_hash(real, strlen(real)));
    return ha_sbuf_take(&s);
}

static struct ha_err *add_hashed_place(struct dump_names *names, enum place place, const char *real)
{
    names->base[place] = hashed_base(real);
    return names->base[place] == NULL ? ha_err_nomem() : NULL;
}

static struct ha_err *names_init(struct dump_names *names, const char *dump_path,
                                 const char *index_dir)
{
    *names = (struct dump_names){0};
    HA_FREE char *real = NULL;
    HA_TRY(real_path(dump_path, &real));
    names->dir[PLACE_BESIDE] = dir_of(dump_path);
    names->base[PLACE_BESIDE] = ha_strndup(base_of(dump_path), strlen(base_of(dump_path)));
    if (names->dir[PLACE_BESIDE] == NULL || names->base[PLACE_BESIDE] == NULL) {
        return ha_err_nomem();
    }
    if (real == NULL) {
        return NULL;
    }
    if (index_dir != NULL) {
        names->dir[PLACE_INDEX_DIR] = ha_strndup(index_dir, strlen(index_dir));
        if (names->dir[PLACE_INDEX_DIR] == NULL) {
            return ha_err_nomem();
        }
        HA_TRY(add_hashed_place(names, PLACE_INDEX_DIR, real));
    }
    HA_TRY(cache_dir(&names->dir[PLACE_CACHE]));
    return names->dir[PLACE_CACHE] == NULL ? NULL : add_hashed_place(names, PLACE_CACHE, real);
}

/* The path in one place; heap 0: the name without a number. NULL in *ret when there is no such place or the name is too long. */
static struct ha_err *path_in(const struct dump_names *names, int place, uint32_t heap, char **ret)
{
    *ret = NULL;
    if (names->dir[place] == NULL) {
        return NULL;
    }
    struct ha_sbuf s = {0};
    const char *dir = names->dir[place];
    size_t dir_len = strlen(dir);
    // "./app.hprof.hpx" would be right but is not what a person would write.
    if (place != PLACE_BESIDE || strcmp(dir, ".") != 0) {
        ha_sbuf_puts(&s, dir);
        ha_sbuf_puts(&s, dir_len > 0 && dir[dir_len - 1] == '/' ? "" : "/");
    }
    size_t before = s.len;
    ha_sbuf_puts(&s, names->base[place]);
    if (heap != 0) {
        ha_sbuf_printf(&s, ".%" PRIu32, heap);
    }
    ha_sbuf_puts(&s, SUFFIX);
    if (s.len - before > NAME_MAX) {
        ha_sbuf_deinit(&s);
        return NULL;
    }
    *ret = ha_sbuf_take(&s);
    return *ret == NULL ? ha_err_nomem() : NULL;
}

/* ---- names found in a folder ---- */

/* Whether name is BASE.hpx (*ret_heap: 0) or BASE.N.hpx; a number that no heap has is the highest there is. */
static bool is_index_name(const char *name, const char *base, uint32_t *ret_heap)
{
    size_t base_len = strlen(base);
    if (strncmp(name, base, base_len) != 0) {
        return false;
    }
    const char *p = name + base_len;
    uint64_t number = 0;
    if (p[0] == '.' && p[1] >= '1' && p[1] <= '9') {
        for (p++; *p >= '0' && *p <= '9'; p++) {
            number = number * 10 + (uint64_t)(*p - '0');
            number = number < UINT32_MAX ? number : UINT32_MAX;
        }
    }
    *ret_heap = (uint32_t)number;
    return strcmp(p, SUFFIX) == 0;
}

/* "cannot <what> '<dir>/<name>': <text of errnum>"; nothing to tell of what is not there. */
static struct ha_err *entry_error(int errnum, const char *what, const char *dir, const char *name)
{
    if (means_absent(errnum)) {
        return NULL;
    }
    bool bare = *name != '\0' && strcmp(dir, ".") == 0;
    HA_FREE char *path = bare ? join(name, "", "") : join(dir, *name == '\0' ? "" : "/", name);
    HA_FREE char *shown = path == NULL ? NULL : ha_index_shown(path, NULL);
    return shown == NULL ? ha_err_nomem() : ha_err_system(errnum, "cannot %s '%s'", what, shown);
}

/* HotSpot itself names a second dump "app.hprof.1": then "app.hprof.1.hpx" is that dump's index. */
static struct ha_err *is_of_another_dump(int dir_fd, const char *dir, const char *name, bool *ret)
{
    HA_FREE char *dump = ha_strndup(name, strlen(name) - strlen(SUFFIX));
    struct stat st;
    if (dump == NULL) {
        return ha_err_nomem();
    }
    *ret = fstatat(dir_fd, dump, &st, AT_SYMLINK_NOFOLLOW) == 0;
    return *ret ? NULL : entry_error(errno, "look at", dir, dump);
}

/* ---- finding ---- */

static bool belongs(const struct ha_fingerprint *a, const struct ha_fingerprint *dump,
                    uint32_t heap)
{
    return a->bytes == dump->bytes && a->heap == heap && a->sample == dump->sample;
}

static char *other_version(const char *path)
{
    struct ha_sbuf s = {0};
    HA_FREE char *shown = ha_index_shown(path, NULL);
    ha_sbuf_printf(&s, "index '%s' is of another version of this dump",
                   shown == NULL ? "" : shown);
    return ha_sbuf_take(&s);
}

/* That an index cannot be read says something about the index, and it can be built anew; that nothing can be opened does not. */
static bool is_fatal(const struct ha_err *err, bool must_read)
{
    int errnum = ha_err_errno(err);
    return ha_err_kind(err) == HA_ERR_SYSTEM &&
           (must_read || errnum == ENOMEM || errnum == EMFILE || errnum == ENFILE);
}

struct search {
    const struct ha_fingerprint *fingerprint;
    uint32_t heap;
    bool must_read;
    struct ha_index *found;
    char *notice; /* about the first index that could not be used */
};

/* Looks at one path; sets found, or notice if it is the first. */
static struct ha_err *try_path(struct search *search, const char *path)
{
    struct ha_index *index = NULL;
    char *notice = NULL;
    struct ha_err *err = ha_index_open(path, &index);
    if (err != NULL) {
        bool absent = is_absent(err);
        if (!absent && is_fatal(err, search->must_read)) {
            return err;
        }
        const char *message = ha_err_message(err);
        notice = absent ? NULL : ha_strndup(message, strlen(message));
        ha_err_free(err);
        if (absent) {
            return NULL;
        }
    } else if (belongs(&index->fingerprint, search->fingerprint, search->heap)) {
        ha_file_sweep(path); // nobody may build one here for long
        search->found = index;
        return NULL;
    } else {
        ha_index_close(index);
        notice = other_version(path);
    }
    if (notice == NULL) {
        return ha_err_nomem();
    }
    if (search->notice == NULL) {
        search->notice = notice;
    } else {
        ha_free(notice);
    }
    return NULL;
}

static struct ha_err *try_name(struct search *search, const struct dump_names *names, int place,
                               uint32_t number)
{
    HA_FREE char *path = NULL;
    bool told = search->notice != NULL;
    bool other = false;
    HA_TRY(path_in(names, place, number, &path));
    if (path == NULL) {
        return NULL;
    }
    HA_TRY(try_path(search, path));
    if (number == 0 || place != PLACE_BESIDE || told || search->notice == NULL) {
        return NULL;
    }
    HA_TRY(is_of_another_dump(AT_FDCWD, ".", path, &other));
    if (other) {
        ha_free(HA_TAKE(search->notice));
    }
    return NULL;
}

/* Looks in all places for the index of search->heap. */
static struct ha_err *search_places(struct search *search, const struct dump_names *names,
                                    uint32_t heaps)
{
    for (int place = 0; place < PLACE_COUNT && search->found == NULL; place++) {
        // A file of one heap has no number in the name of its index; while their number is unknown, heap 1 may be called either way.
        if (heaps == 1 || (heaps == 0 && search->heap == 1)) {
            HA_TRY(try_name(search, names, place, 0));
        }
        if (heaps != 1 && search->found == NULL) {
            HA_TRY(try_name(search, names, place, search->heap));
        }
    }
    return NULL;
}

struct numbers {
    HA_VEC(uint32_t) heaps;
};

/* The heaps that files in this place are named for. */
static struct ha_err *list_place(const struct dump_names *names, int place, struct numbers *numbers)
{
    DIR *stream = opendir(names->dir[place]);
    const struct dirent *entry;
    bool room = true;
    if (stream == NULL) {
        return entry_error(errno, "read folder", names->dir[place], "");
    }
    while (room && (errno = 0, entry = readdir(stream)) != NULL) {
        uint32_t heap = 0;
        if (is_index_name(entry->d_name, names->base[place], &heap) && heap > 0) {
            uint32_t *next = ha_vec_push(&numbers->heaps);
            room = next != NULL;
            if (room) {
                *next = heap;
            }
        }
    }
    struct ha_err *err = !room ? ha_err_nomem() : errno == 0 ? NULL : entry_error(errno, "read folder", names->dir[place], "");
    (void)closedir(stream);
    return err;
}

/* As with an index: a folder that cannot be read is none, unless that was asked for or everything else would fail as well. */
static struct ha_err *list_places(const struct search *search, const struct dump_names *names, struct numbers *numbers)
{
    for (int place = 0; place < PLACE_COUNT; place++) {
        struct ha_err *err = names->dir[place] == NULL ? NULL : list_place(names, place, numbers);
        if (err != NULL && is_fatal(err, search->must_read)) {
            return err;
        }
        ha_err_free(err);
    }
    return NULL;
}

static int highest_first(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

/* The only heap of a dump of one, or else the last of those that have an index. */
static struct ha_err *search_last(struct search *search, const struct dump_names *names)
{
    struct numbers numbers = {0};
    search->heap = 1;
    HA_TRY(search_places(search, names, 1));
    struct ha_err *err = search->found != NULL ? NULL : list_places(search, names, &numbers);
    if (err == NULL && numbers.heaps.count > 0) {
        qsort(numbers.heaps.data, numbers.heaps.count, sizeof *numbers.heaps.data, highest_first);
    }
    for (size_t i = 0; i < numbers.heaps.count && err == NULL && search->found == NULL; i++) {
        search->heap = numbers.heaps.data[i];
        if (i == 0 || search->heap != numbers.heaps.data[i - 1]) {
            err = search_places(search, names, SEVERAL);
        }
    }
    ha_vec_deinit(&numbers.heaps);
    return err;
}

struct ha_err *ha_index_place_find(const char *dump_path, const struct ha_fingerprint *fingerprint,
                                   const struct ha_index_place_options *options,
                                   struct ha_index **ret, char **ret_notice)
{
    struct dump_names names;
    struct search search = {.fingerprint = fingerprint, .heap = options->heap, .must_read = options->must_read};
    struct ha_err *err = names_init(&names, dump_path, options->index_dir);
    if (err == NULL) {
        err = options->heap == 0 ? search_last(&search, &names) : search_places(&search, &names, options->heaps);
    }
    names_deinit(&names);
    // Nothing is rebuilt when a good one was found in a later place.
    if (err != NULL || search.found != NULL || ret_notice == NULL) {
        ha_free(HA_TAKE(search.notice));
    }
    if (err != NULL) {
        ha_index_close(search.found);
        return err;
    }
    *ret = search.found;
    if (ret_notice != NULL) {
        *ret_notice = search.notice;
    }
    return NULL;
}

/* ---- a place for a new one ---- */

/* Makes a folder and those above it, readable by the user only; what cannot be made shows when it is written to. */
static void make_folders(char *path)
{
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0700);
            *p = '/';
        }
    }
    (void)mkdir(path, 0700);
}

/* Only trying tells: permissions, read-only file systems and quotas all have their say. */
static bool can_write(const char *dir)
{
    int fd = -1;
    struct ha_err *err = ha_file_temp(dir, &fd);
    ha_file_close(fd);
    ha_err_free(err);
    return err == NULL;
}

static struct ha_err *choose_place(const struct dump_names *names,
                                   const struct ha_index_place_options *options, char **ret)
{
    uint32_t number = options->heaps > 1 || options->heap > 1 ? options->heap : 0;
    for (int place = 0; place < PLACE_COUNT; place++) {
        HA_FREE char *path = NULL;
        HA_TRY(path_in(names, place, number, &path));
        if (path == NULL) {
            continue;
        }
        if (place == PLACE_CACHE) {
            make_folders(names->dir[place]);
        }
        if (can_write(names->dir[place])) {
            *ret = HA_TAKE(path);
            return NULL;
        }
    }
    *ret = NULL;
    return NULL;
}

struct ha_err *ha_index_place_new(const char *dump_path,
                                  const struct ha_index_place_options *options, char **ret)
{
    struct dump_names names;
    struct ha_err *err = names_init(&names, dump_path, options->index_dir);
    if (err == NULL) {
        err = choose_place(&names, options, ret);
    }
    names_deinit(&names);
    return err;
}

/* ---- removing ---- */

static struct ha_err *remove_entry(int dir_fd, const char *dir, const char *name, uint32_t *count)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return entry_error(errno, "look at index", dir, name);
    }
    if (S_ISDIR(st.st_mode)) {
        return NULL;
    }
    if (unlinkat(dir_fd, name, 0) != 0) {
        return entry_error(errno, "remove index", dir, name);
    }
    (*count)++;
    return NULL;
}

static struct ha_err *remove_all(DIR *stream, const struct dump_names *names, int place,
                                 uint32_t *count)
{
    const struct dirent *entry;
    const char *dir = names->dir[place];
    while ((errno = 0, entry = readdir(stream)) != NULL) {
        uint32_t heap = 0;
        bool other = false;
        if (!is_index_name(entry->d_name, names->base[place], &heap)) {
            continue;
        }
        if (heap > 0 && place == PLACE_BESIDE) {
            HA_TRY(is_of_another_dump(dirfd(stream), dir, entry->d_name, &other));
        }
        if (!other) {
            HA_TRY(remove_entry(dirfd(stream), dir, entry->d_name, count));
        }
    }
    return errno == 0 ? NULL : entry_error(errno, "read folder", dir, "");
}

/* Indexes, and what was left of some that never became any. */
static struct ha_err *remove_in(const struct dump_names *names, int place, uint32_t *count)
{
    const char *dir = names->dir[place];
    HA_FREE char *path = NULL;
    HA_TRY(path_in(names, place, 0, &path));
    if (path == NULL) {
        return NULL;
    }
    DIR *stream = opendir(dir);
    if (stream == NULL) {
        return entry_error(errno, "read folder", dir, "");
    }
    struct ha_err *err = remove_all(stream, names, place, count);
    (void)closedir(stream);
    ha_file_sweep(path);
    return err;
}

struct ha_err *ha_index_place_remove(const char *dump_path, const char *index_dir,
                                     uint32_t *ret_count)
{
    struct dump_names names;
    uint32_t count = 0;
    struct ha_err *err = names_init(&names, dump_path, index_dir);
    for (int place = 0; place < PLACE_COUNT && err == NULL; place++) {
        err = remove_in(&names, place, &count);
    }
    names_deinit(&names);
    if (err == NULL) {
        *ret_count = count;
    }
    return err;
}
