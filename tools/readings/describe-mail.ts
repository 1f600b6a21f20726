import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { Bytes } from '../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../src/mail/message/spool.ts'
import { type Steps, Work } from '../../src/mail/mime/budget/work.ts'
import { contentsOf } from '../../src/mail/mime/contents.ts'
import { readNames } from '../../src/mail/mime/headers/names.ts'
import { readOrdinary } from '../../src/mail/mime/ordinary/read-ordinary.ts'
import { readStructure } from '../../src/mail/mime/read-structure.ts'
import { depthOfMail, type Leaf } from '../../src/mail/mime/structure/leaf.ts'

/**
 * Yields a description of how a message is read, in lines: whether it is ordinary, its leaves, and then each content that
 * scanners receive. Throws LimitExceeded if it has too many parts or boundaries.
 */
export function* describeMail(message: Buffer): Generator<string> {
  yield* structureOf(message)
  yield* contentsIn(Bytes.of(message))
}

function* structureOf(message: Buffer): Generator<string> {
  const work = new Work(Bytes.of(message), { openFile })
  const { odd } = endOf(readOrdinary(message, depthOfMail(), work))
  const whole = odd.find(({ from, to }) => to - from === message.length)
  yield whole ? `carved, because it has ${whole.reason}` : 'ordinary'
  const { leaves } = endOf(readStructure(message, 0, work))
  yield* new Set(leaves.map((leaf) => describeLeaf(leaf, work)))
}

const openFile = () => openAnonymousFile(tmpdir())

/** Returns the result of steps. */
function endOf<Result>(steps: Steps<Result>): Result {
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}

function describeLeaf({ from, to, header, encodings, depth, role }: Leaf, work: Work): string {
  const { messages, subtypes } = depth
  const words = [
    ...(messages > 0 ? [`in ${messages} attached messages`] : []),
    ...(subtypes === '' ? [] : [`in ${subtypes}`]),
    ...(role === 'part' ? [] : [role]),
    ...namesOf(header, work),
  ]
  return `  ${from}-${to} ${header.type || 'no type'} ${encodings.join('+')}: ${words.join(', ')}`
}

function namesOf({ fields }: Leaf['header'], work: Work): string[] {
  return endOf(readNames(fields, work)).names.map((name) => JSON.stringify(name))
}

function* contentsIn(source: Bytes): Generator<string> {
  const oddities = new Set<string>()
  const onOdd = (oddity: string) => void oddities.add(oddity)
  const listeners = { onOdd, onPart: () => [] } // without a listener, no names are read
  for (const step of contentsOf(source, {
    openFile,
    createHash,
    ...listeners,
  })) {
    if (step.kind === 'unread') yield `unread: ${step.reason}`
    if (step.kind !== 'content') continue
    const { bytes, isMail, part } = step
    const digest = createHash('sha256').update(bytes.gather()).digest('hex')
    const words = [
      ...(isMail ? ['as a message'] : []),
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
