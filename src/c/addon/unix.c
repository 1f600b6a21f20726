/* Unix sockets, and descriptors that go over them. */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

/*
 * Builds the address of a path, or of a name in the abstract namespace if it begins with `@` or
 * NUL. Returns its length, or 0 if it is empty or too long.
 */
static socklen_t unix_address(const struct argument *path, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (path->length == 0 || path->length >= sizeof address->sun_path)
    return 0;
  memcpy(address->sun_path, path->text, path->length);
  int is_abstract = path->text[0] == '@' || path->text[0] == '\0';
  if (is_abstract)
    address->sun_path[0] = '\0';
  size_t length = offsetof(struct sockaddr_un, sun_path) + path->length + (is_abstract ? 0 : 1);
  return (socklen_t) length;
}

static napi_value bind_unix(napi_env env, const struct argument *given) {
  struct sockaddr_un address;
  socklen_t length = unix_address(&given[0], &address);
  if (length == 0)
    return a_number(env, -ENAMETOOLONG);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind(fd, (struct sockaddr *) &address, length))
    fd = close_failed(fd);
  return a_result(env, fd);
}

static napi_value send_datagram(napi_env env, const struct argument *given) {
  struct sockaddr_un address;
  socklen_t length = unix_address(&given[0], &address);
  int fd = length ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
  if (fd < 0)
    return a_truth(env, 0);
  const struct argument *text = &given[1];
  ssize_t sent =
      sendto(fd, text->text, text->length, MSG_NOSIGNAL, (struct sockaddr *) &address, length);
  close(fd);
  return a_truth(env, sent == (ssize_t) text->length);
}

/* Returns NULL for pid 0: a socket of another family, or a process of another container. */
static napi_value peer_at(napi_env env, int fd) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  int has_peer = !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
  if (!has_peer || peer.pid <= 0)
    return NULL;
  napi_value object = an_object(env);
  int is_whole = set(env, object, "pid", a_number(env, peer.pid))
                 && set(env, object, "uid", a_number(env, peer.uid));
  return is_whole ? object : NULL;
}

static napi_value peer_of(napi_env env, const struct argument *given) {
  return peer_at(env, an_int(&given[0]));
}

/*
 * Connects, if there is room in the queue, and asks at once: the process may close what it
 * accepts.
 */
static napi_value listener_at(napi_env env, const struct argument *given) {
  struct sockaddr_un address;
  socklen_t length = unix_address(&given[0], &address);
  int fd = length ? socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
  if (fd < 0)
    return NULL;
  int is_heard = connect(fd, (struct sockaddr *) &address, length) == 0;
  int is_refused = !is_heard && errno == ECONNREFUSED, is_full = !is_heard && errno == EAGAIN;
  napi_value peer = is_heard ? peer_at(env, fd) : NULL;
  close(fd);
  if (is_refused)
    return a_text(env, "nobody");
  return (is_heard || is_full) && !peer ? a_text(env, "unknown") : peer;
}

static napi_value refuse_descriptors(napi_env env, const struct argument *given) {
  const int off = 0;
  return a_truth(env, !setsockopt(an_int(&given[0]), SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off));
}

static napi_value pass_descriptor(napi_env env, const struct argument *given) {
  const int descriptor = an_int(&given[2]);
  union {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof descriptor)];
  } control = {.bytes = {0}};
  struct iovec bytes = {.iov_base = given[1].bytes, .iov_len = given[1].length};
  struct msghdr message = {.msg_iov = &bytes,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control.bytes};
  control.header.cmsg_len = CMSG_LEN(sizeof descriptor);
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  ssize_t sent = sendmsg(an_int(&given[0]), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == (ssize_t) bytes.iov_len)
    return a_text(env, "sent");
  return a_text(env, sent < 0 && (errno == EAGAIN || errno == EINTR) ? "nothing" : "failed");
}

/* Upper limit for the descriptors received with bytes. The kernel closes any others. */
enum { DESCRIPTORS_MAX = 4 };

/* Copies the descriptors in control messages. Returns how many there are. */
static size_t copy_descriptors(struct msghdr *message, int into[DESCRIPTORS_MAX]) {
  size_t count = 0;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
      continue;
    const size_t end = part->cmsg_len - CMSG_LEN(0);
    for (size_t at = 0; at + sizeof(int) <= end && count < DESCRIPTORS_MAX; at += sizeof(int))
      memcpy(&into[count++], CMSG_DATA(part) + at, sizeof(int));
  }
  return count;
}

static napi_value a_list(napi_env env, const int numbers[], size_t count) {
  napi_value list;
  if (napi_create_array(env, &list) != napi_ok)
    return NULL;
  for (size_t i = 0; i < count; ++i) {
    napi_value number = a_number(env, numbers[i]);
    if (!number || napi_set_element(env, list, (uint32_t) i, number) != napi_ok)
      return NULL;
  }
  return list;
}

static napi_value receive_descriptors(napi_env env, const struct argument *given) {
  union {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
  } control;
  struct iovec bytes = {.iov_base = given[1].bytes, .iov_len = given[1].length};
  struct msghdr message = {.msg_iov = &bytes,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t count = recvmsg(an_int(&given[0]), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return NULL;
  if (count < 0)
    message.msg_controllen = 0;
  int descriptors[DESCRIPTORS_MAX];
  const size_t passed = copy_descriptors(&message, descriptors);
  const int are_cut = count >= 0 && (message.msg_flags & MSG_CTRUNC);
  napi_value object = an_object(env);
  if (set(env, object, "bytes", a_number(env, count < 0 ? 0 : (double) count))
      && set(env, object, "descriptors", a_list(env, descriptors, passed))
      && set(env, object, "areCut", a_truth(env, are_cut)))
    return object;
  for (size_t i = 0; i < passed; ++i) /* JavaScript does not learn of them */
    close(descriptors[i]);
  napi_throw_error(env, NULL, "no memory for the received data");
  return NULL;
}

static int watch(int epoll, int fd, uint32_t events, uint64_t data) {
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
                   &(struct epoll_event){.events = events, .data.u64 = data});
}

/* epoll_ctl(2) accepts EPOLLEXCLUSIVE with EPOLL_CTL_ADD alone. */
static napi_value wake_one(napi_env env, const struct argument *given) {
  const int epoll = an_int(&given[0]), fd = an_int(&given[1]);
  const uint32_t events = (uint32_t) given[2].number;
  const uint64_t data = given[3].bits;
  epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
  if (watch(epoll, fd, events | EPOLLEXCLUSIVE, data) == 0)
    return a_truth(env, 1);
  if (watch(epoll, fd, events, data))
    napi_throw_error(env, NULL, "the runtime no longer waits for connections");
  return a_truth(env, 0);
}

static napi_value wake_none(napi_env env, const struct argument *given) {
  return a_truth(env, !epoll_ctl(an_int(&given[0]), EPOLL_CTL_DEL, an_int(&given[1]), NULL));
}

static napi_value duplicate(napi_env env, const struct argument *given) {
  return a_result(env, fcntl(an_int(&given[0]), F_DUPFD_CLOEXEC, 0));
}

static napi_value replace(napi_env env, const struct argument *given) {
  return a_truth(env, dup3(an_int(&given[1]), an_int(&given[0]), O_CLOEXEC) >= 0);
}

/*
 * send(2), or for a pipe pwritev2(2), which older C libraries do not have. A pipe knows RWF_NOWAIT
 * since Linux 6.4.
 */
static napi_value write_at_once(napi_env env, const struct argument *given) {
  const int fd = an_int(&given[0]);
  struct iovec bytes = {.iov_base = given[1].bytes, .iov_len = given[1].length};
  ssize_t count = send(fd, bytes.iov_base, bytes.iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0 && errno == ENOTSOCK)
    count = syscall(SYS_pwritev2, fd, &bytes, 1, -1L, -1L, RWF_NOWAIT);
  return a_number(env, count < 0 ? 0 : (double) count);
}

const struct function unix_functions[] = {
    {"bindUnix", "t", bind_unix},
    {"sendDatagram", "tt", send_datagram},
    {"listenerAt", "t", listener_at},
    {"peerOf", "n", peer_of},
    {"refuseDescriptors", "n", refuse_descriptors},
    {"passDescriptor", "nbn", pass_descriptor},
    {"receiveDescriptors", "nb", receive_descriptors},
    {"wakeOne", "nnnu", wake_one},
    {"wakeNone", "nn", wake_none},
    {"duplicate", "n", duplicate},
    {"replace", "nn", replace},
    {"writeAtOnce", "nb", write_at_once},
    {NULL, NULL, NULL},
};
