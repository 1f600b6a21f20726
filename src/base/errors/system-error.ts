/** Errors of the system in words: messages name no code, such as ENOENT, which is for programs. */

/** By code, what errno(3) means, and getaddrinfo(3) with the resolver of Node. */
const codesInWords: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'no such address on this host',
  EAFNOSUPPORT: 'this host does not support such addresses',
  EAGAIN: 'temporarily unavailable',
  EAI_AGAIN: 'the name server does not answer',
  EBADRESP: 'the name server sent an invalid answer',
  ECONNABORTED: 'the connection was aborted',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EEXIST: 'already exists',
  EHOSTDOWN: 'the host does not answer',
  EHOSTUNREACH: 'no route to the host',
  EINVAL: 'invalid argument',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'a symbolic link that is not followed',
  EMFILE: 'too many open files',
  ENETDOWN: 'the network is down',
  ENETUNREACH: 'no route to the network',
  ENFILE: 'too many open files on this host',
  ENODATA: 'no such name',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'not a program',
  ENOMEM: 'out of memory',
  ENOSPC: 'no space left',
  ENOSYS: 'the kernel does not support it',
  ENOTCONN: 'not connected',
  ENOTDIR: 'not a directory',
  ENOTFOUND: 'no such name',
  EPERM: 'not permitted',
  EPIPE: 'the other side has closed the connection',
  EREFUSED: 'the name server refused',
  EROFS: 'read-only file system',
  ESERVFAIL: 'the name server failed',
  ETIMEDOUT: 'timed out',
  ETIMEOUT: 'timed out',
  EXDEV: 'on another file system',
}

/** Returns what the code of a system error means, or the code itself if it is a rare one. */
export const codeInWords = (code: string): string => codesInWords[code] ?? code

/**
 * Returns the message of a system error with this code in words, after what it is about: `/etc/x: no such file or
 * directory`. Node writes it in two ways: `ENOENT: no such file or directory, open '/etc/x'` is about a file, and
 * `connect ECONNREFUSED 192.0.2.1:25` about a call. A text without the code is returned as it is.
 */
export function withoutCode(text: string, code: string): string {
  if (!/^E[A-Z0-9_]+$/.test(code)) return text
  const [ofFile, meaning = '', path] =
    new RegExp(`^${code}: ([^,]*?)(?:, [a-z_]+(?: '(.*?)'(?: -> '.*')?)?)?$`).exec(text) ?? []
  if (ofFile !== undefined) return about(path, codesInWords[code] ?? meaning)
  const ofCall = new RegExp(`^[a-zA-Z]+ (?:(.*) )?${code}(?:: [a-z ]+?(?= \\S*[/:.\\d])|: [a-z ]+$)?(?: (.+))?$`).exec(text) // biome-ignore format: a line
  return ofCall === null
    ? text
    : about((ofCall[1] ?? ofCall[2])?.replace(/ - Local \(.*\)$/, ''), codeInWords(code))
}

const about = (what: string | undefined, meaning: string): string =>
  what ? `${what}: ${meaning}` : meaning
