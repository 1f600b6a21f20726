/*
 * The floor: the least that a wrapper must do that has each message scanned
 * and tags it. An unlinked file, its descriptor to clamd (clamd(8), FILDES),
 * the answer, a tag in the gap before the message, exec. It neither looks at the
 * envelope nor at the header, has no deadline and no log; nobody should run it.
 *
 * CLAMD is the path of clamd's socket, QUEUECHAIN the next program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WRITE = 53, READ = 54, CLAMD = 56, TEMPORARY_FILE = 64, UNSCANNED = 71, CHAIN = 120 };

static const char tag[] = "X-QHPSI: virus found\n";
#define GAP ((off_t) sizeof tag - 1)

static void spool(int file)
{
  static char piece[65536];
  off_t at = GAP;
  for (;;) {
    ssize_t count = read(0, piece, sizeof piece);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) _exit(READ);
    if (count == 0) return;
    if (pwrite(file, piece, count, at) != count) _exit(WRITE);
    at += count;
  }
}

static int connect_to_clamd(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int clamd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!path || strlen(path) >= sizeof address.sun_path) _exit(CLAMD);
  strcpy(address.sun_path, path);
  if (clamd == -1 || connect(clamd, (struct sockaddr *) &address, sizeof address)) _exit(CLAMD);
  return clamd;
}

static void send_descriptor(int clamd, int file)
{
  static const char command[] = "zFILDES"; /* with its NUL */
  struct iovec byte = {.iov_base = "", .iov_len = 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } rights = {0};
  struct msghdr message = {
    .msg_iov = &byte, .msg_iovlen = 1,
    .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes
  };
  struct cmsghdr *control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(control), &file, sizeof file);
  if (write(clamd, command, sizeof command) != sizeof command) _exit(CLAMD);
  if (sendmsg(clamd, &message, 0) != 1) _exit(CLAMD);
}

/* 1 infected, 0 clean; any other answer is none. The whole answer ends in a NUL. */
static int read_answer(int clamd)
{
  char answer[1024];
  size_t size = 0;
  do {
    ssize_t count = read(clamd, answer + size, sizeof answer - size);
    if (count <= 0) _exit(UNSCANNED);
    size += count;
  } while (answer[size - 1] && size < sizeof answer);
  if (answer[size - 1]) _exit(UNSCANNED);
  if (size > 5 && !strcmp(answer + size - 5, ": OK") ) return 0;
  if (size > 7 && !strcmp(answer + size - 7, " FOUND")) return 1;
  _exit(UNSCANNED);
}

int main(void)
{
  const char *directory = getenv("TMPDIR"), *chain = getenv("QUEUECHAIN");
  int file = open(directory ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file == -1) _exit(TEMPORARY_FILE);
  spool(file);
  int clamd = connect_to_clamd(getenv("CLAMD"));
  send_descriptor(clamd, file);
  int infected = read_answer(clamd);
  if (infected && pwrite(file, tag, GAP, 0) != GAP) _exit(WRITE);
  if (lseek(file, infected ? 0 : GAP, SEEK_SET) == -1 || dup2(file, 0) == -1) _exit(WRITE);
  if (chain) execl(chain, chain, (char *) NULL);
  _exit(CHAIN);
}
