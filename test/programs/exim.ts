import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { untilListening } from './listening.ts'
import { makeOwnDirectories, ownDirectoriesMissing } from './own-directories.ts'
import { reachable } from './reachable.ts'
import { eximProgram } from './unpack.mjs'
import { unpackedLibraries } from './unpacked-libraries.ts'

/** Why its tests are skipped; false where everything is there. */
export const eximMissing: string | false = !existsSync(eximProgram)
  ? 'unpack Exim: node test/programs/install.mjs'
  : ownDirectoriesMissing

const USER = 'Debian-exim'
/** The ids of a user and a group that no other program has. */
const ID = 64_993

/** What a postmaster adds to the parts of Exim's configuration. */
export interface EximParts {
  readonly main?: string
  readonly routers?: string
  readonly transports?: string
}

export interface Exim {
  /** Where it takes mail, on 127.0.0.1. */
  readonly port: number
  /** Its main log so far. */
  log(): string
  /** The number of messages that it has not handed on yet. */
  queued(): number
  /** Tries once to deliver all that is in its queue. */
  tryAgain(): Promise<void>
  stop(): Promise<void>
}

/** A part of a configuration file in Exim's form, up to the next `begin`. */
export function eximParts(text: string): EximParts {
  const [main = '', ...rest] = text.split(/^begin /m)
  const part = (name: string) =>
    rest.find((part) => part.startsWith(name))?.slice(name.length) ?? ''
  return { main, routers: part('routers'), transports: part('transports') }
}

/**
 * Starts an Exim apart from one that the host has. It sends all its mail to a port of 127.0.0.1.
 */
export async function startExim(
  t: Parameters<typeof makeOwnDirectories>[0],
  relayPort: number,
  parts: EximParts,
  port?: number,
): Promise<Exim> {
  // The package's own user and configuration are named in the program.
  const own = makeOwnDirectories(t, { '/etc': ['passwd', 'group', 'exim4', 'ld.so.cache'] })
  const at = (name: string) => join(own.directory, name)
  const listensAt = port ?? (await freePort())
  for (const name of ['spool', 'log']) {
    mkdirSync(at(name))
    chownSync(at(name), ID, ID)
  }
  const passwd = readFileSync('/etc/passwd', 'latin1')
  // Whoever of its processes comes first would make it a file that the others cannot write.
  writeFileSync(at('log/mainlog'), '')
  chmodSync(at('log/mainlog'), 0o666)
  writeFileSync(own.at('/etc/passwd'), `${passwd}${USER}:x:${ID}:${ID}::/:/bin/false\n`)
  writeFileSync(own.at('/etc/group'), `${readFileSync('/etc/group', 'latin1')}${USER}:x:${ID}:\n`)
  mkdirSync(own.at('/etc/exim4'))
  const file = configuration(own.directory, listensAt, relayPort, parts)
  writeFileSync(own.at('/etc/exim4/exim4.conf'), file)
  const [command = '', ...words] = own.around([reachable(eximProgram), '-bdf'])
  // Exim starts itself anew for a delivery, setuid, and no such program reads LD_LIBRARY_PATH.
  const libraries = unpackedLibraries(reachable(eximProgram)).split(':')
  execFileSync('ldconfig', ['-X', '-C', own.at('/etc/ld.so.cache'), ...libraries])
  const options: SpawnOptions = {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'ignore', 'inherit'],
  }
  // Without -q: a queue runner would hide a delivery that fails at the first attempt.
  const exim = spawn(command, words, options)
  const kill = () => void exim.kill('SIGKILL')
  process.once('exit', kill)
  await untilListening({ port: listensAt, host: '127.0.0.1' }, exim)
  return {
    port: listensAt,
    log: () => readFileSync(at('log/mainlog'), 'latin1'),
    queued: () =>
      readdirSync(at('spool/input'), { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('-H'),
      ).length,
    async tryAgain() {
      const [command = '', ...words] = own.around([reachable(eximProgram), '-qff'])
      await once(spawn(command, words, options), 'exit')
    },
    async stop() {
      process.removeListener('exit', kill)
      await ended(exim)
    },
  }
}

function configuration(
  directory: string,
  port: number,
  relayPort: number,
  parts: EximParts,
): string {
  const { main = '', routers = '', transports = '' } = parts
  return `
primary_hostname = exim.example.org
spool_directory = ${directory}/spool
log_file_path = ${directory}/log/%slog
pid_file_path = ${directory}/pid
never_users =
tls_advertise_hosts =
keep_environment =
exim_path = ${reachable(eximProgram)}
${main.includes('local_interfaces') ? '' : `local_interfaces = <; 127.0.0.1.${port}`}
acl_smtp_rcpt = accept
acl_smtp_data = accept
message_size_limit = 20M
queue_run_in_order
${main}
begin routers
${routers}
onward:
  driver = manualroute
  transport = onward
  route_list = * 127.0.0.1::${relayPort} byname
  self = send

begin transports
${transports}
onward:
  driver = smtp
  allow_localhost
  hosts_avoid_tls = *
  hosts_avoid_pipelining = *

begin retry
* * F,1h,1s
`
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
