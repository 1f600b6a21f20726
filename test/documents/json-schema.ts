/** As much of JSON Schema (json-schema.org, 2020-12) as our own has. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
}

/** What of a value is not as the schema has it; nothing where all is. */
export function conformsTo(schema: Schema, value: unknown, at = '$'): string[] {
  const types = [schema.type ?? []].flat()
  if (types.length > 0 && !types.some((type) => isOfType(type, value))) {
    return [`${at}: is no ${types.join(' or ')}`]
  }
  if (Array.isArray(value)) {
    const { items = {} } = schema
    return value.flatMap((item, index) => conformsTo(items, item, `${at}[${index}]`))
  }
  if (typeof value !== 'object' || value === null) return []
  const { properties = {}, additionalProperties: others = true, required = [] } = schema
  return [
    ...required.filter((name) => !(name in value)).map((name) => `${at}.${name}: is missing`),
    ...Object.entries(value).flatMap(([name, member]) => {
      const own = properties[name] ?? others
      if (own === false) return [`${at}.${name}: is not known`]
      return own === true ? [] : conformsTo(own, member, `${at}.${name}`)
    }),
  ]
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
