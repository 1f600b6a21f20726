import { join } from 'node:path'
import { withEnding } from '../../test/programs/host/server.ts'
import { startOnescand } from '../../test/scanner/daemon/process.ts'
import type { Host } from './hosts.ts'

const program = join(import.meta.dirname, '../../dist/onescand.cjs')
const people = ['ann', 'ben', 'carl']

/** As below a server: what has no address may be a bounce of qmail-send's, and onescand needs to know who asks. */
const TCPREMOTEIP = '192.0.2.1'

/** What onescand's log contains of each copy, as `scan=` has it; or why it did not judge it. */
export interface Newsletter {
  readonly scans: readonly string[]
}

/** The same newsletter to three people in three sessions, through a warm onescand. */
export function sendNewsletter({ environment: settings }: Host): Promise<Newsletter> {
  return withEnding(async (t) => {
    const onescand = await startOnescand(t, { program: [process.execPath, program], settings })
    const scans: string[] = []
    for (const [n, person] of people.entries()) {
      const message = letterTo(person, n)
      const variables = { QHPSI: settings.QHPSI ?? '', TCPREMOTEIP }
      const { log, reason } = await onescand.ask({ message, variables })
      scans.push(/ scan=(\w+)/.exec(log)?.[1] ?? reason)
    }
    return { scans }
  })
}

function letterTo(person: string, n: number): Buffer {
  return Buffer.from(
    `Date: Fri, 20 Nov 2026 10:00:0${n} +0000\nTo: ${person}@example.net\n` +
      `Message-ID: <${n}@example.org>\nFrom: news@example.org\nSubject: November\n\nWhat is new.\n`,
  )
}
