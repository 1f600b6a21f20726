/**
 * Threads of onescand for file-system calls, as in UV_THREADPOOL_SIZE: libuv's pool in Node, and the pool of the
 * compiled runtime, which src/c/launcher/launch.c sets.
 */
export const DAEMON_THREADS = 24
