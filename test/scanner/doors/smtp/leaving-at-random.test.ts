import t from 'tap'
import { readQuarantine } from '../../../cases/kept.ts'
import { createRandom } from '../../../run/random.ts'
import { openBetween } from './between.ts'
import { keeping, leave } from './leave.ts'

for (const isLmtp of [false, true]) {
  const name = isLmtp ? 'LMTP' : 'SMTP'
  t.test(`${name}: whenever clients leave, what was answered 250 is there once`, async (t) => {
    const { next, door, stage, over } = await openBetween(t, { isLmtp, ...keeping })
    const { below, once, pick } = createRandom(isLmtp ? 5 : 4)
    const answers = new Map<string, readonly { to: string; isTaken: boolean }[]>()

    async function send(number: number): Promise<void> {
      const text = pick(['VIRUS', 'hello'])
      const to = Array.from({ length: 1 + below(4) }, (_, at) => {
        return `u${at}@${pick(['skip.example', 'keep.example'])}`
      })
      const recipients = to.map((path) => `RCPT TO:<${path}>`)
      const client = await door.greeted(`MAIL FROM:<m${number}@b.example>`, ...recipients, 'DATA')
      const lines = 'line of text\r\n'.repeat(pick([0, 10, 20_000]))
      const content = `Subject: x\r\n\r\n${text}\r\n${lines}.\r\n`
      const end = once(3) ? below(content.length) : content.length
      client.write(content.slice(0, end))
      const replies: string[] = []
      if (end === content.length && once(3)) replies.push((await client.hear()) ?? '')
      leave(client, pick(['half-closes', 'half-closes', 'closes', 'resets']))
      replies.push(...(await client.rest()))
      answers.set(
        `m${number}@b.example`,
        to.map((to, at) => {
          return { to, isTaken: (isLmtp ? replies[at] : replies[0])?.startsWith('250') === true }
        }),
      )
    }
    for (let number = 0; number < 120; number += 6) {
      await Promise.all([0, 1, 2, 3, 4, 5].map((more) => send(number + more)))
    }
    await over()
    const kept = await readQuarantine(stage.quarantine)
    let taken = 0
    for (const [sender, recipients] of answers) {
      const found = [
        ...next.got.filter((mail) => mail.sender === sender),
        ...kept.map(({ record }) => record).filter((record) => record.sender === sender),
      ].flatMap(({ recipients }) => recipients)
      for (const { to, isTaken } of recipients) {
        const times = found.filter((path) => path === to).length
        if (isTaken) taken++
        const ok = isTaken ? times === 1 : times <= 1
        if (!ok) t.fail(`${to} of ${sender} is there ${times} times, answered ${isTaken}`)
      }
    }
    t.ok(taken > 20, `${taken} recipients were answered 250`)
  })
}
