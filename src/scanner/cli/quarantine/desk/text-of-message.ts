import { lowerCase } from '../../../../base/text/address.ts'
import { harmlessText } from '../../../../base/text/harmless.ts'
import { textInCharset } from '../../../../mail/mime/headers/readable.ts'
import type { OpenMessage } from '../../../scan/quarantine/entries.ts'
import { readMessage } from './read-message.ts'
import { charsetOf } from './shown-message.ts'

/** Upper limit, in bytes, for the text of a message. */
const TEXT_MAX = 256 * 1024

/** The letter in a message as text, without markup and harmless. */
interface Letter {
  readonly text: string
  /** Whether there is more, or if the message is too large to be read. */
  readonly isCut: boolean
}

/** Resolves to the first plain text of a message that has no name of a file or, if there is none, the text of its first HTML. */
export async function textOf(message: OpenMessage): Promise<Letter> {
  const letter = await readMessage(message, process.env, (contents, header): Letter => {
    const usual = charsetOf({ record: message.record, start: header.bytes })
    let html: Letter | undefined
    for (const step of contents) {
      if (step.kind !== 'content' || step.part.names.length > 0 || step.bytes.size === 0) continue
      const type = step.part.types.find((name) => name === 'text/plain' || name === 'text/html')
      if (type === undefined || (type === 'text/html' && html !== undefined)) continue
      const start = step.bytes.gather(0, TEXT_MAX)
      const text = textInCharset(start.toString('latin1'), '', usual)
      const isCut = step.bytes.size > start.length
      const made = (words: string) => ({
        text: harmlessText(words.replace(/\r\n?/g, '\n')).trim(),
        isCut,
      })
      if (type === 'text/plain') return made(text)
      html = made(textOfHtml(text))
    }
    return html ?? { text: '', isCut: false }
  })
  return letter ?? { text: '', isCut: true }
}

/** Elements that begin a line, and those whose content is not a text. */
const LINES = /^\/?(?:p|div|br|tr|li|ul|ol|table|h[1-6]|blockquote|hr|pre)\b/i
const HIDDEN = /^(script|style|head|title|template|svg)\b/i
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' } // biome-ignore format: a line

/** Characters of a link, from its beginning on, in which its target is looked for. */
const TARGET_MAX = 4096

/** Returns where a link leads, if that is another place than in the message. */
function targetOf(tag: string): string | undefined {
  const [, double, single, bare] = /\shref\s*=\s*(?:"([^"]*)|'([^']*)|([^\s"'>]+))/i.exec(tag) ?? []
  const target = (double ?? single ?? bare)?.replace(/\s+/g, ' ').trim()
  return target === '' || target?.startsWith('#') ? undefined : target
}

/** What people read of an address of a page. */
const withoutScheme = (address: string) =>
  address
    .trim()
    .toLowerCase()
    .replace(/^(?:https?:\/\/|mailto:)/, '')
    .replace(/\/$/, '')

/** Returns the text of HTML, with the targets of links that have another text, in time linear in its length. */
function textOfHtml(html: string): string {
  let text = ''
  const lower = lowerCase(html)
  /** Where the open link leads, and where its own text begins. */
  let link: { readonly target: string; readonly from: number } | undefined
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf('<', at)
    text += html.slice(at, open < 0 ? undefined : open).replace(/\s+/g, ' ')
    if (open < 0) break
    const isComment = html.startsWith('<!--', open)
    const close = html.indexOf(isComment ? '-->' : '>', open)
    if (close < 0) break
    const tag = html.slice(open + 1, Math.min(close, open + 20))
    const hidden = HIDDEN.exec(tag)?.[1]
    const end = hidden === undefined ? close : endOf(lower, hidden, close)
    if (LINES.test(tag)) text += '\n'
    if (/^\/?a\b/i.test(tag)) {
      if (link !== undefined && withoutScheme(text.slice(link.from)) !== withoutScheme(link.target))
        text += ` [leads to ${link.target}]`
      const target = targetOf(html.slice(open, Math.min(close, open + TARGET_MAX)))
      link = target === undefined ? undefined : { target, from: text.length }
    }
    at = end + (isComment ? 3 : 1)
  }
  return text
    .replace(
      /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos|nbsp));/gi,
      (all, decimal, hex, name) => {
        const code = Number.parseInt(decimal ?? hex, decimal === undefined ? 16 : 10)
        return name === undefined
          ? code <= 0x10ffff
            ? String.fromCodePoint(code)
            : all
          : ENTITIES[name.toLowerCase()]!
      },
    )
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}

/** Returns the position of the `>` that ends a hidden element in lower case; that of the text's end if nothing does. */
function endOf(html: string, name: string, from: number): number {
  const close = html.indexOf(`</${name.toLowerCase()}`, from)
  const end = close < 0 ? -1 : html.indexOf('>', close)
  return end < 0 ? html.length : end
}
