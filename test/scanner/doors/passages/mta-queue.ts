import type { QueuedMessage } from '../milter/queued-message.ts'

/**
 * A message that came over SMTP, with all that Postfix makes of odd mail. It goes out in LF, below the
 * MTA's own Received.
 */
interface QueuedMail extends QueuedMessage {
  /**
   * Whether filters receive another header than the queue has: without the blanks before a
   * colon, or, where the MTA's own field is the only one that stays, none at all.
   */
  readonly retold: boolean
}

const OWN =
  'Received: from client.example.org by mta.example.org; Fri, 20 Nov 2026 10:00:00 +0000\n'

/** `sent` is what a client has in a file; it goes over SMTP line by line. */
export function queueMail(sent: Buffer): QueuedMail {
  const lines = overSmtp(sent.toString('latin1')).split(/(?<=\n)/)
  const fields: { name: string; text: string }[] = [{ name: 'Received', text: OWN }]
  while (lines.length > 0) {
    const [line = ''] = lines
    const name = /^([!-9;-~]+)[ \t]*:/.exec(line)?.[1]
    if (name !== undefined) fields.push({ name, text: line })
    else if (/^[ \t]/.test(line) && fields.length > 1) fields.at(-1)!.text += line
    else break
    lines.shift()
  }
  // What holds a field is a string of C.
  for (const field of fields) field.text = field.text.replace(/\0.*$/s, '\n')
  if (lines[0] === '\n') lines.shift()
  const body = lines.join('')
  return {
    fields: fields.slice(1).map(({ name, text }) => ({
      name,
      value: text.slice(text.indexOf(':') + 1, -1),
    })),
    body: Buffer.from(body.replaceAll('\n', '\r\n'), 'latin1'),
    retold:
      fields.slice(1).every(({ name }) => /^x-qhpsi$/i.test(name)) ||
      fields.some(({ name, text }) => !text.startsWith(`${name}:`)),
    out: () => Buffer.from(`${fields.map(({ text }) => text).join('')}\n${body}`, 'latin1'),
    insertField(index, name, value) {
      fields.splice(index, 0, { name, text: `${name}:${value}\n` })
    },
    changeField(index, name, value) {
      const same = fields.filter((candidate) => candidate.name.toLowerCase() === name.toLowerCase())
      const field = same[index - 1]
      if (field === undefined) return
      if (value === '') fields.splice(fields.indexOf(field), 1)
      else field.text = `${name}:${value}\n`
    },
  }
}

/** Lines that end in LF: any number of CR before it are part of the line end; the last one gets one. */
export function overSmtp(text: string): string {
  const lines = text.replace(/\r*\n/g, '\n')
  const whole = lines === '' || lines.endsWith('\n') ? lines : `${lines}\n`
  return whole.replace(/^>?From /, 'X-Mailbox-Line: $&')
}
