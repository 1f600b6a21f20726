import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { Bytes } from '../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../src/mail/message/spool.ts'
import { budgetOf } from '../../src/mail/mime/budget/limits.ts'
import { contentsOf } from '../../src/mail/mime/contents.ts'
import { readNames } from '../../src/mail/mime/headers/names.ts'
import { aroundMail } from '../../src/mail/mime/reader/depth.ts'
import { inDispute, type Leaf } from '../../src/mail/mime/reader/found.ts'
import type { Reading } from '../../src/mail/mime/reader/reading.ts'
import { MailReadings } from '../../src/mail/mime/reader/readings.ts'
import { nameOf } from '../bench/forms/parts.ts'

/**
 * Yields a description of how a message is read, in lines: each reading of its structure, with the leaves that no
 * reading before it has found, and then each content that scanners receive. Throws LimitExceeded if it has too many
 * parts or boundaries.
 */
export function* describeMail(message: Buffer): Generator<string> {
  const source = Bytes.of(message)
  yield* readingsOf(source)
  yield* contentsIn(source)
}

function* readingsOf(source: Bytes): Generator<string> {
  const readings = new MailReadings(source, aroundMail(), budgetOf(source.size))
  const known = new Set<string>()
  for (let reading = readings.next(); reading; reading = readings.next()) {
    const leaves: Leaf[] = []
    for (const _ of reading.read())
      leaves.push(...reading.takeFound().filter((found) => 'from' in found))
    yield headingOf(reading)
    const isOne = reading.habits.asked.size === 0
    const seen = isOne ? leaves : leaves.map(inDispute)
    const fresh = seen.map(describeLeaf).filter((line) => !known.has(line))
    yield* fresh.length > 0 ? fresh : ['  no other part']
    for (const line of fresh) known.add(line)
  }
  if (readings.unread !== undefined) yield `unread: ${readings.unread}`
}

function headingOf({ habits }: Reading): string {
  const choices = [...habits.choices.keys()].map((name) => `${name}: ${habits.wouldDo(name)}`)
  if (choices.length > 0) return `reading by ${choices.join('; ')}`
  return `reading by the common choices; programs differ about ${inWords(habits.asked)}`
}

function describeLeaf({ from, to, header, encodings, depth, seenBy }: Leaf): string {
  const { messages, subtypes } = depth
  const words = [
    ...(messages > 0 ? [`in ${messages} attached messages`] : []),
    ...(subtypes === '' ? [] : [`in ${subtypes}`]),
    `seen by ${seenBy}`,
    ...namesOf(header),
  ]
  return `  ${from}-${to} ${header.type || 'no type'} ${encodings.join('+')}: ${words.join(', ')}`
}

function namesOf({ fields }: Leaf['header']): string[] {
  const reading = readNames(fields)
  let step = reading.next()
  while (!step.done) step = reading.next()
  return step.value.names.map((name) => JSON.stringify(name))
}

function* contentsIn(source: Bytes): Generator<string> {
  const oddities = new Set<string>()
  const openFile = () => openAnonymousFile(tmpdir())
  const onOdd = (oddity: string) => void oddities.add(oddity)
  const listeners = { onOdd, onPart: () => [] } // without a listener, no names are read
  for (const step of contentsOf(source, { openFile, createHash, seeksForms: true, ...listeners })) {
    if (step.kind === 'unread') yield `unread: ${step.reason}`
    if (step.kind !== 'content') continue
    const { bytes, isMail, form, part } = step
    const digest = createHash('sha256').update(bytes.gather()).digest('hex')
    const words = [
      ...(isMail ? ['as a message'] : []),
      ...(form ? [`form ${nameOf(form)}`] : []),
      ...part.containers.map((container) => `in ${container}`),
      ...part.names.map((name) => JSON.stringify(name)),
    ]
    yield [`content of ${bytes.size} bytes, sha256 ${digest}`, ...words].join(', ')
  }
  yield `odd: ${inWords(oddities)}`
}

function inWords(names: ReadonlySet<string>): string {
  return [...names].join(', ') || 'nothing'
}
