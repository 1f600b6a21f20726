/**
 * Constants of the C library's headers on Linux, by their own names. They are the same on x86-64
 * and arm64, and with glibc and musl.
 */

/* socket(2), unix(7), ip(7), ipv6(7) and tcp(7) */
export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_ACCEPTCONN = 30
export const IPPROTO_IP = 0
export const IP_OPTIONS = 4
export const IPPROTO_TCP = 6
export const TCP_NODELAY = 1
export const TCP_INFO = 11
export const IPPROTO_IPV6 = 41
export const IPV6_V6ONLY = 26
export const SHUT_RD = 0
export const SHUT_WR = 1
export const SCM_RIGHTS = 1
export const SO_TYPE = 3
export const SO_PEERCRED = 17
export const SO_DOMAIN = 39
export const SO_PASSRIGHTS = 83
export const AF_UNIX = 1
export const SOCK_DGRAM = 2

/* recv(2) and send(2) */
export const MSG_PEEK = 0x2
export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000

/* poll(2) and epoll(7) */
export const EPOLL_CLOEXEC = 0o2000000
export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLL_CTL_MOD = 3
export const EPOLLIN = 0x1
export const EPOLLERR = 0x8
export const EPOLLHUP = 0x10
export const EPOLLRDHUP = 0x2000
export const POLLOUT = 0x4
export const POLLIN = 0x1
export const POLLRDHUP = 0x2000
export const EPOLLEXCLUSIVE = 1 << 28
/** struct epoll_event is packed on x86-64 alone. */
export const EVENT_BYTES = process.arch === 'x64' ? 12 : 16
export const EVENT_DATA_AT = process.arch === 'x64' ? 4 : 8

/* fcntl(2), flock(2) and memfd_create(2) */
export const F_SETFD = 2
export const F_GETFL = 3
export const F_SETFL = 4
export const F_SETOWN = 8
export const FD_CLOEXEC = 1
export const O_NONBLOCK = 0o4000
export const O_CLOEXEC = 0o2000000
export const O_ASYNC = 0o20000
export const O_PATH = 0o10000000
export const MFD_CLOEXEC = 1
export const MFD_ALLOW_SEALING = 2
export const F_ADD_SEALS = 1033
export const LOCK_EX = 2
export const LOCK_NB = 4

/* signal(2) and prctl(2) */
export const SIG_DFL = 0
export const SIG_IGN = 1
export const PR_SET_DUMPABLE = 4

/* keyctl(2), whose number is that of <sys/syscall.h> */
export const SYS_keyctl = process.arch === 'x64' ? 250 : 219
export const KEYCTL_JOIN_SESSION_KEYRING = 1

/* errno(3) */
export const EAGAIN = 11
export const ENOMEM = 12
export const ENFILE = 23
export const EMFILE = 24
export const ENOBUFS = 105
export const EAFNOSUPPORT = 97
export const EADDRNOTAVAIL = 99
export const EINTR = 4
export const ENAMETOOLONG = 36
