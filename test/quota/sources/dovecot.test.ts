import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { dovecotMissing, startDovecot } from '../../programs/servers/dovecot.ts'
import { spool, startQuotad } from '../quotad.ts'
import {
  type Generated,
  hasTrashed,
  limitsLine,
  maildir,
  trueUsage,
  write,
} from './generated-maildir.ts'

/** Dovecot as a source of answers, and as a second reader of the same mailboxes. */

const MAILBOXES = 1000
const SEED = 20261120

t.test('the answer is that of quota-status', { skip: dovecotMissing }, async (t) => {
  const directory = spool(t, {
    'ann/cur/1': 'x'.repeat(100),
    'bob/cur/1': 'x'.repeat(100),
    'bob/maildirsize': '50S\n100 1\n',
  })
  for (const user of ['ann', 'bob']) {
    for (const part of ['new', 'tmp']) mkdirSync(join(directory, user, part))
  }
  execFileSync('chown', ['-R', 'nobody:nogroup', directory])
  const users = [
    { name: 'ann', maildir: join(directory, 'ann'), rule: '*:bytes=200' },
    { name: 'bob', maildir: join(directory, 'bob') },
  ]
  const dovecot = await startDovecot(t, users)
  for (const where of [dovecot.inet, dovecot.unix]) {
    const quotad = await startQuotad(t, { QUOTAMAILBOX: where })
    t.equal(await quotad.ask('CHECK_QUOTA ann 100 n'), 'QUOTA_OK ann n')
    t.equal(await quotad.ask('CHECK_QUOTA ann 101 n'), 'QUOTA_FULL ann n')
    t.equal(await quotad.ask('CHECK_QUOTA bob'), 'QUOTA_FULL')
    t.equal(await quotad.ask('CHECK_QUOTA zoe'), 'QUOTA_UNKNOWN zoe')
    const response = await fetch(`${quotad.url}/cgi-bin/quota.cgi?u=bob`)
    t.equal(await response.text(), 'OVERQUOTA bob 0 0\n')
    t.equal(response.headers.get('x-quota-source'), 'quota-status')
    const many = Array.from({ length: 50 }, (_, i) => quotad.ask(`CHECK_QUOTA ann ${i} n${i}`))
    t.same(
      await Promise.all(many),
      many.map((_, i) => `QUOTA_OK ann n${i}`),
    )
  }
})

t.test(
  'Dovecot and onescan-quotad agree about 1,000 Maildirs',
  { skip: dovecotMissing },
  async (t) => {
    const directory = spool(t, {})
    const mailboxes = fc.sample(maildir, { numRuns: MAILBOXES, seed: SEED })
    const users = mailboxes.map((generated, i) => {
      const path = join(directory, `u${i}`)
      write(generated, path)
      const { bytes, messages } = generated.limits
      const rule = `*:bytes=${bytes}:messages=${messages}`
      return { name: `u${i}`, maildir: path, ...(generated.ruled ? { rule } : {}) }
    })
    const lines = mailboxes.map((mailbox, i) =>
      mailbox.ruled ? `u${i}: ${limitsLine(mailbox.limits)}\n` : '',
    )
    writeFileSync(join(directory, 'quotas'), lines.join(''))
    execFileSync('chown', ['-R', 'nobody:nogroup', directory])

    const ours = await startQuotad(t, {
      QUOTAMAILBOX: `maildir:${directory}/%u`,
      QUOTAMAP: join(directory, 'quotas'),
    })
    const dovecot = await startDovecot(t, users)
    const theirs = await startQuotad(t, { QUOTAMAILBOX: dovecot.inet })
    const word = (answer: string) => answer.split(' ')[0]!

    const seen: Record<string, number> = {}
    const reasons: Record<string, number> = {}
    for (const [i, generated] of mailboxes.entries()) {
      const incoming = [1, 1000, 2 ** (i % 16)][i % 3]!
      // Ours first: Dovecot writes the file again.
      const own = word(await ours.ask(`CHECK_QUOTA u${i} ${incoming}`))
      const peer = word(await theirs.ask(`CHECK_QUOTA u${i} ${incoming}`))
      seen[peer] = (seen[peer] ?? 0) + 1
      if (own === peer) continue
      const reason = reasonFor(generated, own, incoming)
      if (!reason)
        t.fail(`u${i}: ${own}, Dovecot ${peer}`, { generated, usage: trueUsage(generated) })
      else reasons[reason] = (reasons[reason] ?? 0) + 1
    }
    t.comment('Dovecot:', seen, 'other answers of ours:', reasons)
    t.same(Object.keys(seen).sort(), ['QUOTA_FULL', 'QUOTA_OK'])
    t.ok(Math.min(...Object.values(seen)) > MAILBOXES / 10, 'both answers are given')
    const others = Object.values(reasons).reduce((sum, count) => sum + count, 0)
    t.ok(others < MAILBOXES / 10, `${others} answers are others`)
    t.same(
      ours.log.filter((line) => line.includes('unreadable')),
      [],
    )
  },
)

/** Why our answer may differ from Dovecot's, and is right; undefined if the two must agree. */
function reasonFor(generated: Generated, own: string, incoming: number): string | undefined {
  const { bytes, messages } = generated.limits
  const usage = trueUsage(generated)
  const isFull =
    (bytes && usage.bytes + incoming > bytes) || (messages && usage.messages >= messages)
  // By Maildir++ it must be this, whatever the file contains.
  if (own !== (isFull ? 'QUOTA_FULL' : 'QUOTA_OK')) return undefined
  if (hasTrashed(generated)) return 'Dovecot counts what is marked as trash'
  if (generated.file === 'only limits') return 'Dovecot takes a file of limits alone for empty'
  if (generated.file === 'wrong') {
    return 'Dovecot believes the file when it is not over quota by itself, but would be with the message'
  }
  return undefined
}
