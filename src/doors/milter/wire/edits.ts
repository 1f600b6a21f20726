import { type Agreement, step } from './negotiation.ts'
import { packet, strings, uint32 } from './packets.ts'

/**
 * What a filter does to a message; sent before the answer to its end, and only what was
 * agreed. Values of fields fold with a bare LF and a blank.
 */
export type Edit =
  /** Above the field of that index, counted from 0 over all fields, the MTA's own Received among them. */
  | {
      readonly kind: 'insert-field'
      readonly index: number
      readonly name: string
      readonly value: Text
    }
  /** The `index`th field of that name, counted from 1 on the edited state. */
  | { readonly kind: 'delete-field'; readonly index: number; readonly name: string }
  | { readonly kind: 'add-recipient'; readonly path: Text }
  /** The path as the MTA told it. */
  | { readonly kind: 'delete-recipient'; readonly path: Text }
  /** The MTA's own hold queue. */
  | { readonly kind: 'quarantine'; readonly reason: string }

type Text = Buffer | string

/** The edit as packets under this agreement. */
export function encodeEdit(edit: Edit, { steps }: Pick<Agreement, 'steps'>): Buffer {
  switch (edit.kind) {
    case 'insert-field':
      return packet('i', uint32(edit.index), strings(edit.name, spaced(edit.value, steps)))
    case 'delete-field':
      return packet('m', uint32(edit.index), strings(edit.name, ''))
    case 'add-recipient':
      return packet('+', strings(edit.path))
    case 'delete-recipient':
      return packet('-', strings(edit.path))
    case 'quarantine':
      return packet('q', strings(edit.reason))
  }
}

/** Where values come as they stand behind the colon, ours must bring the space; else the MTA does. */
function spaced(value: Text, steps: number): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value
  return steps & step.leadingSpace ? Buffer.concat([SPACE, bytes]) : bytes
}

const SPACE = Buffer.from(' ')
