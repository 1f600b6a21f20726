import { type Finding, warning } from '../../../ground/errors/finding.ts'
import type { Withheld } from '../../../verdicts/poison/poison.ts'

/** Reports the messages that onescand withholds from scanners. */
export function checkWithheldMail({ messages, soonest, latest }: Withheld): Finding[] {
  if (messages === 0) return []
  const minutes = (milliseconds: number) => Math.ceil(milliseconds / 60_000)
  const [first, last] = [minutes(soonest), minutes(latest)]
  const when = first === last ? `${first}` : `${first} to ${last}`
  const what = messages === 1 ? 'a message is' : `${messages} messages are`
  const value = `${what} withheld from scanners for ${when} more minutes, since scanners died of them or took too long`
  const remedy = 'see reason="poison: ..." in the log; SCANFAIL decides what becomes of them'
  return [warning('poison', value, remedy)]
}
