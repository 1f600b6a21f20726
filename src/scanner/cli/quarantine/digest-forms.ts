/** What a digest has about a message: texts that are harmless, for both of its forms. */
export interface DigestEntry {
  readonly subject: string
  readonly rows: readonly (readonly [name: string, value: string])[]
  /** What its reader can do. */
  readonly link: { readonly words: string; readonly url: string } | undefined
}

/** Columns of the words around the list, as RFC 5322 2.1.1 recommends for lines. */
const COLUMNS = 78

/** Returns a digest as plain text, from the list and the words around it, of which each line is a paragraph. */
export function digestAsText(
  before: string,
  entries: readonly DigestEntry[],
  after: string,
): string {
  const lines = entries.flatMap(({ subject, rows, link }) => [
    subject,
    ...rows.map(([name, value]) => `  ${name.padEnd(8)}  ${value}`),
    ...(link === undefined ? [] : [`  ${link.words}:`, `  ${link.url}`]),
    '',
  ])
  return `${folded(before)}${lines.join('\n')}\n${folded(after)}\n`
}

/** Breaks long lines between words. */
const folded = (text: string) => text.split('\n').map(foldedLine).join('\n')

function foldedLine(line: string): string {
  const indent = line.startsWith('- ') ? '  ' : ''
  const [first = '', ...words] = line.split(' ')
  let length = first.length
  const rest = words.map((word) => {
    length += 1 + word.length
    if (length <= COLUMNS) return ` ${word}`
    length = indent.length + word.length
    return `\n${indent}${word}`
  })
  return first + rest.join('')
}

/** Styles are attributes: mail programs drop others. Colours are those of the program, light or dark. */
const BODY = 'font-family: sans-serif; max-width: 44em; line-height: 1.4; overflow-wrap: anywhere; background: Canvas; color: CanvasText' // biome-ignore format: a line
const NAME = 'padding: 0 1em 0 0; vertical-align: top; opacity: 0.75; white-space: nowrap'
const HEAD = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">' // biome-ignore format: a line

/** Returns the same as HTML, with a title. It loads nothing. */
export function digestAsHtml(
  before: string,
  entries: readonly DigestEntry[],
  after: string,
  { title, language }: { readonly title: string; readonly language: string | undefined },
): string {
  const pieces = [paragraphs(before), ...entries.map(entryHtml), '<hr>', paragraphs(after)]
  const lang = language === undefined ? '' : ` lang="${language}"`
  return `<!DOCTYPE html>\n<html${lang}><head>${HEAD}<title>${escaped(title)}</title></head>\n<body style="${BODY}">\n${pieces.join('\n')}\n</body></html>\n`
}

function entryHtml({ subject, rows, link }: DigestEntry): string {
  const cells = rows.map(
    ([name, value]) =>
      `<tr><td style="${NAME}">${name}</td><td dir="auto">${escaped(value)}</td></tr>`,
  )
  const action = link && `<p style="margin: 0.5em 0 1em"><a href="${escaped(link.url)}">${link.words}</a></p>` // biome-ignore format: a line
  return [
    `<hr>\n<h2 dir="auto" style="margin: 0.5em 0; font-size: inherit">${escaped(subject)}</h2>`,
    `<table role="presentation" cellpadding="0" cellspacing="0" style="font-size: inherit">`,
    ...cells,
    `</table>${action ?? ''}`,
  ].join('\n')
}

const paragraphs = (text: string) =>
  text
    .split(/\n\n+/)
    .filter((piece) => piece.trim() !== '')
    .flatMap((piece) => blocks(piece.trim()))
    .map((piece) => (piece.startsWith('- ') ? list(piece) : paragraph(piece)))
    .join('\n')

/** A list may follow the line above it. */
function blocks(piece: string): readonly string[] {
  const at = piece.startsWith('- ') ? 0 : piece.indexOf('\n- ') + 1
  return at === 0 ? [piece] : [piece.slice(0, at - 1), piece.slice(at)]
}

const paragraph = (text: string) => `<p dir="auto">${escaped(text).replaceAll('\n', '<br>\n')}</p>`
const list = (text: string) =>
  `<ul dir="auto">${text
    .split('\n')
    .map((line) => `<li>${escaped(line.slice(2))}</li>`)
    .join('\n')}</ul>`

const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
