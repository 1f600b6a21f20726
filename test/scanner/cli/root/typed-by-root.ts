import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { attempt } from '../../../../src/base/errors/fault.ts'
import { ProcEntry } from '../../../../src/base/process/proc-entry.ts'
import { lacks } from '../../../needs.mjs'
import { openDirectory, reachable } from '../../../programs/host/reachable.ts'
import { keepOne, makeQuarantine } from '../../scan/quarantine/quarantined.ts'
import { bundle, onescan, type Run, type RunOptions } from '../onescan.ts'

/** Root types a command, and an account does its work. */

export const skip = lacks('root')
export const native = join(import.meta.dirname, '../../../../build/native/onescan')
/** An account that exists everywhere. */
export const NOBODY = 65_534
export const asNobody = ['--user', 'nobody']

export const asRoot = (words: readonly string[], options: RunOptions = {}): Promise<Run> =>
  onescan(words, { ...options, root: true })

/** A quarantine of nobody's, with a message. */
export async function nobodysQuarantine(t: Test) {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, Date.now(), { text: 'Subject: x\n\nVIRUS\n' })
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, directory])
  const run = (...words: readonly string[]) =>
    asRoot(['quarantine', ...words, '--directory', directory, ...asNobody])
  return { directory, id, run }
}

/** A directory into which every account may write. */
export function placeForAll(t: Test): string {
  const place = openDirectory(t)
  chmodSync(place, 0o1777)
  return place
}

/** A scanner that is this script of sh(1), for `--env QHPSI=...`. */
export function scanner(place: string, text: string): string {
  const file = join(place, 'scanner')
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return `QHPSI=${file} %s`
}

/** A program that is onescan to root; anyone who holds the account may have its process do this instead. */
export function held(place: string, script: string): string {
  const file = join(place, 'held.cjs')
  writeFileSync(file, `if (process.getuid() === 0) require('${bundle}')\nelse { ${script} }\n`)
  return file
}

/** The command that runs onescan, for sh(1). */
export const command = [process.execPath, bundle].map(reachable).join(' ')
export const mail = 'Subject: x\n\nbody\n'

/** The processes of nobody's whose command line names a place, as this host numbers them. */
export const processesIn = (place: string) =>
  ProcEntry.all().filter(
    (found) =>
      found.status()?.uid === NOBODY &&
      attempt(() => readFileSync(found.at('cmdline'), 'latin1'))?.includes(place),
  )
