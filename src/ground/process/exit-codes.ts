/**
 * The exit codes of programs that a supervisor or tcpserver(1) starts: a temporary failure, and a
 * wrong command line, which is permanent.
 */
export const exitCode = { done: 0, usage: 100, temporary: 111 } as const
