/** Pictures of a terminal, in SVG: a command, and what it printed. */

/** Characters of a line; longer ones are continued below. */
const COLUMNS = 112
/** The size of a character and of a line, in pixels. */
const [WIDTH, HEIGHT, MARGIN] = [7.25, 18, 14]

/** The first words of the lines of `onescan check`, with their colours. */
const COLOURS: Readonly<Record<string, string>> = {
  ok: '#1a7f37',
  warning: '#9a6700',
  error: '#cf222e',
}

/**
 * Returns a picture of a command and its output, the same for the same text. It names the font that a browser has for
 * terminals, and its own background, so that it can be read on any page.
 */
export function terminalPicture(command: string, output: string): string {
  const lines = [`$ ${command}`, ...output.trimEnd().split('\n').flatMap(inColumns)]
  const [width, height] = [COLUMNS * WIDTH + 2 * MARGIN, lines.length * HEIGHT + 2 * MARGIN]
  const rows = lines.map((line, n) => `<text x="${MARGIN}" y="${MARGIN + 13 + n * HEIGHT}">${coloured(line)}</text>`) // biome-ignore format: a line
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12" fill="#1f2328" xml:space="preserve">
<title>${escaped(command)}</title>
<rect width="100%" height="100%" rx="6" fill="#f6f8fa"/>
${rows.join('\n')}
</svg>
`
}

/** The pieces of a line, of which all but the first are indented. */
function inColumns(line: string): string[] {
  if (line.length <= COLUMNS) return [line]
  const space = line.lastIndexOf(' ', COLUMNS)
  const end = space > COLUMNS / 2 ? space : COLUMNS
  return [line.slice(0, end), ...inColumns(`${' '.repeat(25)}${line.slice(end).trimStart()}`)]
}

function coloured(line: string): string {
  const [word = ''] = line.split(' ', 1)
  const colour = COLOURS[word]
  if (colour === undefined) return escaped(line)
  return `<tspan fill="${colour}">${word}</tspan>${escaped(line.slice(word.length))}`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
