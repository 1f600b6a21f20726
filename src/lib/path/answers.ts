import { stat } from 'node:fs/promises'
import { LastSeen } from '../flow/last-seen.ts'

const looks = new Map<string, LastSeen<undefined>>()

/**
 * Resolves to whether the file system of this path responds, whatever stat(2) returns. Call it before a system
 * call that cannot run in a thread, such as connect(2) and execve(2): this process would block with a file
 * system that does not respond.
 */
export function answers(path: string): Promise<boolean> {
  const known = looks.get(path)
  if (known !== undefined) return known.isAnswered()
  const look = new LastSeen(undefined, () => stat(path).then(ignore, ignore))
  looks.set(path, look)
  return look.isAnswered()
}

function ignore(): undefined {
  return undefined
}
