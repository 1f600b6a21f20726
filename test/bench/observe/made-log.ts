import { closeSync, openSync, writeSync } from 'node:fs'
import { logLine } from '../../../src/ground/errors/log.ts'
import { tai64n } from '../../observe/log/lines.ts'

/** Bytes that are written at once. */
const PIECE = 4 * 1024 * 1024

/**
 * Writes a log of some `size` bytes as multilog and the programs do, of a mixture of mail,
 * and returns the Message-ID of one in its middle.
 */
export function makeLog(file: string, size: number): string {
  const fd = openSync(file, 'w')
  const random = generator()
  let wanted = ''
  let time = 1_790_000_000
  let piece = ''
  try {
    for (let written = 0, n = 0; written < size; n++) {
      time += random(100) / 100
      const id = `<${n.toString(16)}.${random(1e9).toString(36)}@mail${random(500)}.example.org>`
      const line = `${tai64n(time)} ${lineOf(random, id)}`
      piece += line
      written += line.length
      if (wanted === '' && written > size / 2) wanted = id
      if (piece.length > PIECE || written >= size) {
        writeSync(fd, piece, null, 'latin1')
        piece = ''
      }
    }
  } finally {
    closeSync(fd)
  }
  return wanted
}

function lineOf(random: (below: number) => number, id: string): string {
  const kind = random(100)
  const mail = [
    ['remote', `192.0.2.${random(250)}`],
    ['size', random(100_000)],
    ['msgid', id],
    ['from', `<user${random(5000)}@example.com>`],
    ['to', `<box${random(2000)}@example.net>`],
    ['rcpts', 1],
    ['total_ms', (random(900) / 10).toFixed(1)],
  ] as const
  const line = (...entries: (readonly [string, string | number])[]) =>
    logLine([...entries, ...mail]).toString('latin1')
  const scan = ['scan_ms', (random(300) / 10).toFixed(1)] as const
  if (kind < 60) return line(['decision', 'accept'], ['scan', 'clean'], ['scanner', 'clamd'], ['key', 'mx1'], ['reason', 'no stamp'], ['verify_ms', '0.2'], scan) // biome-ignore format: a line a line
  if (kind < 90) return line(['decision', 'accept'], ['scan', 'trusted'], ['key', 'mx2'], ['verify_ms', '0.2']) // biome-ignore format: as above
  if (kind < 95) return line(['decision', 'reject'], ['scan', 'infected'], ['scanner', 'clamd'], ['virus', `Win.Test.EICAR_HDB-${random(20)}`], ['grounds', 'virus'], scan) // biome-ignore format: as above
  return line(['decision', 'defer'], ['scan', 'unknown'], ['grounds', 'unscanned'], ['reason', 'clamd unix:/run/clamd: connect ECONNREFUSED'], ['exit', 71]) // biome-ignore format: as above
}

/** Numbers that are the same in every run. */
function generator(): (below: number) => number {
  let state = 1
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
}
