#include "clamd.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLAMD = 56, UNSCANNED = 71 };

int connect_to_clamd(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int clamd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!path || strlen(path) >= sizeof address.sun_path) _exit(CLAMD);
  strcpy(address.sun_path, path);
  if (clamd == -1 || connect(clamd, (struct sockaddr *) &address, sizeof address)) _exit(CLAMD);
  return clamd;
}

void send_descriptor(int clamd, int file)
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

/* The whole answer ends in a NUL. */
int is_infected(int clamd)
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
