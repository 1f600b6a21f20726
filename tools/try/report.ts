import type { Newsletter } from './newsletter.ts'
import { ourFields } from './our-fields.ts'
import type { Passage } from './passage.ts'
import type { ScannerChoice } from './scanner.ts'
import { type Colour, fit, type Output, paint, WIDTH, wrap } from './terminal.ts'
import type { HopResult, Route } from './travel.ts'

const HOST = '  alpha  '.length
const FINDING = 30
const TIME = 8
const OUTCOME = WIDTH - HOST - FINDING - TIME

/** Writes as things happen, for a person at a terminal of 80 columns and 50 lines. */
export class Report {
  readonly #output: Output
  /** How the last route was printed. */
  #shown: Route['detail'] | undefined

  constructor(output: Output) {
    this.#output = output
  }

  opening({ description }: ScannerChoice): void {
    const [scanner = '', ...more] = description
    this.#write('onescan: three hosts, each message scanned once in its cluster', 'bold')
    this.#write('  alpha, beta   one cluster: each signs with its own key, knows the other one')
    this.#write('  gamma         another cluster: knows its own key alone')
    this.#write(`  scanner       ${scanner}`)
    for (const line of more.flatMap((text) => wrap(text, WIDTH - 16))) {
      this.#write(' '.repeat(16) + line)
    }
    this.#write('  slot          bin/onescan-queue, started for each mail (onescand is faster)')
  }

  route(route: Route, message: Buffer, hops: readonly HopResult[]): void {
    const { name, about } = route
    const wrong = hops.some(({ problems }) => problems.length > 0)
    const how = wrong ? 'in full' : route.detail
    if (how === 'in full' || how !== this.#shown) this.#write('')
    if (how === 'in a line') {
      const heading = 'Scanned by alpha, trusted by beta, scanned by gamma, too:'
      if (how !== this.#shown) this.#write(heading, 'bold')
      this.#inALine(route, hops)
    } else {
      this.#write(fit(`${name}: ${about} (${message.length} bytes)`, WIDTH), 'bold')
      for (const hop of hops) how === 'in full' ? this.#inFull(hop) : this.#inShort(hop)
    }
    this.#shown = how
  }

  /** `sent` is undefined if onescand cannot run here. */
  newsletter(sent: Newsletter | undefined): void {
    const what = 'One newsletter to three people in three sessions, by onescand:'
    if (sent === undefined) {
      this.#write(`${what} skipped.`, 'yellow')
      this.#below(['onescand needs a C compiler: install gcc and libc6-dev, and try again.'])
      return
    }
    this.#write(isOneScan(sent) ? `${what} one scan.` : what)
    if (!isOneScan(sent)) this.#below(wrapped(`WRONG: ${sent.scans.join(', ')}`), 'red')
  }

  /** The last lines; returns whether they state that all went as it should. */
  summary(results: readonly HopResult[], sent: Newsletter | undefined, directory: string): boolean {
    const { routes, hops, scans, trusted, wrong } = count(results)
    this.#write(
      `${routes} messages, ${hops} hops: ${scans} scans; ${trusted} saved by a trusted stamp.`,
    )
    this.#write(`What was delivered is in ${directory}/*/Maildir/new, until you remove it.`)
    const isRight = wrong === 0 && (sent === undefined || isOneScan(sent))
    if (isRight) this.#write(`OK: each of the ${hops} hops did what it should.`, 'green')
    else if (wrong === 0) {
      this.#write('FAILED: the newsletter was not scanned once; see WRONG.', 'red')
    } else {
      const share = `${wrong} of ${hops} hops`
      this.#write(`FAILED: ${share} did not do what they should; see WRONG.`, 'red')
    }
    return isRight
  }

  #inFull({ hop, passage, problems }: HopResult): void {
    if (passage) {
      this.#arrival(hop, passage, passage.reply)
      this.#below(reasonOf(passage).flatMap(wrapped), 'dim')
      const fields = passage.delivery ? ourFields(passage.delivery.message) : []
      for (const field of fields) this.#below([fit(field, WIDTH - HOST)], 'dim')
      if (!passage.delivery) this.#below(['(nothing in the Maildir)'], 'dim')
    }
    for (const problem of problems) {
      this.#write(`  ${hop.host}`.padEnd(HOST).concat('WRONG'), 'red')
      this.#below(wrapped(problem), 'red')
    }
  }

  #inShort({ hop, passage }: HopResult): void {
    if (!passage) return
    const [tag] = passage.delivery ? ourFields(passage.delivery.message) : []
    this.#arrival(hop, passage, tag ?? passage.reply)
    this.#below(
      reasonOf(passage).map((reason) => fit(reason, WIDTH - HOST)),
      'dim',
    )
  }

  #inALine({ name, about }: Route, hops: readonly HopResult[]): void {
    const all = hops.reduce((sum, { passage }) => sum + (passage?.time ?? 0), 0)
    const time = `${Math.round(all)} ms`.padStart(TIME)
    const left = fit(`  ${name.padEnd(22)}${about}`, WIDTH - TIME - 1)
    this.#write(left.padEnd(WIDTH - TIME) + time)
  }

  #arrival(hop: HopResult['hop'], passage: Passage, outcome: string): void {
    const [colour, finding] = findingOf(passage)
    const beside = outcome.length < OUTCOME
    const time = `${Math.round(passage.time)} ms`.padStart(TIME)
    const left = paint(this.#output, colour, fit(finding, FINDING - 1).padEnd(FINDING))
    this.#write(
      `  ${hop.host}`.padEnd(HOST) + left + (beside ? outcome : '').padEnd(OUTCOME) + time,
    )
    if (!beside) this.#below(wrapped(outcome))
  }

  #write(text: string, colour: Colour = 'plain'): void {
    this.#output.write(`${paint(this.#output, colour, text)}\n`)
  }

  #below(texts: readonly string[], colour?: Colour): void {
    for (const text of texts) this.#write(' '.repeat(HOST) + text, colour)
  }
}

const wrapped = (text: string): string[] => wrap(text, WIDTH - HOST)

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
