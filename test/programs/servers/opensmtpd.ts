import { chmodSync, chownSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { makeOwnDirectories, ownDirectoriesMissing } from '../host/own-directories.ts'
import { reachable } from '../host/reachable.ts'
import { type Ending, startServer } from '../host/server.ts'
import { opensmtpdProgram } from '../host/unpack.mjs'
import { unpackedLibraries } from '../host/unpacked-libraries.ts'

/** Why its tests are skipped; false where everything is there. */
export const opensmtpdMissing: string | false = lacks('OpenSMTPD') || ownDirectoriesMissing

/** Accounts of the package, with ids that no other program has. */
const ACCOUNTS = { opensmtpd: 64_991, opensmtpq: 64_992 }

export interface OpenSmtpd {
  /** What it has printed so far. */
  log(): string
  /** The number of messages that it has not passed on yet. */
  queued(): number
}

/** An OpenSMTPD of its own, by an smtpd.conf that listens at `port` of 127.0.0.1. */
export async function startOpenSmtpd(
  t: Ending,
  configuration: string,
  port: number,
): Promise<OpenSmtpd> {
  // The package's accounts, its queue and its socket are named in the program.
  const own = makeOwnDirectories(t, {
    '/etc': ['passwd', 'group', 'mailname'],
    '/var/spool': ['smtpd'],
    '/var/lib': ['opensmtpd'],
    '/run': ['smtpd.sock'],
  })
  const lines = (make: (name: string, id: number) => string) =>
    Object.entries(ACCOUNTS)
      .map(([name, id]) => `${make(name, id)}\n`)
      .join('')
  const append = (path: string, text: string) =>
    writeFileSync(own.at(path), readFileSync(path, 'latin1') + text)
  append(
    '/etc/passwd',
    lines((name, id) => `${name}:x:${id}:${id}::/var/lib/opensmtpd/empty:/bin/false`),
  )
  append(
    '/etc/group',
    lines((name, id) => `${name}:x:${id}:`),
  )
  writeFileSync(own.at('/etc/mailname'), 'opensmtpd.example.org\n')
  mkdirSync(own.at('/var/lib/opensmtpd/empty'), { recursive: true })
  const spool = own.at('/var/spool/smtpd')
  makeSpool(spool)
  const file = join(own.directory, 'smtpd.conf')
  writeFileSync(file, configuration)
  chmodSync(file, 0o644)
  const program = reachable(opensmtpdProgram)
  const command = own.around([program, '-d', '-v', '-f', file])
  const env = { PATH: process.env.PATH, LD_LIBRARY_PATH: unpackedLibraries(program) }
  const { log, stop } = await startServer(command, { port, host: '127.0.0.1' }, { env })
  t.teardown(stop)
  return {
    log: () => log.join('\n'),
    // A directory may go while they are counted: glob passes over it, as readdir does not.
    queued: () => globSync(join(spool, 'queue/*/*/message')).length,
  }
}

/** As smtpd(8) wants to find it. */
function makeSpool(spool: string): void {
  mkdirSync(spool)
  chmodSync(spool, 0o711)
  for (const name of ['queue', 'purge', 'incoming', 'temporary', 'corrupt']) {
    mkdirSync(join(spool, name))
    chmodSync(join(spool, name), 0o700)
    chownSync(join(spool, name), ACCOUNTS.opensmtpq, 0)
  }
  mkdirSync(join(spool, 'offline'))
  chmodSync(join(spool, 'offline'), 0o770)
  chownSync(join(spool, 'offline'), 0, ACCOUNTS.opensmtpq)
}
