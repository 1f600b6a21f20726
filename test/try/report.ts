import type { Environment } from '../../src/settings/settings.ts'
import { type Host, type HostName, hostNames } from './hosts.ts'
import { ourFields } from './our-fields.ts'
import type { Passage } from './passage.ts'
import type { ScannerChoice } from './scanner.ts'
import { type Colour, fit, makePaint, type Output, WIDTH, wrap } from './terminal.ts'
import type { HopResult, Route } from './travel.ts'

export interface Report {
  opening(scanner: ScannerChoice): void
  route(route: Route, message: Buffer): void
  hop(result: HopResult): void
  summary(results: readonly HopResult[], hosts: Readonly<Record<HostName, Host>>): void
}

const HOST = '  alpha  '.length
const FINDING = 30
const TIME = 8
const REPLY = WIDTH - HOST - FINDING - TIME

/** Writes as things happen, for a person at a terminal of 80 columns. */
export function makeReport(output: Output, env: Environment): Report {
  const paint = makePaint(output, env)
  const write = (text: string, colour: Colour = 'plain') => {
    output.write(`${paint(colour, text)}\n`)
  }
  const below = (texts: readonly string[], colour?: Colour) => {
    for (const text of texts) write(' '.repeat(HOST) + text, colour)
  }
  const wrapped = (text: string) => wrap(text, WIDTH - HOST)

  return {
    opening({ description }) {
      const [scanner = '', ...more] = description
      write('onescan: three hosts, each message scanned once in its cluster', 'bold')
      write('')
      write('  alpha, beta   one cluster: each signs with its own key, knows the other one')
      write('  gamma         another cluster: knows its own key alone')
      write(`  scanner       ${scanner}`)
      for (const line of more) write(`                ${line}`)
      write(`  slot          bin/onescan-queue on Node ${process.version}, a process for each hop;`)
      write('                behind it a stand-in qmail-queue; the time is for both')
    },

    route({ name, about }, message) {
      write('')
      write(fit(`${name}: ${about} (${message.length} bytes)`, WIDTH), 'bold')
    },

    hop({ hop, passage, problems }) {
      const host = `  ${hop.host}`.padEnd(HOST)
      if (passage) {
        const { reply, delivery } = passage
        const [colour, finding] = findingOf(passage)
        const besideFinding = reply.length < REPLY
        const time = `${Math.round(passage.time)} ms`.padStart(TIME)
        const left = host + paint(colour, fit(finding, FINDING - 1).padEnd(FINDING))
        write(left + (besideFinding ? reply : '').padEnd(REPLY) + time)
        if (!besideFinding) below(wrapped(reply))
        below(reasonOf(passage).flatMap(wrapped), 'dim')
        const fields = delivery ? ourFields(delivery.message) : ['(nothing in the Maildir)']
        for (const field of fields) below([fit(field, WIDTH - HOST)], 'dim')
      }
      for (const problem of problems) {
        write(`${host}WRONG`, 'red')
        below(wrapped(problem), 'red')
      }
    },

    summary(results, hosts) {
      const { routes, hops, scans, trusted, wrong } = count(results)
      write('')
      write(
        `${routes} messages, ${hops} hops: ${scans} scans; ${trusted} saved by a trusted stamp.`,
      )
      write('')
      write('All that was delivered, in new/, and the envelopes beside it:')
      for (const name of hostNames) write(`  ${hosts[name].maildir}`)
      write('')
      if (wrong === 0) write(`OK: each of the ${hops} hops did what it should.`, 'green')
      else write(`FAILED: ${wrong} of ${hops} hops did not do what they should; see WRONG.`, 'red')
    },
  }
}

function count(results: readonly HopResult[]) {
  const scans = results.map(({ passage }) => passage?.log.get('scan'))
  return {
    routes: new Set(results.map(({ route }) => route)).size,
    hops: results.length,
    scans: scans.filter((scan) => scan === 'clean' || scan === 'infected').length,
    trusted: scans.filter((scan) => scan === 'trusted').length,
    wrong: results.filter(({ problems }) => problems.length > 0).length,
  }
}

/** Why no stamp was believed, where there was one. */
function reasonOf({ log }: Passage): string[] {
  const reason = log.get('reason')
  return reason && reason !== 'no stamp' ? [`(${reason})`] : []
}

function findingOf({ log }: Passage): [Colour, string] {
  switch (log.get('scan')) {
    case 'trusted':
      return ['green', `trusted: key ${log.get('key')}`]
    case 'clean':
      return ['bold', 'scanned: clean']
    case 'infected':
      return ['yellow', `scanned: ${log.get('virus')}`]
    default:
      return ['red', `not scanned: ${log.get('scan') ?? log.get('fault') ?? 'no log'}`]
  }
}
