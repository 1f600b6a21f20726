import { lowerCase } from '../../base/text/address.ts'
import { harmlessLine, harmlessText } from '../../base/text/harmless.ts'
import { textInCharset } from '../../mail/mime/headers/readable.ts'
import type { OpenMessage } from '../scan/quarantine/entries.ts'
import { readMessage } from './read-message.ts'
import { charsetOf } from './shown-message.ts'

/** Upper limit, in bytes, for the text of a message. */
const TEXT_MAX = 256 * 1024

/** The letter in a message as text, without markup and harmless. */
interface Letter {
  readonly text: string
  /** Whether there is more, or if the message is too large to be read. */
  readonly isCut: boolean
  /** Links of its HTML that lead to another place than they show, if the text is another part: one in HTML has them within. */
  readonly links: readonly HtmlLink[]
}

/** A link, in harmless texts. */
interface HtmlLink {
  readonly text: string
  readonly target: string
}

/** Resolves to the first plain text of a message that has no name of a file or, if there is none, the text of its first HTML. */
export async function textOf(message: OpenMessage): Promise<Letter> {
  const letter = await readMessage(message, process.env, (contents, header): Letter => {
    const charsetOfMail = charsetOf({ record: message.record, start: header.bytes })
    let plain: Letter | undefined
    let html: Letter | undefined
    for (const step of contents) {
      if (step.kind !== 'content' || step.part.names.length > 0 || step.bytes.size === 0) continue
      const type = step.part.types.find((name) => name === 'text/plain' || name === 'text/html')
      if (type === undefined || (type === 'text/plain' ? plain : html) !== undefined) continue
      const start = step.bytes.gather(0, TEXT_MAX)
      const written = textInCharset(start.toString('latin1'), '', charsetOfMail)
      const { text, links } = type === 'text/html' ? readHtml(written) : { text: written, links: [] } // biome-ignore format: a line
      const made = {
        text: harmlessText(text.replace(/\r\n?/g, '\n')).trim(),
        isCut: step.bytes.size > start.length,
        links,
      }
      if (type === 'text/plain') plain = made
      else html = made
      if (plain && html) break
    }
    if (plain) return { ...plain, links: html?.links ?? [] }
    return { ...(html ?? NOTHING), links: [] }
  })
  return letter ?? { ...NOTHING, isCut: true }
}

const NOTHING: Letter = { text: '', isCut: false, links: [] }

/** Elements that begin a line, and those whose content is not a text. */
const LINES = /^\/?(?:p|div|br|tr|li|ul|ol|table|h[1-6]|blockquote|hr|pre)\b/i
const HIDDEN = /^(script|style|head|title|template|svg)\b/i
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' } // biome-ignore format: a line

/** Characters of a link, from its beginning on, in which its target is looked for. */
const TARGET_MAX = 4096
/** Links that are listed beside a text, and the characters of each that are shown. */
const LINKS_MAX = 100
const LINK_SHOWN = 500

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

/** Returns the text of HTML, and the links that have another text than their target, in time linear in its length. The text has these targets, too. */
function readHtml(html: string): Pick<Letter, 'text' | 'links'> {
  let text = ''
  const links: HtmlLink[] = []
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
      const words = link && text.slice(link.from)
      if (link && words !== undefined && withoutScheme(words) !== withoutScheme(link.target)) {
        text += ` [leads to ${link.target}]`
        if (links.length < LINKS_MAX) links.push({ text: linkText(words), target: linkText(link.target) }) // biome-ignore format: a line
      }
      const target = targetOf(html.slice(open, Math.min(close, open + TARGET_MAX)))
      link = target === undefined ? undefined : { target, from: text.length }
    }
    at = end + (isComment ? 3 : 1)
  }
  const lines = withoutEntities(text).split('\n')
  const shown = lines.map((line) => line.trim()).filter((line) => line !== '')
  return { text: shown.join('\n'), links }
}

const linkText = (text: string) =>
  harmlessLine(withoutEntities(text.slice(0, LINK_SHOWN)).replace(/\s+/g, ' ').trim())

const withoutEntities = (text: string) =>
  text.replace(
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

/** Returns the position of the `>` that ends a hidden element in lower case; that of the text's end if nothing does. */
function endOf(html: string, name: string, from: number): number {
  const close = html.indexOf(`</${name.toLowerCase()}`, from)
  const end = close < 0 ? -1 : html.indexOf('>', close)
  return end < 0 ? html.length : end
}
