/** A field as it is in the MTA's queue: all its lines, each with LF. */
interface QueuedField {
  readonly name: string
  text: string
}

/** A message as an MTA has queued it, its own Received on top, to be edited by filters. */
export interface QueuedMessage {
  /** Without the MTA's own Received. */
  readonly fields: readonly { readonly name: string; readonly value: string }[]
  /** In CRLF. */
  readonly body: Buffer
  /** Above the field of that index among all, 0 being the first. */
  insertField(index: number, name: string, value: string): void
  /** The `index`th of that name from 1 on; an empty value removes it. */
  changeField(index: number, name: string, value: string): void
  /** What goes out, without the MTA's own Received. */
  out(): Buffer
}

const OWN = 'Received: by mta.example.org'

/**
 * Takes a message as Postfix does: fields up to the first line that is none, lines in LF;
 * a message that is CRLF throughout goes out so, too.
 */
export function queueMessage(sent: Buffer): QueuedMessage {
  const text = sent.toString('latin1')
  const crlf = /\r\n/.test(text) && !/(^|[^\r])\n|\r(?!\n)/.test(text)
  const lf = crlf ? text.replaceAll('\r\n', '\n') : text
  const header = /^(?:[!-9;-~]+[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*)*/.exec(lf)![0]
  const rest = lf.slice(header.length)
  let byName: Map<string, QueuedField[]> | undefined // before the first is inserted
  let list: QueuedField[] = [
    { name: 'Received', text: `${OWN}\n` },
    ...[...header.matchAll(/([!-9;-~]+)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*/g)].map(
      ([text, name]) => ({
        name: name!,
        text,
      }),
    ),
  ]
  const body = rest.startsWith('\n') ? rest.slice(1) : rest
  return {
    fields: list.slice(1).map(({ name, text }) => ({
      name,
      value: text.slice(text.indexOf(':') + 1, -1),
    })),
    body: Buffer.from(body.replaceAll('\n', '\r\n'), 'latin1'),
    insertField(index, name, value) {
      list = list.filter(({ text }) => text !== '')
      list.splice(index, 0, { name, text: `${name}:${value}\n` })
    },
    changeField(index, name, value) {
      byName ??= groupByName(list)
      const own = byName.get(name.toLowerCase()) ?? []
      const field = own[index - 1]
      if (field === undefined) return // as MTAs do
      field.text = value === '' ? '' : `${name}:${value}\n`
      if (value === '') own.splice(index - 1, 1)
    },
    out() {
      const others = list.filter(({ text }) => text !== '' && text !== `${OWN}\n`)
      const whole = others.map((field) => field.text).join('') + rest
      return Buffer.from(crlf ? whole.replaceAll('\n', '\r\n') : whole, 'latin1')
    },
  }
}

function groupByName(fields: readonly QueuedField[]): Map<string, QueuedField[]> {
  const groups = new Map<string, QueuedField[]>()
  for (const field of fields) {
    const key = field.name.toLowerCase()
    const group = groups.get(key)
    if (group) group.push(field)
    else groups.set(key, [field])
  }
  return groups
}
