import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './install.mjs'
import { untilListening } from './listening.ts'

/** Why its tests are skipped; false if it is there. */
export const opendkimMissing: string | false =
  (!findProgram('opendkim') && 'install Debian package opendkim') ||
  (!findProgram('opendkim-genkey') && 'install Debian package opendkim-tools')

/** What OpenDKIM does with mail: signs it as `domain`, or tells what its signatures are worth. */
export type OpendkimTask = 'sign' | 'verify'

export interface Opendkim {
  /** The address as Postfix writes it. */
  readonly milter: string
  stop(): Promise<void>
}

/** A key as opendkim-genkey makes it, with its records. */
export interface DkimKey {
  readonly domains: readonly string[]
  readonly directory: string
  remove(): void
}

const SELECTOR = 'sel'

/** Makes one key for the mail of all these domains. */
export function makeDkimKey(...domains: readonly string[]): DkimKey {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-dkim-'))
  execFileSync('opendkim-genkey', ['-b', '2048', '-s', SELECTOR, '-D', directory])
  // The record of the zone file, in the form that opendkim takes instead of the DNS.
  const zone = readFileSync(join(directory, `${SELECTOR}.txt`), 'latin1')
  const record = [...zone.matchAll(/"([^"]*)"/g)].map(([, text]) => text).join('')
  const records = domains.map((domain) => `${SELECTOR}._domainkey.${domain} ${record}\n`)
  writeFileSync(join(directory, 'records'), records.join(''))
  return { domains, directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

const signing = ({ domains, directory }: DkimKey) => [
  'Mode s',
  `Domain ${domains.join(',')}`,
  `Selector ${SELECTOR}`,
  `KeyFile ${join(directory, `${SELECTOR}.private`)}`,
]

const verifying = [
  'Mode v',
  'InternalHosts 192.0.2.1', // 127.0.0.1 is none whose mail is signed
  'AlwaysAddARHeader yes',
  'AuthservID mx.example.org',
]

/**
 * Starts the real OpenDKIM as a milter that signs mail of 127.0.0.1, or verifies it, without DNS.
 * In either task it adds two fields: DKIM-Signature or Authentication-Results, and DKIM-Filter. It
 * removes forged Authentication-Results.
 */
export async function startOpendkim(key: DkimKey, task: OpendkimTask): Promise<Opendkim> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-opendkim-'))
  chmodSync(directory, 0o755)
  const path = join(directory, 'm')
  const lines = [
    `Socket local:${path}`,
    'UMask 0000',
    'Syslog no',
    'SoftwareHeader yes',
    'RequireSafeKeys no', // /tmp is everybody's
    `TestPublicKeys ${join(key.directory, 'records')}`,
    ...(task === 'sign' ? signing(key) : verifying),
  ]
  const configuration = join(directory, 'opendkim.conf')
  writeFileSync(configuration, `${lines.join('\n')}\n`)
  const child = spawn('opendkim', ['-f', '-x', configuration], { stdio: ['ignore', 2, 2] })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = once(child, 'exit').catch(() => {})
  const stop = async () => {
    process.removeListener('exit', kill)
    kill() // TERM would wait for the MTA to close its connections
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await once(child, 'spawn')
    await untilListening({ path }, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { milter: `unix:${path}`, stop }
}
