import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { openDirectory } from '../host/reachable.ts'
import { type Ending, startServer } from '../host/server.ts'
import { socketDirectory } from '../host/socket-directory.ts'

/** Why its tests are skipped; false if it is there. */
export const opendkimMissing: string | false = lacks('opendkim', 'opendkim-genkey')

/** What OpenDKIM does with mail: signs it as `domain`, or shows what its signatures are worth. */
export type OpendkimTask = 'sign' | 'verify'

/** A key as opendkim-genkey makes it, with its records. */
export interface DkimKey {
  readonly domains: readonly string[]
  readonly directory: string
}

const SELECTOR = 'sel'

/** Makes one key for the mail of all these domains. */
export function makeDkimKey(t: Ending, ...domains: readonly string[]): DkimKey {
  const directory = socketDirectory(t)
  execFileSync('opendkim-genkey', ['-b', '2048', '-s', SELECTOR, '-D', directory])
  // The record of the zone file, in the form that opendkim takes instead of the DNS.
  const zone = readFileSync(join(directory, `${SELECTOR}.txt`), 'latin1')
  const record = [...zone.matchAll(/"([^"]*)"/g)].map(([, text]) => text).join('')
  const records = domains.map((domain) => `${SELECTOR}._domainkey.${domain} ${record}\n`)
  writeFileSync(join(directory, 'records'), records.join(''))
  return { domains, directory }
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
 * removes forged Authentication-Results. Resolves to its address as Postfix writes it.
 */
export async function startOpendkim(t: Ending, key: DkimKey, task: OpendkimTask): Promise<string> {
  const directory = openDirectory(t)
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
  const command = ['opendkim', '-f', '-x', configuration]
  // TERM would wait for the MTA to close its connections.
  const { stop } = await startServer(command, { path }, { signal: 'SIGKILL' })
  t.teardown(stop)
  return `unix:${path}`
}
