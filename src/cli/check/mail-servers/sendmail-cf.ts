/** A filter of sendmail.cf: `Xonescan, S=inet:8890@127.0.0.1, F=T, T=S:30s;R:30s;E:5m`. */
export interface SendmailFilter {
  readonly name: string
  /** Its address as sendmail.cf has it: `inet:8890@127.0.0.1`. */
  readonly socket: string
  /** Its address in the form of onescand's --milter; undefined if Sendmail knows no such form. */
  readonly address: string | undefined
  /**
   * What Sendmail does with mail while it cannot ask the filter: T defers it, R refuses it, 4 defers
   * it and closes the connection; undefined accepts it.
   */
  readonly failure: 'T' | 'R' | '4' | undefined
  /** Seconds that the filter may take at the end of a message, when mail is scanned. */
  readonly timeout: number
}

/** Sendmail's own default for E, in seconds: libmilter/docs. */
const PATIENCE = 300

/** The filters that Sendmail asks, in order: Sendmail Installation and Operation Guide, 5.11. */
export function filtersIn(cf: string): SendmailFilter[] {
  const lines = cf.replace(/\n[ \t]+/g, ' ').split('\n')
  const known = new Map<string, SendmailFilter>()
  let named: string[] = []
  for (const line of lines) {
    const [, name, rest] = /^X([^,\s]+)\s*,(.*)$/.exec(line) ?? []
    if (name !== undefined) known.set(name, readFilter(name, rest!))
    const [, list] = /^O\s*InputMailFilters\s*=\s*(.*)$/.exec(line) ?? []
    if (list !== undefined) named = list.split(/[\s,]+/).filter((word) => word !== '')
  }
  return named.flatMap((name) => known.get(name.replace(/;.*/, '')) ?? [])
}

function readFilter(name: string, text: string): SendmailFilter {
  const terms = new Map(
    text.split(',').map((term) => {
      const at = term.indexOf('=')
      return [term.slice(0, at).trim(), term.slice(at + 1).trim()]
    }),
  )
  const socket = terms.get('S') ?? ''
  const failure = terms.get('F')
  return {
    name,
    socket,
    address: addressOf(socket),
    failure: failure === 'T' || failure === 'R' || failure === '4' ? failure : undefined,
    timeout: timeoutIn(terms.get('T') ?? ''),
  }
}

function addressOf(socket: string): string | undefined {
  const [, path] = /^(?:unix|local):(\/.+)$/.exec(socket) ?? []
  if (path !== undefined) return `unix:${path}`
  const [, port, host] = /^inet6?:(\d+)@\[?([^\]]+)\]?$/.exec(socket) ?? []
  if (port === undefined) return undefined
  return host!.includes(':') ? `inet:[${host}]:${port}` : `inet:${host}:${port}`
}

function timeoutIn(timeouts: string): number {
  const [, number, unit] = /(?:^|;)\s*E:(\d+)([smhd]?)/.exec(timeouts) ?? []
  if (number === undefined) return PATIENCE
  return Number(number) * { s: 1, m: 60, h: 3600, d: 86_400, '': 1 }[unit as 's']
}
