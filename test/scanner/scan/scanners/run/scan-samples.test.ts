import { getEventListeners } from 'node:events'
import t from 'tap'
import { Fault } from '../../../../../src/base/errors/fault.ts'
import type { Sample, Scanner } from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import {
  clean,
  infected,
  type ScanResult,
  scannerDied,
  type Tolerance,
  type Unread,
  unknown,
  unread,
} from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { Inspections } from '../../../../../src/scanner/scan/scanners/run/inspections.ts'
import { ResultCollector } from '../../../../../src/scanner/scan/scanners/run/result-collector.ts'
import { scanSamples } from '../../../../../src/scanner/scan/scanners/run/scan-samples.ts'
import { sample, scanTask } from '../clamd/task.ts'
import { banScanner, planOf, secondLook } from './scanning.ts'

const message = sample(Buffer.from('Subject: mail\n\n'))
const content = (name: string): Sample => ({
  ...sample(Buffer.from(name)),
  kind: 'content',
  message,
})

type Answers = (sample: Sample, ...others: Sample[]) => ScanResult | Promise<ScanResult>

/** A scanner that notes what it was asked about: the texts of the samples. */
function noting(answers: Answers, name = 'clamd') {
  const asked: string[][] = []
  const textOf = ({ bytes }: Sample) => bytes.gather().toString()
  const scanTogether = async (samples: readonly Sample[]) => {
    const [first, ...others] = samples
    asked.push(samples.map(textOf))
    return answers(first!, ...others)
  }
  const scan = (sample: Sample) => scanTogether([sample])
  const scanner: Scanner = { name, hasBans: false, scan, scanTogether }
  return { scanner, asked }
}

async function ask(
  scanners: readonly Scanner[],
  samples: readonly Sample[],
  {
    isTolerated,
    abort,
    nested = ['depth', 'contents'],
    inspections = new Inspections(),
  }: Pick<Tolerance, 'isTolerated'> & {
    abort?: 'late' | 'gone'
    nested?: readonly Unread[]
    inspections?: Inspections
  } = {},
) {
  const keepsOut = new Set<Unread>(['size', ...nested])
  const { task, abort: leave } = scanTask(abort === 'late' ? 0 : 60_000)
  if (abort === 'gone') leave()
  const stay = setTimeout(() => {}, 60_000) // the deadline's timer keeps no process
  const run = {
    ...planOf(scanners, { settings: secondLook, tolerance: { keepsOut, isTolerated } }),
    signal: task.signal,
    giveWay: async () => {},
    nextTurn: async () => {},
    keepPermits: () => () => {},
  }
  const results = new ResultCollector(run.tolerance, run.note)
  const asking = { message, run, results, inspections }
  const result = await scanSamples(samples, asking).finally(() => clearTimeout(stay))
  if (!abort) t.equal(getEventListeners(task.signal, 'abort').length, 0, 'no listener is left')
  // What the scan comes to if the message was read to its end, or was not.
  const conclude = (isReadToEnd: boolean) => results.conclude(isReadToEnd)
  return { result, inContents: conclude(true), unread: conclude(false) }
}

t.test('several samples are one question', async (t) => {
  const { scanner, asked } = noting(() => clean)
  t.equal((await ask([scanner], [message])).result, undefined)
  const many = await ask([scanner], [content('a'), content('b'), message])
  t.equal(many.result, undefined)
  t.equal((await ask([scanner], [])).result, undefined)
  t.same(asked, [['Subject: mail\n\n'], ['a', 'b', 'Subject: mail\n\n']])
})

t.test('scanners for bans are asked about whole messages alone', async (t) => {
  const scanner = banScanner('attachments', infected('a.exe'))
  const inspections = await Inspections.begin([scanner], scanTask().task)
  const { result: none } = await ask([scanner], [content('a'), content('b')], { inspections })
  t.equal(none, undefined)
  const { result } = await ask([scanner], [content('a'), message], { inspections })
  t.match(result, { answer: 'infected', scanner: 'attachments', name: 'a.exe' })
})

t.test('the first scanner whose answer ends the scan is the last that is asked', async (t) => {
  const first = noting(() => infected('Virus'), 'first')
  const second = noting(() => clean, 'second')
  t.match(await ask([first.scanner, second.scanner], [message]), {
    result: { answer: 'infected', scanner: 'first', name: 'Virus' },
  })
  t.same(second.asked, [])
  t.match(await ask([second.scanner, first.scanner], [message]), { result: { name: 'Virus' } })
})

t.test('after an excused finding, each sample is scanned alone', async (t) => {
  const isTolerated = ({ name }: { readonly name: string }) => name === 'Excused'
  const answerOf = ({ bytes: { size } }: Sample, ...others: Sample[]) =>
    others.length > 0 || size === 1 ? infected('Excused') : size === 2 ? infected('Virus') : clean
  const { scanner, asked } = noting(answerOf)
  const samples = [content('a'), content('bb'), content('ccc')]
  t.match(await ask([scanner], samples, { isTolerated }), { result: { name: 'Virus' } })
  t.same(asked, [['a', 'bb', 'ccc'], ['a'], ['bb']])

  const all = await ask([scanner], [content('a'), content('ccc'), content('dddd')], { isTolerated })
  t.match(all, { result: undefined, inContents: { name: 'Excused' } })
  t.same(asked.slice(3), [['a', 'ccc', 'dddd'], ['a'], ['ccc'], ['dddd']])
  t.match(await ask([scanner], [content('a')], { isTolerated }), {
    inContents: { name: 'Excused' },
  })
  t.equal(asked.length, 8, 'one sample by itself is asked about once')
})

/** A scanner that names a limit for what has this many bytes; as a text that has one byte more. */
function limited(sizes: readonly number[], asText: ScanResult = clean) {
  return noting((...asked) => {
    const { size } = asked.at(-1)!.bytes
    const isOver = asked.some(({ bytes }) => sizes.includes(bytes.size))
    if (isOver) return unread('depth', 'clamd: MaxRecursion')
    return sizes.includes(size - 1) ? asText : clean
  })
}

t.test('a limit is postponed if the same bytes are clean as a text', async (t) => {
  const { scanner, asked } = limited([5])
  const samples = [content('a'), content('To: b'), content('ccc')]
  const { result, inContents, unread } = await ask([scanner], samples)
  t.equal(result, undefined)
  t.match(inContents, clean)
  t.match(unread, { answer: 'unread', kind: 'depth', reason: 'clamd: MaxRecursion' })
  t.same(asked, [['a', 'To: b', 'ccc'], ['a'], ['To: b'], [' To: b'], ['ccc']])
  const accepted = await ask([scanner], samples, { nested: [] })
  t.match(accepted, { inContents: clean, unread: { kind: 'depth' } })
})

t.test('a limit decides if the bytes are not clean as a text, or may be no text', async (t) => {
  const nested = { result: { answer: 'unread', kind: 'depth', reason: 'clamd: MaxRecursion' } }
  const asText = (answer: ScanResult) => ask([limited([5], answer).scanner], [content('To: b')])
  t.match(await asText(unknown('no answer', 'scanner-error')), nested)
  t.match(await asText(unread('size', 'too large')), nested)
  t.match(await asText(unread('contents', 'MaxFiles')), nested)
  t.match(await asText(infected('Virus')), { result: { answer: 'infected', name: 'Virus' } })
  const excused = { isTolerated: () => true }
  const found = await ask([limited([5], infected('Virus')).scanner], [content('To: b')], excused)
  t.match(found, nested, 'an excused finding does not make it clean')
  t.match(await ask([limited([5]).scanner], [content('<To:>')]), nested)
  const accepted = await ask([limited([5]).scanner], [content('<To:>')], { nested: [] })
  const tolerated = { answer: 'unread', kind: 'depth', reason: 'clamd: MaxRecursion' }
  t.match(accepted, { result: undefined, inContents: tolerated, unread: tolerated })
})

t.test('a scanner that throws gives an unknown result; other faults go on', async (t) => {
  const throwing = (error: unknown) => () => Promise.reject(error)
  const refused = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' })
  t.match(await ask([noting(throwing(refused)).scanner], [message]), {
    result: { answer: 'unknown', reason: 'clamd: connection refused', cause: 'unreachable' },
  })
  for (const kind of ['temp-file', 'write', 'config'] as const) {
    await t.rejects(ask([noting(throwing(new Fault(kind, 'disk'))).scanner], [message]), {
      message: 'disk',
    })
  }
  const bug = throwing(new Fault('bug', 'clamd: no such rule'))
  t.match(await ask([noting(bug).scanner], [message]), {
    result: { answer: 'unknown', reason: 'clamd: no such rule', cause: 'scanner-error' },
  })
})

t.test('details of an unknown answer are kept', async (t) => {
  const { result: died } = await ask(
    [noting(() => scannerDied('died', 'broken-off')).scanner],
    [message],
  )
  t.strictSame(died, {
    answer: 'unknown',
    reason: 'clamd: died',
    cause: 'broken-off',
    hasScannerDied: true,
  })
})

t.test('a scanner without an answer in time has not died', async (t) => {
  const silent = () => new Promise<never>(() => {})
  const late = await ask([noting(silent).scanner], [message], { abort: 'late' })
  t.match(late, { result: { reason: 'clamd: no answer in time', cause: 'timeout' } })
  t.notOk('scannerDied' in late.result!)
  const { result } = await ask([noting(silent).scanner], [message], { abort: 'gone' })
  t.match(result, { reason: 'clamd: no client waits', cause: 'timeout' })
})
