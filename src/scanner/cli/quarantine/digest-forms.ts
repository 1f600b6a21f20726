/** A fact, with its name. */
export type Fact = readonly [name: string, value: string]

/** What a digest has about a message: texts that are harmless, for both of its forms. */
export interface DigestEntry {
  readonly number: number
  readonly subject: string
  /** Facts by line. The first line begins with the subject. */
  readonly lines: readonly (readonly Fact[])[]
  /** What its reader can do. */
  readonly link: EntryLink | undefined
}

/** A link, and what the plain text has instead. Without words the subject is the link. */
interface EntryLink {
  readonly words: string
  readonly url: string
  readonly plain: string
}

/** The text around the list, of which each line is a paragraph, and the messages. */
interface DigestText {
  readonly before: string
  readonly entries: readonly DigestEntry[]
  readonly after: string
}

/** Returns a digest as plain text. */
export function digestAsText({ before, entries, after }: DigestText): string {
  const list = entries.flatMap(({ number, subject, lines: [first = [], ...lines], link }) => [
    [`${number}. ${subject}`, ...first.map(inWords)].join('; '),
    ...lines.map((facts) => facts.map(inWords).join('; ')).filter((line) => line !== ''),
    ...(link === undefined ? [] : [[link.words, link.plain].filter(Boolean).join(': ')]),
    '',
  ])
  return `${before}${list.join('\n')}\n${after.trimEnd()}\n`
}

const inWords = (fact: Fact) => fact.join(': ')

/** Styles are attributes: mail programs drop others. Colours are those of the program, light or dark. */
const BODY = 'font-family: sans-serif; max-width: 60em; line-height: 1.4; overflow-wrap: anywhere; background: Canvas; color: CanvasText' // biome-ignore format: a line
const TITLE = 'margin: 0 0 0.5em; font-size: 1.25em'
const ENTRY = 'margin: 0.75em 0; padding-top: 0.75em; border-top: 1px solid #888'
const HEADING = 'display: inline; margin: 0 1em 0 0; font-size: inherit'
const HEAD = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">' // biome-ignore format: a line

/** Returns a digest as HTML, with a title, in the language of the text around the list and in that of the list. It loads nothing. */
export function digestAsHtml(
  { before, entries, after }: DigestText,
  title: string,
  languages: { readonly around: string | undefined; readonly list: string },
): string {
  const pieces = [
    `<h1 dir="auto" style="${TITLE}">${escaped(title)}</h1>`,
    paragraphs(before),
    `<div lang="${languages.list}">`,
    ...entries.map(entryHtml),
    '</div>',
    ...(after.trim() === '' ? [] : ['<hr>', paragraphs(after)]),
  ]
  const lang = languages.around === undefined ? '' : ` lang="${languages.around}"`
  return `<!DOCTYPE html>\n<html${lang}><head>${HEAD}<title>${escaped(title)}</title></head>\n<body style="${BODY}">\n${pieces.join('\n')}\n</body></html>\n`
}

function entryHtml({ number, subject, lines: [first = [], ...lines], link }: DigestEntry): string {
  const title = isolated(subject)
  const label = escaped(`${link?.words}: ${subject}`)
  const action = link?.words && `<a href="${escaped(link.url)}" aria-label="${label}" style="white-space: nowrap">${escaped(link.words)}</a>` // biome-ignore format: a line
  const linkedTitle = link === undefined || action ? title : `<a href="${escaped(link.url)}">${title}</a>` // biome-ignore format: a line
  const rows = [...lines.map(factsHtml), ...(action ? [action] : [])].filter((row) => row !== '')
  return [
    `<div dir="auto" style="${ENTRY}"><h2 style="${HEADING}">${number}. ${linkedTitle}</h2>`,
    `${[factsHtml(first), ...rows].join('<br>\n')}</div>`,
  ].join('\n')
}

/** A value with fewer characters stays in its line, such as a time or a number. */
const SHORT_VALUE = 24

const factsHtml = (facts: readonly Fact[]) =>
  facts
    .map(
      ([name, value]) =>
        `<span style="opacity: 0.75">${escaped(name)}:</span> <span dir="auto"${value.length < SHORT_VALUE ? ' style="white-space: nowrap"' : ''}>${escaped(value)}</span>`,
    )
    .join('; ')

/** A text that may be written in another direction than what is around it. */
const isolated = (text: string) => `<span dir="auto">${escaped(text)}</span>`

/** Paragraphs have an empty line between them. A line that begins with a hyphen is an item of a list. */
function paragraphs(text: string): string {
  const pieces = text.split(/\n\n+|\n(?=- )/).filter((piece) => piece.trim() !== '')
  const blocks = pieces.map((piece) =>
    piece.startsWith('- ')
      ? `<li>${linked(piece.slice(2)).replaceAll('\n', ' ')}</li>\n`
      : `<p dir="auto">${linked(piece.trim()).replaceAll('\n', '<br>\n')}</p>\n`,
  )
  return blocks.join('').replace(/(?:^<li>.*\n)+/gm, '<ul dir="auto">\n$&</ul>\n')
}

/** A text of the site, which may have addresses of pages. */
const linked = (text: string) =>
  escaped(text).replace(/\bhttps?:\/\/\S*[^\s.,;:)]/g, '<a href="$&">$&</a>')

const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
