import { getEventListeners } from 'node:events'
import t from 'tap'
import { Fault } from '../../../../../src/base/errors/fault.ts'
import { nextTurn } from '../../../../../src/base/flow/event-loop.ts'
import { Bytes } from '../../../../../src/mail/message/bytes.ts'
import type {
  ContentScanner,
  MessageSample,
} from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import {
  clean,
  infected,
  type ScanResult,
  unknown,
} from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { ScanPermits } from '../../../../../src/scanner/scan/scanners/permits/scan-permits.ts'
import { runScanners } from '../../../../../src/scanner/scan/scanners/run/run-scanners.ts'
import { ReadBy } from '../../../../mail/message/bytes.ts'
import { until } from '../../../../run/until.ts'
import { sample } from '../clamd/task.ts'
import { planOf, secondLook } from './scanning.ts'

const PIECES = 16
const PIECE = 1024 * 1024
const HEAD = 'From: a@example.org\n\n'

/** Permits, of which `held` is the number in use, and `released` that of the others. */
class CountedPermits extends ScanPermits {
  held = 0
  released = 0
  /** Whether each message has to make room for others. */
  isBusy = false

  constructor() {
    super(
      () => 1,
      () => 0,
    )
  }

  override async acquire(mail: Parameters<ScanPermits['acquire']>[0]) {
    const permit = await super.acquire(mail)
    if (typeof permit !== 'function') return permit
    this.held++
    return () => {
      this.held--
      this.released++
      permit()
    }
  }

  override mustGiveWay(): boolean {
    return this.isBusy
  }
}

/** A message that a client has sent as it is, and a scanner that answers about it when the test wants. */
function submitted(read: () => void = () => {}) {
  const permits = new CountedPermits()
  const asked: string[] = []
  let answer = (_: ScanResult | Error) => {}
  const scanner: ContentScanner = {
    name: 'clamd',
    hasBans: false,
    permits,
    scan({ kind }) {
      asked.push(kind)
      if (kind !== 'raw') return Promise.resolve(clean)
      return new Promise((resolve, reject) => {
        answer = (result) => (result instanceof Error ? reject(result) : resolve(result))
      })
    },
  }
  const state = { piecesRead: 0 }
  const piece = new ReadBy(PIECE, function* (from, to) {
    read()
    state.piecesRead++
    yield Buffer.alloc(to - from, `${'x'.repeat(63)}\n`)
  })
  const bytes = Bytes.of(Buffer.from(HEAD), ...new Array<Bytes>(PIECES).fill(piece))
  const message: MessageSample = { ...sample(Buffer.alloc(0)), bytes }
  const raw = { ...sample(Buffer.from(HEAD)), kind: 'raw' } as const
  return {
    asked,
    permits,
    state,
    raw: { ...message, raw },
    scanner,
    answer: (result: ScanResult | Error) => answer(result),
  }
}

const settings = secondLook

t.test('a message is read while its bytes are scanned as they were sent', async (t) => {
  const { raw, scanner, answer, asked, state, permits } = submitted()
  const scan = runScanners(raw, planOf([scanner], { settings }))
  await until(() => state.piecesRead >= PIECES, 'the end of the message')
  for (let turns = 0; turns < 10; turns++) await nextTurn()
  t.same(asked, ['raw'], 'nothing else is asked meanwhile')
  t.equal(permits.held, 1)
  answer(clean)
  t.same(await scan, clean)
  t.same(asked, ['raw', 'message'])
  t.equal(permits.held, 0)
})

t.test('a finding counts before a fault of the reading', async (t) => {
  for (const [found, expected] of [
    [infected('Virus'), { answer: 'infected', name: 'Virus' }],
    [clean, undefined],
  ] as const) {
    let isReading = false
    const { raw, scanner, answer, permits } = submitted(() => {
      isReading = true
      throw new Fault('temp-file', 'the disk is full')
    })
    const scan = runScanners(raw, planOf([scanner], { settings }))
    let isOver = false
    const end = () => {
      isOver = true
    }
    scan.then(end, end)
    await until(() => isReading, 'the reading')
    for (let turns = 0; turns < 10; turns++) await nextTurn()
    t.notOk(isOver, 'the fault is not the end of the scan')
    t.equal(permits.held, 1)
    answer(found)
    if (expected) t.match(await scan, expected)
    else await t.rejects(scan, new Fault('temp-file', 'the disk is full'))
    t.equal(permits.held, 0)
  }
})

t.test('the reading has ended before the permits are free', async (t) => {
  const ends = {
    finding: infected('Virus'),
    'end of the server': unknown('clamd closed the connection', 'broken-off'),
    fault: new Fault('write', 'no memory'),
  }
  for (const [name, end] of Object.entries(ends)) {
    const { raw, scanner, answer, asked, state, permits } = submitted(() => answer(end))
    permits.isBusy = true
    const scan = runScanners(raw, planOf([scanner], { settings }))
    if (end instanceof Error) await t.rejects(scan, end)
    else t.match(await scan, end)
    t.equal(permits.held, 0)
    const { piecesRead } = state
    t.ok(piecesRead > 0 && piecesRead < PIECES, `${name}: the rest is not read`)
    for (let turns = 0; turns < 10; turns++) await nextTurn()
    t.equal(state.piecesRead, piecesRead, `${name}: nothing is read afterwards`)
    t.equal(permits.released, 1, 'and the message gave way to no other one')
    t.same(asked, ['raw'])
  }
})

t.test('a client that leaves ends the scan and the reading', async (t) => {
  const { raw, scanner, state, permits } = submitted()
  const client = new AbortController()
  const obeying: ContentScanner = {
    ...scanner,
    permits,
    scan: (asked, { signal }) =>
      Promise.race([
        scanner.scan(asked, { ...planOf([]), signal }),
        new Promise<ScanResult>((resolve) => {
          signal.addEventListener('abort', () => resolve(unknown('no client waits', 'timeout')), {
            once: true,
          })
        }),
      ]),
  }
  const { signal } = client
  const scan = runScanners(raw, planOf([obeying], { settings, gone: signal }))
  await until(() => state.piecesRead > 0, 'the reading')
  client.abort()
  t.match(await scan, { answer: 'unknown', isUnfinished: true })
  t.equal(permits.held, 0)
  const { piecesRead } = state
  for (let turns = 0; turns < 10; turns++) await nextTurn()
  t.equal(state.piecesRead, piecesRead)
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

t.test('a message that is not clean as it was sent is read again', async (t) => {
  const { raw, scanner, answer, asked, state } = submitted()
  const isTolerated = ({ name }: { readonly name: string }) => name === 'Mild'
  const scan = runScanners(raw, planOf([scanner], { settings, tolerance: { isTolerated } }))
  await until(() => state.piecesRead >= PIECES, 'the end of the message')
  answer(infected('Mild'))
  t.match(await scan, { answer: 'infected', name: 'Mild' })
  t.ok(asked.includes('message'))
})
