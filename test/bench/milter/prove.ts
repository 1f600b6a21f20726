import { readFileSync } from 'node:fs'
import { openSmtp } from '../../programs/smtp-session.ts'
import { type Kind, SIZES } from '../cells.ts'
import type { Workshop } from '../workshop.ts'
import type { Lane } from './field.ts'

/**
 * Sends one message of each kind and looks at the reply, and at onescand's log: one that is
 * fast because it does not do its work must not win. The reasons why not, if any.
 */
export async function prove(
  { contestant: { milter }, postfix, log }: Lane,
  workshop: Workshop,
): Promise<string[]> {
  const session = await openSmtp(postfix.port)
  const send = async (kind: Kind) => {
    const message = readFileSync(workshop.message(kind, SIZES[0]!))
    const { data } = await session.send({
      from: 'sender@example.net',
      to: ['postmaster@example.org'],
      message,
    })
    return data
  }
  const faults: string[] = []
  const expect = (kind: Kind, reply: string, wanted: RegExp) => {
    if (!wanted.test(reply)) faults.push(`${kind} mail: ${reply}, not ${wanted.source}`)
  }
  expect('clean', await send('clean'), /^250 /)
  expect('infected', await send('infected'), milter ? /^550 5\.7\.1 / : /^250 /)
  expect('trusted-hmac', await send('trusted-hmac'), /^250 /)
  await session.quit()
  if (log !== undefined) {
    const scans = [...readFileSync(log, 'latin1').matchAll(/ scan=(\w+) /g)].map(([, scan]) => scan)
    const wanted = 'clean, infected, trusted'
    if (scans.join(', ') !== wanted) faults.push(`the log says ${scans.join(', ')}, not ${wanted}`)
  }
  return faults
}
