import { spawnSync } from 'node:child_process'
import PostalMime from 'postal-mime'
import t, { type Test } from 'tap'
import { python, pythonMissing } from '../../../../programs/host/python.ts'
import { disposed, mixed, outcome, text } from './mail.ts'

/** Names and attachments that other readers show are found here, too. */

const base64 = (name: string) => Buffer.from(name).toString('base64')
const charsets = ['utf-8', '', 'x y', '*', 'utf-8*en', 'no-such', 'x-"y', 'iso-8859-1 ', 'a/b', '?']
const words = charsets.flatMap((charset) => [
  `=?${charset}?Q?evil.exe?=`,
  `=?${charset}?q?evil=2Eexe?=`,
  `=?${charset}?B?${base64('evil.exe')}?=`,
  `=?${charset}?b?${base64('evil.exe').replace(/=+$/, '')}?=`,
  `=?${charset}?Q?evil?=\n =?${charset}?Q?.exe?=`,
  `=?${charset}?Q?evil.ex?=e`,
  `evil=?${charset}?Q?.exe?=`,
  `=?${charset}?Q?evil?.exe?=`,
])
const spelt = words.flatMap((word) => [
  `attachment; filename="${word.replaceAll('"', '')}"`,
  `attachment; filename=${word}`,
  `attachment; filename*0="${word.replaceAll('"', '').replaceAll('\n', '')}"`,
])
const languages = ["utf-8'en'", "'en'", "x y'en'", "*'en-US'", "''", "no-such''"]
const escaped = ['a\\"; evil.exe', 'evil\\.exe', 'evil.e\\xe', 'a\\\\evil.exe'].map(
  (name) => `attachment; filename="${name}"`,
)
const messages = [
  ...spelt,
  ...escaped,
  ...languages.flatMap((charset) => [
    `attachment; filename*=${charset}evil%2Eexe`,
    `attachment; filename*0*=${charset}evil; filename*1=.exe`,
  ]),
].map((disposition) => mixed('b', text, disposed(disposition)))

const program = `
import sys, json, email, email.policy
out = []
for text in json.load(sys.stdin):
    names = []
    for policy in (email.policy.compat32, email.policy.default):
        try:
            for part in email.message_from_string(text, policy=policy).walk():
                name = part.get_filename()
                if name is None: continue
                names.append(str(name))
                for piece, charset in email.header.decode_header(str(name)):
                    names.append(piece if isinstance(piece, str) else piece.decode('latin1'))
                names.append(str(email.header.make_header(email.header.decode_header(str(name)))))
        except Exception: pass
    out.append(names)
print(json.dumps(out))
`

t.test('a name that Python shows is seen', { skip: pythonMissing }, async (t) => {
  const { stdout } = spawnSync(python, ['-c', `import email.header${program}`], {
    input: JSON.stringify(messages),
    encoding: 'utf8',
  })
  const names = JSON.parse(stdout) as string[][]
  await agree(t, names)
})

t.test('a name that postal-mime shows is seen', async (t) => {
  const names = await Promise.all(
    messages.map(async (message) => {
      const { attachments } = await PostalMime.parse(message)
      return attachments.map(({ filename }) => filename ?? '')
    }),
  )
  await agree(t, names)
})

async function agree(t: Test, names: string[][]): Promise<void> {
  let shown = 0
  for (const [at, message] of messages.entries()) {
    const isBad = names[at]!.some((name) => /\.exe$/i.test(name.trim()))
    if (!isBad) continue
    shown++
    if (!/\.exe$/i.test(await outcome(message))) t.equal(message, 'is banned', names[at]!.join(' '))
  }
  t.ok(shown > messages.length / 4, `${shown} of ${messages.length} were shown as a program`)
}

t.test('reports that come back are clean', async (t) => {
  const report = mixed(
    'b',
    text,
    'Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nFinal-Recipient: rfc822; b@c\nAction: failed\n',
    'Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n',
    'Content-Type: message/rfc822\n\nSubject: x\n\nhello\n',
  )
  t.equal(await outcome(report), 'clean')
})
