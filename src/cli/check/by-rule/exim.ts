import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { type Finding, failure, ok, warning } from '../../../lib/errors/finding.ts'
import { commandAs } from '../../root/run-as.ts'
import { reader } from '../../shared/accounts.ts'
import { isListening } from '../../shared/listeners.ts'
import { matchAddress, type OnescandEndpoints } from './onescand-endpoints.ts'

/** The program of Debian, and of others. */
export const EXIMS = ['/usr/sbin/exim4', '/usr/sbin/exim'] as const

const run = promisify(execFile)
/** Milliseconds that Exim may take. */
const TIMEOUT = 10_000
const SHOW = 'onescan check --mail ADDRESS shows it'

/** A router that hands mail to a port of this host. */
interface LocalRouter {
  readonly name: string
  readonly port: number
}

/**
 * Says by rule where this host's Exim hands mail to on the host. Exim itself is asked, which tells anybody of
 * its routers; nothing is sent.
 */
export async function checkExim(endpoints: OnescandEndpoints): Promise<Finding[]> {
  const program = EXIMS.find((path) => existsSync(path)) ?? EXIMS[0]
  const command = [program, '-bP', 'routers']
  const isRoot = process.getuid!() === 0
  const [first, ...words] = isRoot ? commandAs(reader(), command) : command
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  try {
    const { stdout } = await run(first!, words, { env, cwd: '/', timeout: TIMEOUT })
    return judgeRouters(readRouters(stdout), endpoints, isListening)
  } catch {
    const value = 'does not tell its routers (exim4 -bP routers), and whether mail is scanned was not seen' // biome-ignore format: a line
    return [warning('Exim', value, SHOW)]
  }
}

/** Reads what `exim -bP routers` prints: a line with the name of each, then its options. */
export function readRouters(printed: string): LocalRouter[] {
  return printed.split(/^(?=\S+ router:$)/m).flatMap((text) => {
    const [, name] = /^(\S+) router:$/m.exec(text) ?? []
    const lists = [...text.matchAll(/^route_(?:list|data) = (.*)$/gm)].map(([, list]) => list)
    const ports = [...lists.join(' ').matchAll(/\b(?:127\.[\d.]+|localhost)::(\d+)\b/g)]
    return name === undefined ? [] : ports.map(([, port]) => ({ name, port: Number(port) }))
  })
}

export function judgeRouters(
  routers: readonly LocalRouter[],
  { smtp }: OnescandEndpoints,
  listens: (port: number) => boolean,
): Finding[] {
  const isOurs = ({ port }: LocalRouter) =>
    matchAddress(`inet:127.0.0.1:${port}`, smtp, undefined) !== undefined
  const findings = routers.flatMap((router): Finding[] => {
    const { name, port } = router
    const what = `router ${name} of Exim`
    if (listens(port)) return isOurs(router) ? [ok(what, `hands mail to onescand at port ${port}`)] : [] // biome-ignore format: a line
    const value = `hands mail to port ${port} of 127.0.0.1, where nobody listens: Exim defers it`
    return [failure(what, value, howToServe(isOurs(router), smtp))]
  })
  if (routers.some(isOurs)) return findings
  const value = 'no router of Exim hands mail to onescand by SMTP, and whether mail is scanned was not seen' // biome-ignore format: a line
  return [...findings, warning('Exim', value, SHOW)]
}

function howToServe(isOurs: boolean, smtp: readonly string[]): string {
  if (isOurs) return 'start onescand, which should listen there, and see its log'
  const own = smtp.length === 0 ? 'none now: doc/mail-servers.md' : smtp.join(', ')
  return `start who should listen there; if it is onescand, name an address of its --smtp (${own}) in that router, or that port in ONESCAND_OPTIONS`
}
