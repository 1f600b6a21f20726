import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { signsIn } from '../../../test/scanner/scan/scanners/evasions/files.ts'

/** One program that reads mail, or several in one. */
export interface Reader {
  readonly names: readonly string[]
  /** Those of the names that have one of the files of test/scanner/scan/scanners/evasions in their hands then. */
  ask(message: Buffer): Promise<string[]>
  stop?(): Promise<void>
}

/** Whether it is one of the files that evasions carry, or has it in it. */
export function isFile(content: Buffer): boolean {
  return signsIn(content).length > 0
}

/** Names are bytes: a message gives them. */
export function holdsFile(directory: string): boolean {
  return readdirSync(directory, { encoding: 'buffer' }).some((name) => {
    const path = Buffer.concat([Buffer.from(`${directory}/`, 'latin1'), name])
    const status = lstatSync(path)
    if (status.isDirectory()) return holdsFile(path.toString('latin1'))
    return status.isFile() && isFile(readFileSync(path))
  })
}
