import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../cases/case.ts'
import { plain } from '../cases/messages.ts'
import type { Debian } from './debian.ts'

/** What the package makes, and what it puts in the place of. */
export const LINK = '/etc/onescan/queue'
export const CLIENT = '/usr/lib/onescan/onescanc'
export const REAL = '/var/qmail/bin/qmail-queue'

const source = join(import.meta.dirname, '../stand-in/qmail-queue.c')

/**
 * Puts a qmail-queue into a Debian, which `at` leads into, and mail: /clean.eml, /eicar.eml and their
 * /envelope. Every account may queue it, into the Maildir /var/mail-here.
 */
export function putQmail(at: (path: string) => string): void {
  mkdirSync(at('/var/qmail/bin'), { recursive: true })
  // Static: the other Debian may have another C library than this host.
  execFileSync('cc', ['-O2', '-static', '-o', at(REAL), source])
  for (const part of ['tmp', 'new', 'cur', 'envelopes']) {
    mkdirSync(at(`/var/mail-here/${part}`), { recursive: true })
    chmodSync(at(`/var/mail-here/${part}`), 0o777)
  }
  writeFileSync(at('/clean.eml'), plain)
  writeFileSync(at('/eicar.eml'), Buffer.concat([plain, bytes(`${EICAR}\n`)]))
  writeFileSync(at('/envelope'), 'Fann@example.org\0Tben@example.org\0\0')
}

/** The number of messages in the Maildir. */
export const deliveredTo = (at: (path: string) => string): number =>
  readdirSync(at('/var/mail-here/new')).length

/** Runs a script there, which must succeed unless another code is expected; returns its output. */
export function mustRun(t: Test, debian: Pick<Debian, 'run'>, script: string, code = 0): string {
  const result = debian.run(script)
  t.equal(result.code, code, `${script}\n${result.output}`)
  return result.output
}

/**
 * Runs a script there while mail comes in by LINK all the time: some messages at least, each of which is
 * queued or deferred, and nothing is lost.
 */
export function whileMailFlows(t: Test, debian: Debian, script: string, least: number): void {
  const at = (path: string) => join(debian.path, path)
  const before = deliveredTo(at)
  const loop = `
    while ! test -e /enough; do
      QHPSI='plugin: eicar' MAILDIR=/var/mail-here ${LINK} </clean.eml 1</envelope 2>>/log
      echo $?
    done >/codes &
    ${script}
    touch /enough && wait $! && cat /codes`
  const codes = mustRun(t, debian, loop).trim().split('\n')
  const queued = codes.filter((code) => code === '0')
  t.equal(queued.length, deliveredTo(at) - before, 'what is queued is printed')
  t.ok(codes.length > least, `${codes.length} messages`)
  const permanent = codes.filter((code) => (Number(code) >= 11 && Number(code) <= 40) || code === '115') // biome-ignore format: a line
  t.same(permanent, [])
}
