import { type Field, plainName } from '../../mime/headers/fields.ts'
import { fileNames, NAME_MAX } from './file-names.ts'
import { splitParameters, withoutComments } from './parameters.ts'

/** Most parameters of a field that are read. */
export const PARAMETERS_MAX = 100

/** What the header of a message or part says about its content. */
export interface PartNames {
  /** All names that some reader of mail would give to the content. */
  readonly names: readonly string[]
  /** MIME types in lower case; without one that can be read, text/plain (RFC 2045 5.2). */
  readonly types: readonly string[]
  /** The limit that left something unread, if there was one. */
  readonly over: string | undefined
}

/** Reads the fields of a header that name a content, also under names that only some readers understand. */
export function readNames(fields: readonly Field[]): PartNames {
  const valuesOf = (name: string) =>
    fields.filter((field) => plainName(field.name) === name).map(({ value }) => onOneLine(value))
  const typeValues = valuesOf('content-type')
  const types = typeValues.flatMap(typeIn)
  const names = new Set<string>()
  let over: string | undefined
  const seen = new Set<string>()
  for (const value of [...typeValues, ...valuesOf('content-disposition')]) {
    for (const { parameters } of [
      splitParameters(value),
      splitParameters(withoutComments(value)),
      splitParameters(value, false),
    ]) {
      if (parameters.length > PARAMETERS_MAX) {
        over ??= `a field with more than ${PARAMETERS_MAX} parameters`
      }
      // Most fields read the same in all three ways.
      const key = JSON.stringify(parameters)
      if (seen.has(key)) continue
      seen.add(key)
      for (const name of fileNames(parameters.slice(0, PARAMETERS_MAX))) {
        if (name.length >= NAME_MAX) over ??= `a file name of more than ${NAME_MAX} characters`
        names.add(name)
      }
    }
  }
  return { names: [...names], types: types.length > 0 ? types : ['text/plain'], over }
}

function onOneLine(value: string): string {
  return value.replace(/\r?\n/g, '')
}

function typeIn(value: string): string[] {
  const head = withoutComments(splitParameters(withoutComments(value)).head)
  const type = head.replace(/\s+/g, '').toLowerCase()
  return /^[^/]+\/[^/]+$/.test(type) ? [type] : []
}
