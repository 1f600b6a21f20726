import { stat } from 'node:fs'
import { join } from 'node:path'
import { LruCache } from '../flow/cache.ts'
import { PolledValue } from '../flow/polled-value.ts'

/** Upper limit for the paths that are remembered: clients of the qmail socket may name any number. */
const POLLED_PATHS_MAX = 1000

const paths = new LruCache<PolledValue<undefined>>(POLLED_PATHS_MAX)

/**
 * Resolves to whether the file system of this path responds, whatever stat(2) returns. Call it before a system
 * call that cannot run in a thread, such as connect(2) and execve(2): this process would block with a file
 * system that does not respond.
 */
export function responds(path: string): Promise<boolean> {
  return isAnswered(path, () => path)
}

let newNames = 0

/**
 * Resolves to whether the file system responds to the first use of a name in this directory. NFS reports the
 * directory itself from memory for a minute.
 */
export function respondsInside(directory: string): Promise<boolean> {
  return isAnswered(`${directory}/`, () => join(directory, `onescan-${process.pid}-${newNames++}`))
}

function isAnswered(key: string, path: () => string): Promise<boolean> {
  const polled = paths.get(key) ?? new PolledValue(undefined, () => hasStat(path()))
  paths.set(key, polled)
  return polled.tryPoll()
}

/** Resolves when stat(2) has returned, with whatever result. */
function hasStat(path: string): Promise<undefined> {
  return new Promise((resolve) => stat(path, () => resolve(undefined)))
}
