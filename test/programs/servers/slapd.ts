import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks, programPath } from '../../needs.mjs'
import { until } from '../../run/until.ts'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { type Ending, startServer } from '../host/server.ts'

/** Why its tests are skipped; false if it is there. */
export const slapdMissing: string | false = lacks('slapd', 'slapadd', 'openssl')

export interface Slapd {
  /** With the base of the search, as the other URLs. */
  readonly url: string
  /** The same server by TLS, with a certificate that `authorities` covers, and by a socket. */
  readonly secureUrl: string
  readonly authorities: string
  readonly socketUrl: string
  /** Who may read all; the file has the password. */
  readonly bindDn: string
  readonly passwordFile: string
  /** Stops clamd or lets it go on. While it is stopped it takes connections and answers nothing. */
  pause(): Promise<void>
  resume(): void
  /** Returns how often the server was asked for this since its start. */
  searchesFor(text: string): number
  /** Returns the number of connections that the server has taken. */
  accepted(): number
  /** Ends it, stopped or not. */
  stop(): Promise<unknown>
  /** Ends it with SIGKILL. */
  kill(): Promise<unknown>
  /** Starts it again on the same port. */
  start(): Promise<void>
}

const base = 'dc=example,dc=org'
const bindDn = `cn=reader,${base}`
const PASSWORD = 'not a secret'

/** The attributes of qmail-ldap that quotas need. Debian's misc.schema has mailHost. */
const schema = `
attributetype (1.1.2.1.1 NAME 'mailMessageStore' EQUALITY caseExactIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE)
attributetype (1.1.2.1.2 NAME 'mailQuotaSize' EQUALITY caseExactIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE)
attributetype (1.1.2.1.3 NAME 'mailAlternateAddress' EQUALITY caseIgnoreIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26)
attributetype (1.1.2.1.4 NAME 'mailForwardingAddress' EQUALITY caseIgnoreIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26)
objectclass (1.1.2.2.1 NAME 'qmailUser' SUP top AUXILIARY
  MAY (mailMessageStore $ mailQuotaSize $ mailAlternateAddress $ mailForwardingAddress $ mailHost $ mail))
`

function configuration(directory: string, readers: Readers): string {
  return `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/misc.schema
include ${directory}/qmail.schema
TLSCertificateFile ${directory}/certificate
TLSCertificateKeyFile ${directory}/key
pidfile ${directory}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "${base}"
rootdn "${bindDn}"
rootpw "${PASSWORD}"
directory ${directory}/data
access to * by dn.exact="${bindDn}" read by anonymous ${readers === 'all' ? 'read' : 'auth'} by * none
`
}

/** A person of the directory: attributes and their values, with a `uid`. */
export type Person = Readonly<Record<string, string | readonly string[]>>

/** Who may read: anyone who binds as `bindDn`, or all, who need not bind. */
type Readers = 'bound' | 'all'

/** Starts a slapd that serves these people, apart from any slapd of the host. It ends with the test. */
export async function startSlapd(
  t: Ending,
  people: readonly Person[],
  readers: Readers = 'bound',
): Promise<Slapd> {
  const directory = openDirectory(t)
  const at = (name: string) => join(directory, name)
  mkdirSync(at('data'))
  writeFileSync(at('qmail.schema'), schema)
  writeFileSync(at('slapd.conf'), configuration(directory, readers))
  writeFileSync(at('people.ldif'), ldif(people))
  writeFileSync(at('password'), `${PASSWORD}\n`, { mode: 0o600 })
  if (process.getuid?.() === 0) execFileSync('chown', ['nobody', at('password')])
  const own = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at('key'), '-out', at('certificate')]
  const about = ['-days', '2', '-subj', '/CN=x', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', ...own, ...about], { stdio: 'ignore' })
  const add = ['-f', at('slapd.conf'), '-l', at('people.ldif')]
  execFileSync(programPath('slapadd'), add, { stdio: ['ignore', 'ignore', 'pipe'] })
  const port = await freePort()
  const url = `ldap://127.0.0.1:${port}`
  const secureUrl = `ldaps://127.0.0.1:${await freePort()}`
  const socketUrl = `ldapi://${encodeURIComponent(at('ldapi'))}`
  const words = ['-h', `${url} ${secureUrl} ${socketUrl}`, '-f', at('slapd.conf'), '-d', 'stats']
  const start = () => startServer([programPath('slapd'), ...words], { host: '127.0.0.1', port })
  let server = await start()
  const logged = (what: string) => server.log.filter((line) => line.includes(what))
  const stop = () => server.stop('SIGCONT', 'SIGTERM')
  t.teardown(stop)
  return {
    url: `${url}/${base}`,
    secureUrl: `${secureUrl}/${base}`,
    authorities: at('certificate'),
    socketUrl: `${socketUrl}/${base}`,
    bindDn,
    passwordFile: at('password'),
    async pause() {
      process.kill(server.pid, 'SIGSTOP')
      await until(() => isStopped(server.pid), 'slapd has stopped')
    },
    resume: () => void process.kill(server.pid, 'SIGCONT'),
    searchesFor: (text) => logged(' SRCH base=').filter((line) => line.includes(text)).length,
    accepted: () => logged(' ACCEPT from ').length,
    stop,
    kill: () => server.stop('SIGKILL'),
    async start() {
      server = await start()
    },
  }
}

/**
 * Whether all threads of a process have stopped, since a running one goes on for a moment after the
 * signal.
 */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    return / T [^)]*$/.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1'))
  })
}

function ldif(people: readonly Person[]): string {
  const top = `dn: ${base}\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: example\n`
  const entries = people.map((person, i) => {
    const attributes = Object.entries(person).flatMap(([name, values]) =>
      [values].flat().map((value) => `${name}:: ${Buffer.from(value).toString('base64')}\n`),
    )
    const classes = 'objectClass: inetOrgPerson\nobjectClass: qmailUser\n'
    return `dn: cn=p${i},${base}\n${classes}cn: p${i}\nsn: x\n${attributes.join('')}`
  })
  return [top, ...entries].join('\n')
}
