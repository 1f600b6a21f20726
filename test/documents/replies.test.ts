import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { JudgeConfig } from '../../src/scanner/scan/judge/context/judge-config.ts'
import { actionForUnread, POLICY_STATUS } from '../../src/scanner/scan/judge/decision/actions.ts'
import { mailReply, replyFor } from '../../src/scanner/scan/replies/mail-replies.ts'
import { ownReply } from '../../src/scanner/scan/replies/own-replies.ts'
import { properties } from '../../src/scanner/scan/scanners/findings/properties.ts'
import { unread } from '../../src/scanner/scan/scanners/findings/scan-result.ts'

/** The pages about refused and deferred mail have the replies as senders receive them, from the program. */

const read = (name: string) => readFileSync(join(import.meta.dirname, '../../doc', name), 'utf8')
const refused = read('refused.md')
/** Items of the lists, each in one line. */
const items = refused.replaceAll(/\n {2}(?=\S)/g, ' ').split('\n')

/** A reply with its status, as in the lists. */
const whole = ({ enhanced, text }: { readonly enhanced: string; readonly text: string }) =>
  `\`${enhanced} ${text}\``
const [tooLarge, tooManyHops] = [mailReply.tooLarge(1), mailReply.tooManyHops(1)]
const { enhanced, lines } = ownReply.addressTooLong

for (const [first, reply] of [
  ['virus', whole(mailReply.virus('NAME'))],
  ['banned', whole(mailReply.banned('attachment NAME'))],
  ['policy', whole(mailReply.byRule)],
  ['bare-newline', whole(mailReply.bareNewline('LF'))],
  ['bare-newline', whole(mailReply.hiddenDot)],
  ['too-large', whole({ ...tooLarge, text: tooLarge.text.replace('1', 'N') })],
  ['too-many-hops', whole({ ...tooManyHops, text: tooManyHops.text.replace('1', 'N') })],
  ['fault=address-too-long', whole({ enhanced, text: lines.join() })],
] as const) {
  t.test(`${first} has the reply of the program`, async (t) => {
    t.ok(
      items.some((item) => item.startsWith(`- \`${first}\`: `) && item.includes(reply)),
      reply,
    )
  })
}

/** Settings that refuse whatever was not read. */
const strict = {
  settings: { UNREAD: 'refuse', STRICTMIME: 'refuse', FINDINGS: [] },
} as unknown as JudgeConfig

const ofForm = [
  ['depth', ''],
  ['contents', 'LIMIT'],
  ['unpacked', ''],
  ['unreadable', 'PART'],
  ['oddities', ''],
] as const
const reasons = [
  ...ofForm.map(([kind, limit]) => actionForUnread({ ...unread(kind, 'FAULT'), limit }, strict)!),
  ...Object.entries(properties).map(([grounds, { because }]) => ({
    ...POLICY_STATUS,
    grounds: grounds as keyof typeof properties,
    because: grounds === 'encrypted' ? because : `${because} (NAME)`,
  })),
]
for (const { grounds, because, status } of reasons) {
  t.test(`${grounds} has the reply of the program`, async (t) => {
    const { enhanced, text } = replyFor('refused', grounds, because, status)
    const begins = `\`${enhanced} message refused:\` and\n`
    const item = `- \`${grounds}\`: \`${text.slice('message refused: '.length)}\`\n`
    const list = refused.split(begins)[1]?.split('\n\n')[0]
    t.ok(`${list}\n`.includes(item), `${begins}${item}`)
  })
}
