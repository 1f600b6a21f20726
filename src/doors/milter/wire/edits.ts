import { type Agreement, step } from './negotiation.ts'
import { packet, strings, uint32 } from './packets.ts'

/**
 * What a filter does to a message; sent before the answer to its end, and only what was
 * agreed. Values of fields fold with a bare LF and a blank.
 */
export type Edit =
  /** Below all fields. */
  | { readonly kind: 'add-field'; readonly name: string; readonly value: Text }
  /** Above the field of that index, counted from 0 over all fields, the MTA's own Received among them. */
  | {
      readonly kind: 'insert-field'
      readonly index: number
      readonly name: string
      readonly value: Text
    }
  /** The `index`th field of that name, counted from 1 on the edited state. */
  | {
      readonly kind: 'change-field'
      readonly index: number
      readonly name: string
      readonly value: Text
    }
  | { readonly kind: 'delete-field'; readonly index: number; readonly name: string }
  | { readonly kind: 'add-recipient'; readonly path: Text; readonly parameters?: string }
  /** The path as the MTA told it. */
  | { readonly kind: 'delete-recipient'; readonly path: Text }
  | { readonly kind: 'change-sender'; readonly path: Text; readonly parameters?: string }
  /** The MTA's own hold queue. */
  | { readonly kind: 'quarantine'; readonly reason: string }
  /** The first one replaces the body, the next ones go on with it. */
  | { readonly kind: 'replace-body'; readonly bytes: Buffer }

type Text = Buffer | string

/** Most bytes of a body that one packet may hold (mfdef.h MILTER_CHUNK_SIZE). */
export const BODY_CHUNK_MAX = 65_535

/** The edit as packets under this agreement. */
export function encodeEdit(edit: Edit, { steps }: Pick<Agreement, 'steps'>): Buffer {
  switch (edit.kind) {
    case 'add-field':
      return packet('h', strings(edit.name, spaced(edit.value, steps)))
    case 'insert-field':
      return packet('i', uint32(edit.index), strings(edit.name, spaced(edit.value, steps)))
    case 'change-field':
      return packet('m', uint32(edit.index), strings(edit.name, spaced(edit.value, steps)))
    case 'delete-field':
      return packet('m', uint32(edit.index), strings(edit.name, ''))
    case 'add-recipient':
      return edit.parameters === undefined
        ? packet('+', strings(edit.path))
        : packet('2', strings(edit.path, edit.parameters))
    case 'delete-recipient':
      return packet('-', strings(edit.path))
    case 'change-sender':
      return edit.parameters === undefined
        ? packet('e', strings(edit.path))
        : packet('e', strings(edit.path, edit.parameters))
    case 'quarantine':
      return packet('q', strings(edit.reason))
    case 'replace-body':
      return bodyPackets(edit.bytes)
  }
}

/** Where values come as they stand behind the colon, ours must bring the space; else the MTA does. */
function spaced(value: Text, steps: number): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value
  return steps & step.leadingSpace ? Buffer.concat([SPACE, bytes]) : bytes
}

const SPACE = Buffer.from(' ')

function bodyPackets(bytes: Buffer): Buffer {
  const packets: Buffer[] = []
  for (let at = 0; at < bytes.length || at === 0; at += BODY_CHUNK_MAX) {
    packets.push(packet('b', bytes.subarray(at, at + BODY_CHUNK_MAX)))
  }
  return Buffer.concat(packets)
}
