import { hasHiddenLineEnd } from '../../message/encoded-words.ts'
import { type Field, fieldsOf } from '../../mime/fields.ts'
import { type PartKind, readFields } from './fields.ts'
import type { Trait } from './trait-names.ts'

/** Matches a field that ends in a semicolon and is not folded there. */
export const ENDS_OPEN = /;[ \t]*(?:\r?\n(?![ \t])|$)/

/**
 * The fields by which libclamav recognises an attached message, to the letter (filetypes_int.h).
 * Other fields may stand first in a mail, too.
 */
const FIRST_FIELDS = [
  ...['Received', 'Return-Path', 'Return-path', 'Delivered-To', 'Delivery-date', 'Envelope-to'],
  ...['From', 'To', 'Subject', 'Date', 'Message-ID', 'Message-Id', 'Received-SPF'],
  ...['X-Original-To', 'X-Apparently-To', 'X-Envelope-From', 'X-Sieve', 'X-UIDL'],
].map((name) => `${name}: `)

export function isFirstOfMail(header: string): boolean {
  return FIRST_FIELDS.some((field) => header.startsWith(field))
}

/** Reads what the lines of a header say about content, and calls `has` with each trait. */
export function readHeader(header: string, has: (trait: Trait) => void): PartKind {
  if (hasHiddenLineEnd(header)) has('encoded-line-end')
  if (/[\0-\x08\v\f\x0e-\x1f]|\r(?!\n)/.test(header)) has('control-in-header')
  const fields: Field[] = []
  for (const field of fieldsOf(header)) {
    const { name, value } = field
    if (/\n[ \t]+(?:\r?\n|$)/.test(value)) has('blank-line')
    if (FIELD_NAME.test(name)) {
      if (name.endsWith(' ') || name.endsWith('\t')) has('field-name')
      fields.push({ name: name.trimEnd(), value })
    } else if (ODD_NAME.test(name)) has('field-name')
    else {
      const isBlank = name === '' && value.trim() === ''
      if (isBlank) has('blank-line')
      if (!isBlank || fields.length === 0) has('no-field') // a blank first line belongs to no field
    }
  }
  return readFields(fields, has)
}

const FIELD_NAME = /^[!-'*-9;-~]+[ \t]*$/
const ODD_NAME = /^[!-9;-~]+[ \t]*$/
