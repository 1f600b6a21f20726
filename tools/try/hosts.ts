import { randomBytes } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import type { Environment } from '../../src/base/process/environment.ts'
import { scriptQueue } from '../../test/stand-in/stand-in.ts'

export const hostNames = ['alpha', 'beta', 'gamma'] as const
export type HostName = (typeof hostNames)[number]

/** Whose keys a host knows: the first is its own and signs. */
const rings: Readonly<Record<HostName, readonly HostName[]>> = {
  alpha: ['alpha', 'beta'],
  beta: ['beta', 'alpha'],
  gamma: ['gamma'],
}

export interface Host {
  readonly name: HostName
  readonly maildir: string
  /** The slot's whole environment, as tcpserver and its rules would set it up. */
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Sets up the hosts, each in a directory of its own with its Maildir and its keyring,
 * and with the stand-in qmail-queue where the slot looks for the real one: nothing
 * of a qmail on this machine is used.
 */
export function makeHosts(
  directory: string,
  scanner: Readonly<Record<string, string>>,
  env: Environment,
): Readonly<Record<HostName, Host>> {
  const keys = eachHost((name) => `hmac-sha256:${name}:${randomBytes(32).toString('base64url')}\n`)
  return eachHost((name) => {
    const home = join(directory, name)
    const maildir = join(home, 'Maildir')
    const chain = join(home, 'bin', 'qmail-queue') // the slot's default
    const keyring = join(home, 'control', 'clusterkeys')
    for (const part of ['tmp', 'new', 'cur', 'envelopes']) {
      mkdirSync(join(maildir, part), { recursive: true })
    }
    for (const path of [keyring, chain]) mkdirSync(dirname(path))
    symlinkSync(scriptQueue, chain)
    writeFileSync(keyring, rings[name].map((known) => keys[known]).join(''), { mode: 0o600 })
    const environment = {
      // Both programs run on the Node that runs the trial.
      PATH: [dirname(process.execPath), env.PATH].join(delimiter),
      TMPDIR: tmpdir(),
      QMAILHOME: home,
      CLUSTERKEYS: keyring,
      MAILDIR: maildir,
      SCANTIMEOUT: '30',
      // A stamp from before new signatures is not trusted, and those of this machine may be new.
      CLAMDBDIR: home,
      PROTO: 'TCP', // as tcpserver has it: fd 2 is the log
      ...scanner,
    }
    return { name, maildir, environment }
  })
}

function eachHost<Value>(make: (name: HostName) => Value): Record<HostName, Value> {
  return { alpha: make('alpha'), beta: make('beta'), gamma: make('gamma') }
}
