import { decisionLine, tai64n } from '../../log/lines.ts'

/** 2026-11-18 12:00 UTC. */
export const START = 1_795_003_200

/** A log of `count` messages, one each minute, and the counts that its report must have. */
export function madeLog(count: number, start = START): string {
  const lines: string[] = []
  for (let n = 0; n < count; n++) lines.push(`${tai64n(start + n * 60)} ${lineOf(n)}`)
  return lines.join('')
}

function lineOf(n: number): string {
  const id = `<${n}@example.org>`
  const from = `<from${n % 7}@example.org>`
  const to = `<to${n % 5}@example.net>`
  switch (n % 10) {
    case 0:
      return decisionLine({
        decision: 'reject',
        id,
        from,
        to,
        more: [
          ['scan', 'infected'],
          ['scanner', 'clamd'],
          ['virus', `Virus.${n % 3}`],
          ['grounds', 'virus'],
          ['scan_ms', '20.0'],
          ['size', '5000'],
        ],
      })
    case 1:
      return decisionLine({
        decision: 'defer',
        id,
        from,
        to,
        more: [
          ['scan', 'unknown'],
          ['grounds', 'unscanned'],
          ['reason', `clamd 127.0.0.1:33${n}: connect ECONNREFUSED`],
        ],
      })
    case 2:
      return decisionLine({
        decision: 'defer',
        from,
        to,
        more: [
          ['quota', 'full'],
          ['interface', 'policy'],
        ],
      })
    case 3:
    case 4:
    case 5:
      return decisionLine({
        id,
        from,
        to,
        more: [
          ['scan', 'trusted'],
          ['key', 'mx2'],
        ],
      })
    case 6:
      return decisionLine({ id, from, to, more: [['scan', 'cached']] })
    default:
      return decisionLine({
        id,
        from,
        to,
        more: [
          ['scan', 'clean'],
          ['scanner', 'clamd'],
          ['scan_ms', `${10 + (n % 10)}.5`],
          ['size', '4000'],
        ],
      })
  }
}
