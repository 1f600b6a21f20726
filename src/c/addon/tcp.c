/* TCP sockets as bare descriptors, and their state in poll(2) and epoll(7). */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 256 };

union address {
  struct sockaddr any;
  struct sockaddr_in inet;
  struct sockaddr_in6 inet6;
};

enum { PORT_MAX = 65535 };

/*
 * Builds an address of 4 or 16 bytes and a port. Without bytes it is that of all addresses of both
 * families. Returns its length; 0, and sets errno, if there is no such address.
 */
static socklen_t inet_address(const struct argument *bytes, const struct argument *port,
                              union address *address) {
  errno = EINVAL;
  if (port->number < 0 || port->number > PORT_MAX)
    return 0;
  const in_port_t in_order = htons((uint16_t) port->number);
  if (bytes->length == sizeof address->inet.sin_addr) {
    *address = (union address){.inet = {.sin_family = AF_INET, .sin_port = in_order}};
    memcpy(&address->inet.sin_addr, bytes->bytes, bytes->length);
    return sizeof address->inet;
  }
  *address = (union address){.inet6 = {.sin6_family = AF_INET6, .sin6_port = in_order}};
  if (bytes->bytes && bytes->length != sizeof address->inet6.sin6_addr)
    return 0;
  if (bytes->bytes)
    memcpy(&address->inet6.sin6_addr, bytes->bytes, bytes->length);
  return sizeof address->inet6;
}

/*
 * Sets `address` and `port` of an object. An IPv4 address in IPv6 form is given as IPv4. Returns
 * whether the address is one of IPv4 or IPv6, and they are set.
 */
static int set_endpoint(napi_env env, napi_value object, const union address *address) {
  const unsigned char *bytes;
  size_t length = sizeof address->inet.sin_addr;
  if (address->any.sa_family == AF_INET) {
    bytes = (const unsigned char *) &address->inet.sin_addr;
  } else if (address->any.sa_family == AF_INET6) {
    size_t before = IN6_IS_ADDR_V4MAPPED(&address->inet6.sin6_addr) ? 12 : 0;
    bytes = address->inet6.sin6_addr.s6_addr + before;
    length = sizeof address->inet6.sin6_addr - before;
  } else {
    return 0;
  }
  /* The port has the same offset in both. */
  napi_value port = a_number(env, ntohs(address->inet.sin_port));
  napi_value memory, array;
  void *copy;
  if (napi_create_arraybuffer(env, length, &copy, &memory) != napi_ok
      || napi_create_typedarray(env, napi_uint8_array, length, memory, 0, &array) != napi_ok)
    return 0;
  memcpy(copy, bytes, length);
  return set(env, object, "address", array) && set(env, object, "port", port);
}

static void set_option(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof value);
}

/* Returns the value of an option of the level SOL_SOCKET, or -1 if the descriptor has none. */
static int option(int fd, int name) {
  int value;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &length) ? -1 : value;
}

/*
 * Makes a socket with an address, one that was in use a moment ago, too. Returns -1 if it cannot.
 * `v6_only` is as in ipv6(7), or negative for the default of the host.
 */
static int bind_to(const union address *address, socklen_t length, int flags, int v6_only) {
  if (length == 0)
    return -1;
  int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0)
    return -1;
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (v6_only >= 0 && address->any.sa_family == AF_INET6)
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only);
  return bind(fd, &address->any, length) ? close_failed(fd) : fd;
}

static napi_value bind_tcp(napi_env env, const struct argument *given) {
  union address address;
  socklen_t length = inet_address(&given[0], &given[1], &address);
  return a_result(env, bind_to(&address, length, 0, -1));
}

static napi_value listen_tcp(napi_env env, const struct argument *given) {
  union address address;
  const int is_for_all = given[0].bytes == NULL;
  socklen_t length = inet_address(&given[0], &given[1], &address);
  int fd = bind_to(&address, length, SOCK_NONBLOCK, !is_for_all);
  if (fd < 0 && is_for_all && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
    unsigned char any[4] = {0};
    length =
        inet_address(&(struct argument){.bytes = any, .length = sizeof any}, &given[1], &address);
    fd = bind_to(&address, length, SOCK_NONBLOCK, -1);
  }
  if (fd >= 0 && listen(fd, an_int(&given[2])))
    fd = close_failed(fd);
  return a_result(env, fd);
}

static napi_value adopt_listener(napi_env env, const struct argument *given) {
  const int fd = an_int(&given[0]), family = option(fd, SO_DOMAIN);
  if ((family != AF_INET && family != AF_INET6) || option(fd, SO_ACCEPTCONN) != 1)
    return a_truth(env, 0);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return a_truth(env, 1);
}

static napi_value socket_kind(napi_env env, const struct argument *given) {
  const int fd = an_int(&given[0]), type = option(fd, SO_TYPE), family = option(fd, SO_DOMAIN);
  if ((type != SOCK_STREAM && type != SOCK_DGRAM) || (family != AF_INET && family != AF_INET6))
    return NULL;
  napi_value object = an_object(env);
  int is_whole = set(env, object, "type", a_text(env, type == SOCK_DGRAM ? "datagram" : "stream"))
                 && set(env, object, "family", a_number(env, family == AF_INET ? 4 : 6));
  return is_whole ? object : NULL;
}

static napi_value accept_next(napi_env env, const struct argument *given) {
  union address client;
  socklen_t length = sizeof client;
  int fd = accept4(an_int(&given[0]), &client.any, &length, SOCK_CLOEXEC);
  if (fd >= 0) {
    napi_value object = an_object(env);
    if (set(env, object, "fd", a_number(env, fd)) && set_endpoint(env, object, &client))
      return object;
    close(fd);
    return a_text(env, "gone");
  }
  switch (errno) {
  case EAGAIN:
    return a_text(env, "none");
  case EMFILE:
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
    return a_text(env, "exhausted");
  default:
    return a_text(env, "gone");
  }
}

static napi_value local_endpoint(napi_env env, const struct argument *given) {
  union address local;
  socklen_t length = sizeof local;
  if (getsockname(an_int(&given[0]), &local.any, &length))
    return NULL;
  napi_value object = an_object(env);
  return set_endpoint(env, object, &local) ? object : NULL;
}

/* The set of all watched descriptors of this process; negative until there is one. */
static int watched = -1;

static int change_watch(int operation, const struct argument *given) {
  const int is_for_talk = strcmp(given[2].text, "talking") == 0;
  struct epoll_event event = {.events = EPOLLRDHUP | (is_for_talk ? EPOLLIN : 0),
                              .data.u64 = (uint64_t) given[1].number};
  return epoll_ctl(watched, operation, an_int(&given[0]), &event);
}

/* The other flags of the descriptor stay as they are. */
static void set_signal(int fd, int is_on) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, is_on ? flags | O_ASYNC : flags & ~O_ASYNC);
}

static napi_value watch(napi_env env, const struct argument *given) {
  const int fd = an_int(&given[0]);
  if (watched < 0)
    watched = epoll_create1(EPOLL_CLOEXEC);
  if (change_watch(EPOLL_CTL_ADD, given))
    return a_truth(env, 0);
  /* Events from before the signal was enabled raise none: the caller must check once. */
  fcntl(fd, F_SETOWN, getpid());
  set_signal(fd, 1);
  return a_truth(env, 1);
}

static napi_value watch_anew(napi_env env, const struct argument *given) {
  (void) env;
  change_watch(EPOLL_CTL_MOD, given);
  return NULL;
}

static napi_value pause_watch(napi_env env, const struct argument *given) {
  (void) env;
  epoll_ctl(watched, EPOLL_CTL_DEL, an_int(&given[0]), NULL);
  return NULL;
}

static napi_value unwatch(napi_env env, const struct argument *given) {
  pause_watch(env, given);
  set_signal(an_int(&given[0]), 0);
  return NULL;
}

static napi_value events(napi_env env, const struct argument *given) {
  (void) given;
  struct epoll_event found[EVENTS_AT_ONCE];
  const int count = epoll_wait(watched, found, EVENTS_AT_ONCE, 0);
  napi_value list;
  if (napi_create_array(env, &list) != napi_ok)
    return NULL;
  for (int i = 0; i < count; ++i) {
    const int is_end = (found[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    napi_value event = an_object(env);
    if (!set(env, event, "id", a_number(env, (double) found[i].data.u64))
        || !set(env, event, "isEnd", a_truth(env, is_end))
        || napi_set_element(env, list, (uint32_t) i, event) != napi_ok)
      return NULL;
  }
  return list;
}

static napi_value drop_ip_options(napi_env env, const struct argument *given) {
  (void) env;
  setsockopt(an_int(&given[0]), IPPROTO_IP, IP_OPTIONS, NULL, 0);
  return NULL;
}

static napi_value send_at_once(napi_env env, const struct argument *given) {
  (void) env;
  set_option(an_int(&given[0]), IPPROTO_TCP, TCP_NODELAY, 1);
  return NULL;
}

static napi_value look(napi_env env, const struct argument *given) {
  char byte;
  ssize_t count = recv(an_int(&given[0]), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0)
    return a_text(env, "talks");
  return a_text(env, count < 0 && errno == EAGAIN ? "silent" : "left");
}

static napi_value peek(napi_env env, const struct argument *given) {
  ssize_t count = recv(an_int(&given[0]), given[1].bytes, given[1].length, MSG_PEEK | MSG_DONTWAIT);
  return a_number(env, count < 0 ? 0 : (double) count);
}

static napi_value receive(napi_env env, const struct argument *given) {
  ssize_t count = recv(an_int(&given[0]), given[1].bytes, given[1].length, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN)
    return NULL;
  return a_number(env, count < 0 ? 0 : (double) count);
}

static napi_value send_now(napi_env env, const struct argument *given) {
  const size_t length = given[1].length;
  ssize_t count = send(an_int(&given[0]), given[1].bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  return a_truth(env, count == (ssize_t) length);
}

static napi_value end_sending(napi_env env, const struct argument *given) {
  (void) env;
  shutdown(an_int(&given[0]), SHUT_WR);
  return NULL;
}

static napi_value end_receiving(napi_env env, const struct argument *given) {
  (void) env;
  shutdown(an_int(&given[0]), SHUT_RD);
  return NULL;
}

static napi_value tcp_info(napi_env env, const struct argument *given) {
  struct tcp_info info;
  socklen_t length = sizeof info;
  if (getsockopt(an_int(&given[0]), IPPROTO_TCP, TCP_INFO, &info, &length)
      || length < offsetof(struct tcp_info, tcpi_data_segs_out) + sizeof info.tcpi_data_segs_out)
    return NULL;
  napi_value object = an_object(env);
  int is_whole = set(env, object, "bytes", a_number(env, (double) info.tcpi_bytes_received))
                 && set(env, object, "segmentsIn", a_number(env, info.tcpi_data_segs_in))
                 && set(env, object, "segmentsOut", a_number(env, info.tcpi_data_segs_out));
  return is_whole ? object : NULL;
}

/* Returns the events within the given milliseconds, or 0 if there are none, or after a signal. */
static int wait_for(const struct argument *given, short events) {
  struct pollfd waiting = {.fd = an_int(&given[0]), .events = events};
  const int time = an_int(&given[1]);
  /* To poll(2) a negative time means no limit. */
  return poll(&waiting, 1, time > 0 ? time : 0) > 0 ? waiting.revents : 0;
}

static napi_value await_room(napi_env env, const struct argument *given) {
  return a_truth(env, wait_for(given, POLLOUT));
}

static napi_value await_input(napi_env env, const struct argument *given) {
  return a_truth(env, wait_for(given, POLLIN));
}

static napi_value await_end(napi_env env, const struct argument *given) {
  return a_truth(env, wait_for(given, POLLRDHUP));
}

static napi_value await_client(napi_env env, const struct argument *given) {
  const int came = wait_for(given, POLLIN | POLLRDHUP);
  if (came == 0)
    return a_text(env, "silent");
  /* The end of the stream and a broken connection make a socket readable, too. */
  char byte;
  ssize_t count = recv(an_int(&given[0]), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  const int is_pipe = count < 0 && errno == ENOTSOCK;
  return a_text(env, count > 0 || (is_pipe && came & POLLIN) ? "talks" : "left");
}

const struct function tcp_functions[] = {
    {"bindTcp", "bn", bind_tcp},
    {"listen", "onn", listen_tcp},
    {"adoptListener", "n", adopt_listener},
    {"socketKind", "n", socket_kind},
    {"accept", "n", accept_next},
    {"localEndpoint", "n", local_endpoint},
    {"watch", "nnt", watch},
    {"watchAnew", "nnt", watch_anew},
    {"pauseWatch", "n", pause_watch},
    {"unwatch", "n", unwatch},
    {"events", "", events},
    {"dropIpOptions", "n", drop_ip_options},
    {"sendAtOnce", "n", send_at_once},
    {"look", "n", look},
    {"peek", "nb", peek},
    {"receive", "nb", receive},
    {"send", "nb", send_now},
    {"endSending", "n", end_sending},
    {"endReceiving", "n", end_receiving},
    {"tcpInfo", "n", tcp_info},
    {"awaitRoom", "nn", await_room},
    {"awaitInput", "nn", await_input},
    {"awaitEnd", "nn", await_end},
    {"awaitClient", "nn", await_client},
    {NULL, NULL, NULL},
};
