#include "count.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"

static void place(char *path, const char *queue, const char *part, const char *name)
{
  if (snprintf(path, PATH_MAX, "%s/%s/%s", queue, part, name) >= PATH_MAX) cannot(queue);
}

static DIR *open_part(const char *queue, const char *part)
{
  char path[PATH_MAX];
  place(path, queue, part, "");
  DIR *directory = opendir(path);
  if (!directory) cannot(path);
  return directory;
}

static const char *next_name(DIR *directory)
{
  struct dirent *entry;
  while ((entry = readdir(directory)))
    if (*entry->d_name != '.') return entry->d_name;
  return NULL;
}

long queued_messages(const char *queue)
{
  DIR *todo = open_part(queue, "todo");
  long count = 0;
  while (next_name(todo)) ++count;
  closedir(todo);
  return count;
}

/* The serial in the sender's address, or -1. */
static long serial_of(const char *path)
{
  char start[64] = {0};
  long serial = -1;
  int end = 0, fd = open(path, O_RDONLY);
  if (fd == -1) cannot(path);
  if (read(fd, start, sizeof start - 1) < 1) start[0] = 0;
  close(fd);
  if (sscanf(start, "Fbench-%ld@example.org%n", &serial, &end) != 1 || !end) return -1;
  return serial;
}

/* Where the body begins: behind the first empty line. */
static off_t body_of(FILE *file)
{
  int byte, before = '\n';
  while ((byte = getc(file)) != EOF) {
    if (byte == '\n' && before == '\n') break;
    before = byte;
  }
  return ftello(file);
}

static int same_body(const char *path, const char *original)
{
  static char one[65536], other[65536];
  FILE *queued = fopen(path, "r"), *sent = fopen(original, "r");
  size_t count;
  int same = 1;
  if (!sent) cannot(original);
  if (!queued) {
    fclose(sent);
    return 0;
  }
  body_of(queued);
  body_of(sent);
  do {
    count = fread(one, 1, sizeof one, sent);
    same = fread(other, 1, sizeof other, queued) == count && !memcmp(one, other, count);
  } while (same && count == sizeof one);
  fclose(queued);
  fclose(sent);
  return same;
}

/*
 * Out of the queue, what is left of messages that were begun and refused, too; but its
 * files are emptied and kept beside it, in QUEUE.gone: where many were removed a moment
 * ago, ext4 takes long to find an inode for a new one, and the next contestant would pay.
 */
static void clear(const char *queue)
{
  static const char *const parts[] = {"todo", "intd", "mess", "pid"};
  char path[PATH_MAX], gone[PATH_MAX];
  const char *name;
  if (snprintf(gone, sizeof gone, "%s.gone", queue) >= PATH_MAX) cannot(queue);
  if (mkdir(gone, 0700) == -1 && errno != EEXIST) cannot(gone);
  for (int part = 0; part < 4; ++part) {
    DIR *directory = open_part(queue, parts[part]);
    while ((name = next_name(directory))) {
      place(path, queue, parts[part], name);
      if (snprintf(gone, sizeof gone, "%s.gone/%s-%s", queue, parts[part], name) >= PATH_MAX) cannot(queue);
      if (truncate(path, 0) == -1 || rename(path, gone) == -1) cannot(path);
    }
    closedir(directory);
  }
}

struct tally count_queue(const char *queue, const char *accepted, long messages,
                         char *const *file, int files, int keep)
{
  struct tally tally = {0};
  unsigned char *seen = calloc(messages, 1);
  char path[PATH_MAX];
  const char *name;
  if (!seen) cannot("memory");

  DIR *todo = open_part(queue, "todo");
  while ((name = next_name(todo))) {
    place(path, queue, "todo", name);
    long serial = serial_of(path);
    if (serial < 0 || serial >= messages) {
      ++tally.strange;
      continue;
    }
    if (seen[serial] < UCHAR_MAX) ++seen[serial];
    place(path, queue, "mess", name);
    if (!same_body(path, file[serial % files])) ++tally.damaged;
  }
  closedir(todo);

  for (long serial = 0; serial < messages; ++serial) {
    if (accepted[serial] && !seen[serial]) ++tally.lost;
    if (!accepted[serial] && seen[serial]) ++tally.uncalled;
    if (seen[serial] > 1) ++tally.twice;
  }
  free(seen);
  if (!keep) clear(queue);
  return tally;
}
