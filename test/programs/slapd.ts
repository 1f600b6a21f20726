import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { findProgram } from './install.mjs'
import { untilListening } from './listening.ts'

/** Why its tests are skipped; false where it is there. */
export const slapdMissing: string | false = !findProgram('slapd') && 'install Debian package slapd'

export interface Slapd {
  readonly url: string
  readonly base: string
  /** Who may read all; the file has the password. */
  readonly bindDn: string
  readonly passwordFile: string
  /** Holds it up, and lets it go on: it takes connections meanwhile and answers nothing. */
  pause(): Promise<void>
  resume(): void
  /** How often it was asked for this since it was started. */
  searchesFor(text: string): number
  /** Ends it, or starts it again on the same port. */
  stop(): Promise<void>
  start(): Promise<void>
  remove(): Promise<void>
}

const base = 'dc=example,dc=org'
const bindDn = `cn=reader,${base}`
const PASSWORD = 'not a secret'

/** Of qmail-ldap's attributes what quotas need; Debian's misc.schema has mailHost. */
const schema = `
attributetype (1.1.2.1.1 NAME 'mailMessageStore' EQUALITY caseExactIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE)
attributetype (1.1.2.1.2 NAME 'mailQuotaSize' EQUALITY caseExactIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE)
attributetype (1.1.2.1.3 NAME 'mailAlternateAddress' EQUALITY caseIgnoreIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26)
objectclass (1.1.2.2.1 NAME 'qmailUser' SUP top AUXILIARY
  MAY (mailMessageStore $ mailQuotaSize $ mailAlternateAddress $ mailHost $ mail))
`

function configuration(directory: string): string {
  return `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/misc.schema
include ${directory}/qmail.schema
pidfile ${directory}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "${base}"
rootdn "${bindDn}"
rootpw "${PASSWORD}"
directory ${directory}/data
access to * by dn.exact="${bindDn}" read by anonymous auth by * none
`
}

/** One of the people: attributes and their values, `uid` among them. */
export type Person = Readonly<Record<string, string>>

/** A slapd of its own with these people, without a service of the host. */
export async function startSlapd(people: readonly Person[]): Promise<Slapd> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-slapd-'))
  const at = (name: string) => join(directory, name)
  chmodSync(directory, 0o755)
  mkdirSync(at('data'))
  writeFileSync(at('qmail.schema'), schema)
  writeFileSync(at('slapd.conf'), configuration(directory))
  writeFileSync(at('people.ldif'), ldif(people))
  writeFileSync(at('password'), `${PASSWORD}\n`, { mode: 0o600 })
  if (process.getuid?.() === 0) execFileSync('chown', ['nobody', at('password')])
  const add = ['-f', at('slapd.conf'), '-l', at('people.ldif')]
  execFileSync(findProgram('slapadd') ?? 'slapadd', add, { stdio: ['ignore', 'ignore', 'pipe'] })
  const port = await freePort()
  const url = `ldap://127.0.0.1:${port}`
  let server: ChildProcess | undefined
  const searches: string[] = []

  async function start(): Promise<void> {
    const words = ['-h', url, '-f', at('slapd.conf'), '-d', 'stats']
    server = spawn(findProgram('slapd')!, words, { stdio: ['ignore', 'ignore', 'pipe'] })
    const lines = createInterface({ input: server.stderr! })
    lines.on('line', (line) => / SRCH base=/.test(line) && searches.push(line))
    await untilListening({ host: '127.0.0.1', port }, server)
  }

  async function stop(): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGCONT')
    server.kill('SIGTERM')
    await ended
  }

  await start()
  return {
    url,
    base,
    bindDn,
    passwordFile: at('password'),
    async pause() {
      server!.kill('SIGSTOP')
      while (!isStopped(server!.pid!)) await wait(5)
    },
    resume: () => server?.kill('SIGCONT'),
    searchesFor: (text) => searches.filter((line) => line.includes(text)).length,
    stop,
    start,
    async remove() {
      await stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** All of its threads: one that runs when the signal is sent goes on for a moment. */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    return / T [^)]*$/.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1'))
  })
}

function ldif(people: readonly Person[]): string {
  const top = `dn: ${base}\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: example\n`
  const entries = people.map((person, i) => {
    const attributes = Object.entries(person).map(
      ([name, value]) => `${name}:: ${Buffer.from(value).toString('base64')}\n`,
    )
    const classes = 'objectClass: inetOrgPerson\nobjectClass: qmailUser\n'
    return `dn: cn=p${i},${base}\n${classes}cn: p${i}\nsn: x\n${attributes.join('')}`
  })
  return [top, ...entries].join('\n')
}
