import { bytes } from '../../../cases/case.ts'

/**
 * Sessions of MTAs with a filter, as text. A line is a packet: `>` of the MTA or `<` of the filter, the letter
 * of the command, and its data in latin1 with `\\`, `\r`, `\n`, `\t` and `\xHH`. An empty line ends a connection.
 * A line that begins with `#` is a comment.
 */
export interface SessionPacket {
  readonly from: 'mta' | 'filter'
  readonly command: string
  readonly data: Buffer
}

const NAMED: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\r': '\\r',
  '\n': '\\n',
  '\t': '\\t',
}

export function lineOf({ from, command, data }: SessionPacket): string {
  const text = data
    .toString('latin1')
    .replace(
      /[^ -[\]-~]/g,
      (c) => NAMED[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
    )
  return `${from === 'mta' ? '>' : '<'} ${command} ${text}`
}

/** Returns the connections in their order. */
export function parseSessions(text: string): SessionPacket[][] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'))
  return lines
    .join('\n')
    .split(/\n{2,}/)
    .map((connection) => connection.split('\n').filter(Boolean).map(parseLine))
    .filter((connection) => connection.length > 0)
}

function parseLine(line: string): SessionPacket {
  const parts = /^([<>]) (.) (.*)$/s.exec(line)
  if (parts === null) throw new Error(`not a packet: ${line}`)
  const data = parts[3]!.replace(/\\(x..|.)/g, (_, code: string) => {
    const named = Object.entries(NAMED).find(([, escaped]) => escaped === `\\${code}`)
    return named?.[0] ?? String.fromCharCode(Number.parseInt(code.slice(1), 16))
  })
  return { from: parts[1] === '>' ? 'mta' : 'filter', command: parts[2]!, data: bytes(data) }
}
