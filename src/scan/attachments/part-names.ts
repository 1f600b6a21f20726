import { type Field, plainName } from '../../mime/fields.ts'
import { fileNames, NAME_MAX } from './file-names.ts'
import { splitParameters, withoutComments } from './parameters.ts'

/** Parameters of a field. */
export const PARAMETERS_MAX = 100

/** What a header of a message or part says of its content. */
export interface PartNames {
  /** All names that some reader of mail would give to the content. */
  readonly names: readonly string[]
  /** Lower case; what RFC 2045 5.2 takes where none is given, or none that can be read. */
  readonly types: readonly string[]
  /** The limit behind which it was not read, if there was one. */
  readonly over: string | undefined
}

/** Reads the fields of a header, as far as some reader takes them for what they are about. */
export function readNames(fields: readonly Field[]): PartNames {
  const valuesOf = (name: string) =>
    fields.filter((field) => plainName(field.name) === name).map(({ value }) => onOneLine(value))
  const typeValues = valuesOf('content-type')
  const types = typeValues.flatMap(readType)
  const names = new Set<string>()
  let over: string | undefined
  const looked = new Set<string>()
  for (const value of [...typeValues, ...valuesOf('content-disposition')]) {
    for (const { parameters } of [
      splitParameters(value),
      splitParameters(withoutComments(value)),
      splitParameters(value, false),
    ]) {
      if (parameters.length > PARAMETERS_MAX) {
        over ??= `a field with more than ${PARAMETERS_MAX} parameters`
      }
      // Most fields are the same in each reading.
      const key = JSON.stringify(parameters)
      if (looked.has(key)) continue
      looked.add(key)
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

function readType(value: string): string[] {
  const head = withoutComments(splitParameters(withoutComments(value)).head)
  const type = head.replace(/\s+/g, '').toLowerCase()
  return /^[^/]+\/[^/]+$/.test(type) ? [type] : []
}
