import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ask, carryOut } from '../doors/slot-socket/client.ts'
import type { Host } from './hosts.ts'

const program = join(import.meta.dirname, '../../dist/onescand.cjs')
const people = ['ann', 'ben', 'carl']

/** As below a server: what has no address may be a bounce of qmail-send's, and onescand needs to know who asks. */
const TCPREMOTEIP = '192.0.2.1'

/** What onescand's log says of each copy, as `scan=` has it; or why it did not judge it. */
export interface Newsletter {
  readonly scans: readonly string[]
}

/** The same newsletter to three people in three sessions, through a warm onescand. */
export async function sendNewsletter({ environment }: Host): Promise<Newsletter> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-try-')) // a socket's path is short
  const socket = join(directory, 's')
  const child = spawn(process.execPath, [program, '--socket', socket, '--workers', '1'], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit')
  try {
    for await (const line of createInterface({ input: child.stderr })) {
      if (line.includes('serving')) break
    }
    const scans: string[] = []
    for (const [n, person] of people.entries()) {
      const message = letterTo(person, n)
      const question = { message, variables: { QHPSI: environment.QHPSI ?? '', TCPREMOTEIP } }
      const { log, why } = carryOut(await ask(socket, question), question)
      scans.push(/ scan=(\w+)/.exec(log)?.[1] ?? why)
    }
    return { scans }
  } finally {
    child.kill('SIGTERM')
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
}

function letterTo(person: string, n: number): Buffer {
  return Buffer.from(
    `Date: Fri, 20 Nov 2026 10:00:0${n} +0000\nTo: ${person}@example.net\n` +
      `Message-ID: <${n}@example.org>\nFrom: news@example.org\nSubject: November\n\nWhat is new.\n`,
  )
}
