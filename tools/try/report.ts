import type { Newsletter } from './newsletter.ts'
import { ourFields } from './our-fields.ts'
import type { Passage } from './passage.ts'
import type { ScannerChoice } from './scanner.ts'
import { type Colour, fit, type Output, paint, WIDTH, wrap } from './terminal.ts'
import type { HopResult, Route } from './travel.ts'

export interface Report {
  opening(scanner: ScannerChoice): void
  route(route: Route, message: Buffer, hops: readonly HopResult[]): void
  newsletter(sent: Newsletter): void
  /** The last lines; returns whether they say that all went as it should. */
  summary(results: readonly HopResult[], sent: Newsletter, directory: string): boolean
}

const HOST = '  alpha  '.length
const FINDING = 30
const TIME = 8
const OUTCOME = WIDTH - HOST - FINDING - TIME

/** Writes as things happen, for a person at a terminal of 80 columns and 50 lines. */
export function makeReport(output: Output): Report {
  const write = (text: string, colour: Colour = 'plain') => {
    output.write(`${paint(output, colour, text)}\n`)
  }
  const below = (texts: readonly string[], colour?: Colour) => {
    for (const text of texts) write(' '.repeat(HOST) + text, colour)
  }
  const wrapped = (text: string) => wrap(text, WIDTH - HOST)
  let told: Route['told'] | undefined

  function inFull({ hop, passage, problems }: HopResult): void {
    if (passage) {
      arrival(hop, passage, passage.reply)
      below(reasonOf(passage).flatMap(wrapped), 'dim')
      const fields = passage.delivery ? ourFields(passage.delivery.message) : []
      for (const field of fields) below([fit(field, WIDTH - HOST)], 'dim')
      if (!passage.delivery) below(['(nothing in the Maildir)'], 'dim')
    }
    for (const problem of problems) {
      write(`  ${hop.host}`.padEnd(HOST).concat('WRONG'), 'red')
      below(wrapped(problem), 'red')
    }
  }

  function inShort({ hop, passage }: HopResult): void {
    if (!passage) return
    const [tag] = passage.delivery ? ourFields(passage.delivery.message) : []
    arrival(hop, passage, tag ?? passage.reply)
    below(
      reasonOf(passage).map((why) => fit(why, WIDTH - HOST)),
      'dim',
    )
  }

  function arrival(hop: HopResult['hop'], passage: Passage, outcome: string): void {
    const [colour, finding] = findingOf(passage)
    const beside = outcome.length < OUTCOME
    const time = `${Math.round(passage.time)} ms`.padStart(TIME)
    const left = paint(output, colour, fit(finding, FINDING - 1).padEnd(FINDING))
    write(`  ${hop.host}`.padEnd(HOST) + left + (beside ? outcome : '').padEnd(OUTCOME) + time)
    if (!beside) below(wrapped(outcome))
  }

  function inALine({ name, about }: Route, hops: readonly HopResult[]): void {
    const all = hops.reduce((sum, { passage }) => sum + (passage?.time ?? 0), 0)
    const time = `${Math.round(all)} ms`.padStart(TIME)
    write(fit(`  ${name.padEnd(22)}${about}`, WIDTH - TIME - 1).padEnd(WIDTH - TIME) + time)
  }

  return {
    opening({ description }) {
      const [scanner = '', ...more] = description
      write('onescan: three hosts, each message scanned once in its cluster', 'bold')
      write('  alpha, beta   one cluster: each signs with its own key, knows the other one')
      write('  gamma         another cluster: knows its own key alone')
      write(`  scanner       ${scanner}`)
      for (const line of more.flatMap((text) => wrap(text, WIDTH - 16))) {
        write(' '.repeat(16) + line)
      }
      write(`  slot          bin/onescan-queue on Node ${process.version}, before a stand-in queue`)
    },

    route(route, message, hops) {
      const { name, about } = route
      const wrong = hops.some(({ problems }) => problems.length > 0)
      const how = wrong ? 'in full' : route.told
      if (how === 'in full' || how !== told) write('')
      if (how === 'in a line') {
        if (how !== told) write('Scanned by alpha, trusted by beta, scanned by gamma, too:', 'bold')
        inALine(route, hops)
      } else {
        write(fit(`${name}: ${about} (${message.length} bytes)`, WIDTH), 'bold')
        for (const hop of hops) how === 'in full' ? inFull(hop) : inShort(hop)
      }
      told = how
    },

    newsletter(sent) {
      const what = 'One newsletter to three people in three sessions, by onescand:'
      write(isOneScan(sent) ? `${what} one scan.` : what)
      if (!isOneScan(sent)) below(wrapped(`WRONG: ${sent.scans.join(', ')}`), 'red')
    },

    summary(results, sent, directory) {
      const { routes, hops, scans, trusted, wrong } = count(results)
      write(
        `${routes} messages, ${hops} hops: ${scans} scans; ${trusted} saved by a trusted stamp.`,
      )
      write(`What was delivered is in ${directory}/*/Maildir/new.`)
      const isRight = wrong === 0 && isOneScan(sent)
      if (isRight) write(`OK: each of the ${hops} hops did what it should.`, 'green')
      else if (wrong === 0) write('FAILED: the newsletter was not scanned once; see WRONG.', 'red')
      else write(`FAILED: ${wrong} of ${hops} hops did not do what they should; see WRONG.`, 'red')
      return isRight
    },
  }
}

/** Whether it was scanned for the first of them alone. */
function isOneScan({ scans }: Newsletter): boolean {
  return scans.join() === 'clean,cached,cached'
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
