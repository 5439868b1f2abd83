/* A file layer that remembers what was not synced.
 *
 * Loaded before the C library into a process under test. Every change to a file
 * below $POWER_FOLDER is noted in the file $POWER_JOURNAL before it is made, and
 * so is every sync. Who reads the notes can then leave a folder as a power cut
 * would have: without some or all of what nothing had synced.
 *
 * A note is: kind (1), length of the path (4), path, then by kind
 *   C  nothing: the file was made
 *   W  offset (8), length (4), bytes: written
 *   T  size (8): cut, or grown
 *   R  length (4), path: renamed to that
 *   U  nothing: removed
 *   S  nothing: everything before this was synced, of a file or of a folder's names
 * all numbers as this machine has them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 1024
static char *paths[FILES];
static const char *folder;
static int journal = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int inside;

#define REAL(type, name, ...)                                                  \
  static type (*real)(__VA_ARGS__);                                            \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static void die(const char *why) {
  dprintf(2, "shim: %s: %s\n", why, strerror(errno));
  _exit(99);
}

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("POWER_JOURNAL");
  folder = getenv("POWER_FOLDER");
  if (!path || !folder) return;
  inside = 1;
  journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  inside = 0;
  if (journal < 0) die("journal");
}

static int tracked(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  if (journal < 0 || inside || !length || strncmp(path, folder, length)) return 0;
  if (path[length] && path[length] != '/') return 0;
  /* Shared memory is mapped, not written, and means nothing after a cut. */
  size_t all = strlen(path);
  return all < 4 || strcmp(path + all - 4, "-shm");
}

static const char *path_of(int fd) {
  return fd >= 0 && fd < FILES && !inside ? paths[fd] : NULL;
}

struct piece { const void *data; size_t length; };

static void note(char kind, const char *path, struct piece *pieces, int count) {
  uint32_t length = (uint32_t)strlen(path);
  size_t size = 1 + 4 + length;
  for (int i = 0; i < count; i++) size += pieces[i].length;
  char *text = malloc(size), *at = text;
  if (!text) die("memory");
  *at++ = kind;
  memcpy(at, &length, 4); at += 4;
  memcpy(at, path, length); at += length;
  for (int i = 0; i < count; i++) {
    memcpy(at, pieces[i].data, pieces[i].length);
    at += pieces[i].length;
  }
  inside = 1;
  if (write(journal, text, size) != (ssize_t)size) die("note");
  inside = 0;
  free(text);
}

static void note_write(const char *path, uint64_t offset, const void *data, size_t length) {
  uint32_t size = (uint32_t)length;
  struct piece pieces[] = {{&offset, 8}, {&size, 4}, {data, length}};
  note('W', path, pieces, 3);
}

static void note_cut(const char *path, uint64_t size) {
  struct piece pieces[] = {{&size, 8}};
  note('T', path, pieces, 1);
}

static void remember(int fd, const char *path, int made) {
  if (fd < 0 || fd >= FILES) { if (fd >= FILES) die("descriptors"); return; }
  pthread_mutex_lock(&lock);
  free(paths[fd]);
  paths[fd] = strdup(path);
  if (made) note('C', path, NULL, 0);
  pthread_mutex_unlock(&lock);
}

static int opened(int at, const char *path, int flags, mode_t mode) {
  REAL(int, "openat", int, const char *, int, ...);
  char whole[PATH_MAX];
  const char *known = path;
  if (path[0] != '/' && at == AT_FDCWD && !inside) {
    if (!getcwd(whole, sizeof whole)) die("folder");
    strncat(whole, "/", sizeof whole - strlen(whole) - 1);
    strncat(whole, path, sizeof whole - strlen(whole) - 1);
    known = whole;
  }
  int is_tracked = tracked(known);
  struct stat found;
  int there = !is_tracked || !stat(known, &found);
  /* What is emptied as it is opened is noted as a cut. */
  if (is_tracked && there && (flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY) {
    pthread_mutex_lock(&lock);
    note_cut(known, 0);
    pthread_mutex_unlock(&lock);
  }
  int fd = real(at, path, flags, mode);
  if (is_tracked) remember(fd, known, !there);
  return fd;
}

#define MODE                                                                   \
  mode_t mode = 0;                                                             \
  if (flags & (O_CREAT | __O_TMPFILE)) {                                       \
    va_list list;                                                              \
    va_start(list, flags);                                                     \
    mode = va_arg(list, mode_t);                                               \
    va_end(list);                                                              \
  }

int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags, mode); }

int close(int fd) {
  REAL(int, "close", int);
  if (path_of(fd)) {
    pthread_mutex_lock(&lock);
    free(paths[fd]);
    paths[fd] = NULL;
    pthread_mutex_unlock(&lock);
  }
  return real(fd);
}

static ssize_t placed(int fd, const void *data, size_t length, off_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
  const char *path = path_of(fd);
  if (!path) return real(fd, data, length, offset);
  pthread_mutex_lock(&lock);
  note_write(path, (uint64_t)offset, data, length);
  ssize_t wrote = real(fd, data, length, offset);
  pthread_mutex_unlock(&lock);
  return wrote;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return placed(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return placed(fd, data, length, offset); }

ssize_t write(int fd, const void *data, size_t length) {
  REAL(ssize_t, "write", int, const void *, size_t);
  const char *path = path_of(fd);
  if (!path) return real(fd, data, length);
  pthread_mutex_lock(&lock);
  off_t at = lseek(fd, 0, (fcntl(fd, F_GETFL) & O_APPEND) ? SEEK_END : SEEK_CUR);
  note_write(path, (uint64_t)at, data, length);
  ssize_t wrote = real(fd, data, length);
  pthread_mutex_unlock(&lock);
  return wrote;
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  if (path_of(fd) && count > 0) return write(fd, pieces[0].iov_base, pieces[0].iov_len);
  return real(fd, pieces, count);
}

static int cut(int fd, off_t size) {
  REAL(int, "ftruncate64", int, off_t);
  const char *path = path_of(fd);
  if (!path) return real(fd, size);
  pthread_mutex_lock(&lock);
  note_cut(path, (uint64_t)size);
  int done = real(fd, size);
  pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

/* The machine under test has no power cut: nothing has to reach the disk. */
static int synced(int fd) {
  REAL(int, "fdatasync", int);
  const char *path = path_of(fd);
  if (!path) return real(fd);
  pthread_mutex_lock(&lock);
  note('S', path, NULL, 0);
  pthread_mutex_unlock(&lock);
  return 0;
}

int fsync(int fd) { return synced(fd); }
int fdatasync(int fd) { return synced(fd); }

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  if (!tracked(path)) return real(path);
  pthread_mutex_lock(&lock);
  note('U', path, NULL, 0);
  int done = real(path);
  pthread_mutex_unlock(&lock);
  return done;
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  if (!tracked(from)) return real(from, to);
  uint32_t length = (uint32_t)strlen(to);
  struct piece pieces[] = {{&length, 4}, {to, length}};
  pthread_mutex_lock(&lock);
  note('R', from, pieces, 2);
  int done = real(from, to);
  pthread_mutex_unlock(&lock);
  return done;
}
