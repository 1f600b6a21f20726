import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'

/** A random Maildir, as delivery agents, mail readers and crashes leave it. */
export interface Generated {
  readonly folders: readonly Folder[]
  /** Bytes and messages; 0 is unlimited. */
  readonly limits: { readonly bytes: number; readonly messages: number }
  /** Whether the administrator sets the limits, or the file of the mailbox does. */
  readonly ruled: boolean
  readonly file: FileKind
  /** The file is an hour old. */
  readonly old: boolean
}

interface Folder {
  readonly name: string
  readonly messages: readonly Message[]
}

interface Message {
  readonly size: number
  /** The size is in the name. */
  readonly named: boolean
  readonly flags: string
  readonly isNew: boolean
}

const fileKinds = [
  'none',
  'right',
  'in several lines',
  'being written',
  'wrong',
  'only limits',
  'broken line',
  'NUL',
  'negative',
  'too long',
  'empty',
] as const
export type FileKind = (typeof fileKinds)[number]

const message: fc.Arbitrary<Message> = fc.record({
  size: fc.nat(3000),
  named: fc.boolean(),
  flags: fc.constantFrom('', ':2,', ':2,S', ':2,RS', ':2,FS', ':2,ST'),
  isNew: fc.boolean(),
})

const folders: fc.Arbitrary<readonly Folder[]> = fc
  .subarray(['.Sent', '.Sent.2026', '.Trash', '.Junk'])
  .chain((names) =>
    fc.tuple(
      ...['', ...names].map((name) =>
        fc.record({ name: fc.constant(name), messages: fc.array(message, { maxLength: 6 }) }),
      ),
    ),
  )

export const maildir: fc.Arbitrary<Generated> = fc.record({
  folders,
  limits: fc.record({
    bytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30_000 })),
    messages: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 15 })),
  }),
  ruled: fc.boolean(),
  file: fc.constantFrom(...fileKinds),
  old: fc.boolean(),
})

/** The sum of the messages by Maildir++: without Trash, and without messages marked as trash. */
export function trueUsage({ folders }: Generated): { bytes: number; messages: number } {
  const counted = folders
    .filter(({ name }) => name !== '.Trash')
    .flatMap(({ messages }) => messages)
    .filter(({ flags, isNew }) => isNew || !flags.includes('T'))
  return { bytes: counted.reduce((sum, { size }) => sum + size, 0), messages: counted.length }
}

/** Whether folders other than Trash have messages marked as trash. */
export function hasTrashed({ folders }: Generated): boolean {
  return folders.some(
    ({ name, messages }) =>
      name !== '.Trash' && messages.some(({ flags, isNew }) => !isNew && flags.includes('T')),
  )
}

/** Limits in the form of maildirsize (`100S,5C`). */
export function limitsLine({ bytes, messages }: Generated['limits']): string {
  const words = [
    ...(bytes || !messages ? [`${bytes}S`] : []),
    ...(messages ? [`${messages}C`] : []),
  ]
  return words.join(',')
}

export function write(generated: Generated, path: string): void {
  for (const { name, messages } of generated.folders) {
    const folder = join(path, name)
    for (const part of ['new', 'cur', 'tmp']) mkdirSync(join(folder, part), { recursive: true })
    for (const [i, { size, named, flags, isNew }] of messages.entries()) {
      const base = `17000000${i}.M1P1.host${named ? `,S=${size}` : ''}`
      const file = isNew ? join('new', base) : join('cur', base + flags)
      writeFileSync(join(folder, file), 'x'.repeat(size))
    }
  }
  const content = contentOf(generated)
  if (content === undefined) return
  const file = join(path, 'maildirsize')
  writeFileSync(file, content)
  const hourAgo = Date.now() / 1000 - 3600
  if (generated.old) utimesSync(file, hourAgo, hourAgo)
}

function contentOf(generated: Generated): string | undefined {
  const first = `${limitsLine(generated.limits)}\n`
  const { bytes, messages } = trueUsage(generated)
  const right = `${first}${bytes} ${messages}\n`
  switch (generated.file) {
    case 'none':
      return undefined
    case 'right':
      return right
    case 'in several lines':
      return `${first}${bytes + 700} ${messages + 1}\n      -700           -1  \n`
    case 'being written':
      return `${right}500`
    case 'wrong':
      return `${first}${bytes + 5000} ${messages + 5}\n1 0\n`
    case 'only limits':
      return first
    case 'broken line':
      return `${right}x y\n`
    case 'NUL':
      return `${right}\0 1\n`
    case 'negative':
      return `${right}${-bytes - 1} 0\n`
    case 'too long':
      return right + '0 0\n'.repeat(1300)
    case 'empty':
      return ''
  }
}
