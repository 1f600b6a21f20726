import { statSync } from 'node:fs'
import { attempt } from '../../../base/errors/fault.ts'

/** Returns whether a file has changed since another one was made from it, or by a program that had read it. Both exist. */
export function changedAfter(file: string, made: string): boolean {
  const [changed, then] = [file, made].map((path) => attempt(() => statSync(path).mtimeMs))
  return changed !== undefined && then !== undefined && changed > then
}
