import { close, fstat, open, read, type Stats, write } from 'node:fs'

// System calls on descriptors, each in a thread, so that a file system that does not answer blocks nothing else.
// Those of node:fs/promises work on its FileHandle alone, and promisify() of node:util takes each standalone
// program 1.5 ms to load.

/** open(2): resolves to the descriptor. Rejects with the system's error, like all of these. */
export function openFile(path: string | Buffer, flags: number, mode?: number): Promise<number> {
  return new Promise((resolve, reject) => open(path, flags, mode, settle(resolve, reject)))
}

/** fstat(2) */
export function statDescriptor(fd: number): Promise<Stats> {
  return new Promise((resolve, reject) => fstat(fd, settle(resolve, reject)))
}

/** pread(2) into the whole buffer: resolves to the number of bytes read. */
export function readFrom(fd: number, into: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) =>
    read(fd, into, 0, into.length, position, settle(resolve, reject)),
  )
}

/** write(2): resolves to the number of bytes written. */
export function writeTo(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => write(fd, bytes, settle(resolve, reject)))
}

/** close(2) */
export function closeFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => close(fd, settle(resolve, reject)))
}

function settle<T>(resolve: (value: T) => void, reject: (error: Error) => void) {
  return (error: Error | null | undefined, value?: T) =>
    error ? reject(error) : resolve(value as T)
}
