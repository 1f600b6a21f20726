import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { commandScript } from '../../scanner/cli/onescan.ts'
import { makeOwnDirectories, ownDirectoriesMissing } from '../host/own-directories.ts'
import { reachable } from '../host/reachable.ts'
import { type Ending, startServer } from '../host/server.ts'
import { eximRoot } from '../host/unpack.mjs'
import { unpackedLibraries } from '../host/unpacked-libraries.ts'

const EXIM = join(eximRoot, 'usr/sbin/exim4')
const UPDATE = join(eximRoot, 'usr/sbin/update-exim4.conf')

/** Why its tests are skipped; false where everything is there. */
export const eximMissing: string | false = lacks('Exim') || ownDirectoriesMissing

/** Accounts with ids that no other program has: Exim's own, and that of a mailbox. */
const IDS = { 'Debian-exim': 64_993, ben: 64_994 }

export interface Exim {
  /** Its main log so far. */
  log(): string
  /** The number of messages that it has not passed on yet. */
  queued(): number
  /** The messages in the mailbox of ben@example.org. */
  delivered(): Buffer[]
  /** Hands it a message as a program of the host does, with this sender. */
  submit(message: Buffer, sender: string, recipient: string): void
  /** Tries once to deliver all that is in its queue. */
  tryAgain(): void
}

/** A host with Debian's Exim, which does not run, and with `onescan`. */
export interface EximHost {
  /** Where a path of the host is seen from outside. */
  at(path: string): string
  /** The words that run a program there. */
  around(program: readonly string[]): string[]
  /** Runs a script of sh there, as root. */
  run(script: string): { readonly code: number | null; readonly output: string }
  /** The home of ben@example.org. */
  readonly home: string
}

/**
 * Makes a host with the configuration of Debian's package for one on the Internet whose domain is
 * example.org; it listens at `interfaces`, as update-exim4.conf.conf(5) has them.
 */
export function makeEximHost(t: Ending, interfaces: string): EximHost {
  const own = makeOwnDirectories(t, {
    '/etc': ['passwd', 'group', 'exim4', 'ld.so.cache', 'mailname', 'aliases', 'email-addresses'],
    '/usr/sbin': ['exim4', 'update-exim4.conf', 'onescan'],
    '/var/lib': ['exim4'],
    '/var/spool': ['exim4'],
    '/var/log': ['exim4'],
    '/run': ['exim4'],
  })
  const home = join(own.directory, 'ben')
  for (const [path, id] of [
    [own.at('/var/spool/exim4'), IDS['Debian-exim']],
    [own.at('/var/log/exim4'), IDS['Debian-exim']],
    [own.at('/run/exim4'), IDS['Debian-exim']],
    [own.at('/var/lib/exim4'), 0],
    [home, IDS.ben],
  ] as const) {
    mkdirSync(path)
    chmodSync(path, 0o755)
    chownSync(path, id, id)
  }
  const accounts = Object.entries(IDS)
  const write = (path: string, text: string) => {
    writeFileSync(own.at(path), text)
    chmodSync(own.at(path), 0o644)
  }
  const append = (path: string, lines: string[]) =>
    write(path, `${readFileSync(path, 'latin1')}${lines.join('')}`)
  append('/etc/passwd', accounts.map(([name, id]) => `${name}:x:${id}:${id}::${home}:/bin/false\n`)) // biome-ignore format: a line
  append('/etc/group', accounts.map(([name, id]) => `${name}:x:${id}:\n`)) // biome-ignore format: a line
  write('/etc/mailname', 'example.org\n')
  write('/etc/aliases', 'postmaster: ben\n')
  for (const name of ['/etc/exim4', '/etc/email-addresses']) {
    cpSync(join(eximRoot, name), own.at(name), { recursive: true })
  }
  write('/etc/exim4/update-exim4.conf.conf', answers(interfaces))
  symlinkSync(reachable(EXIM), own.at('/usr/sbin/exim4'))
  symlinkSync(UPDATE, own.at('/usr/sbin/update-exim4.conf'))
  writeFileSync(own.at('/usr/sbin/onescan'), commandScript(), { mode: 0o755 })
  // Exim starts itself again for a delivery, setuid, and no such program reads LD_LIBRARY_PATH.
  const libraries = unpackedLibraries(reachable(EXIM)).split(':')
  execFileSync('ldconfig', ['-X', '-C', own.at('/etc/ld.so.cache'), ...libraries])

  const run = (script: string) => {
    const [command = '', ...words] = own.around(['/bin/sh', '-c', `exec 2>&1\n${script}`])
    const { status, stdout, stderr } = spawnSync(command, words, { env, encoding: 'utf8' })
    return { code: status, output: stdout + stderr }
  }
  run('update-exim4.conf')
  return { at: own.at, around: own.around, run, home }
}

const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

/** Starts its Exim, which must listen at this port of 127.0.0.1. */
export async function startExim(t: Ending, host: EximHost, port: number): Promise<Exim> {
  const log = host.at('/var/log/exim4/mainlog')
  // Anyone who of its processes comes first would make it a file that the others cannot write.
  writeFileSync(log, '')
  chmodSync(log, 0o666)
  chownSync(log, IDS['Debian-exim'], 0)
  const run = (input: Buffer | string, ...program: readonly string[]) => {
    const [command = '', ...words] = host.around(program)
    execFileSync(command, words, { env, input, stdio: ['pipe', 'ignore', 'inherit'] })
  }
  // Without -q: a queue runner would hide a delivery that fails at the first attempt.
  const command = host.around(['/usr/sbin/exim4', '-bdf'])
  const { stop } = await startServer(command, { port, host: '127.0.0.1' }, { env })
  t.teardown(stop)
  const mailbox = join(host.home, 'Maildir/new')
  return {
    log: () => readFileSync(log, 'latin1'),
    queued: () =>
      readdirSync(host.at('/var/spool/exim4/input'), { recursive: true, encoding: 'utf8' }).filter(
        (name) => name.endsWith('-H'),
      ).length,
    delivered: () =>
      existsSync(mailbox)
        ? readdirSync(mailbox).map((name) => readFileSync(join(mailbox, name)))
        : [],
    submit: (message, sender, recipient) =>
      run(message, '/usr/sbin/exim4', '-i', '-f', sender, recipient),
    tryAgain: () => run('', '/usr/sbin/exim4', '-qff'),
  }
}

/** What Debian's installation asks and writes down. */
const answers = (interfaces: string) => `dc_eximconfig_configtype='internet'
dc_other_hostnames='example.org'
dc_local_interfaces='${interfaces}'
dc_readhost=''
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='false'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='maildir_home'
`
