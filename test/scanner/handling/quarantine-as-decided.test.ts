import { readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeEnvelope } from '../../../src/mail/message/envelope.ts'
import { messageOf } from '../../../src/mail/message/intake.ts'
import { readSpoolSettings } from '../../../src/mail/message/spool.ts'
import { quarantineAsDecided } from '../../../src/scanner/handling/quarantine-as-decided.ts'
import type { SingleDecision } from '../../../src/scanner/scan/judge/decision/decision.ts'
import type { Grounds } from '../../../src/scanner/scan/replies/reply.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { infected } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'

/** What happens to a message that is kept for several groups of recipients. */

const bytes = (text: string) => Buffer.from(text)

for (const isMoved of [false, true]) {
  const what = isMoved ? 'what a mail reader has moved meanwhile is named' : 'nothing stays kept'
  t.test(`if a message can be kept for some of its recipients alone, ${what}`, async (t) => {
    const stage = buildStage(t)
    const { quarantine } = stage
    writeFileSync(join(quarantine, 'banned'), 'a file where a directory must be')
    const message = messageOf(infected, { spool: readSpoolSettings({ TMPDIR: stage.directory }) })
    t.teardown(() => message.close())
    const envelope = makeEnvelope(bytes('a@b.example'), [bytes('c@b.example')])
    const client = { mayRelay: false, isClusterPeer: false, isBounceInjector: false }
    const logContext = { doorFields: [], remote: undefined, transaction: undefined, total: 0 }
    const details = { scan: 'infected', reason: '', times: {} } as const
    const keep = (grounds: Grounds): SingleDecision => ({
      kind: 'quarantine',
      quarantine: { kind: 'directory', directory: quarantine },
      grounds,
      edits: { remove: [], add: [] },
      details,
    })
    const [first, second] = [
      { decision: keep('virus'), envelope },
      {
        decision: keep('banned'),
        /** It is asked for when the first part is kept. */
        get envelope() {
          if (isMoved) openAsReader(join(quarantine, 'virus'))
          return envelope
        },
      },
    ]
    const split = { kind: 'split', shares: [first, second], shareOf: [0, 1] } as const
    const transaction = { message, envelope, client }
    const named = isMoved ? /banned.*; .* stays in quarantine/s : /^(?!.*stays).*banned/s
    await t.rejects(quarantineAsDecided(split, transaction, logContext), { message: named })
    const kept = (await readQuarantine(quarantine)).map(({ record }) => record.door)
    t.same(kept, isMoved ? ['qmail'] : [])
  })
}

t.test('a bounce that cannot be kept is accepted with its tag', async (t) => {
  const stage = buildStage(t)
  const message = messageOf(infected, { spool: readSpoolSettings({ TMPDIR: stage.directory }) })
  t.teardown(() => message.close())
  const envelope = makeEnvelope(bytes(''), [bytes('c@b.example')])
  const client = { mayRelay: false, isClusterPeer: false, isBounceInjector: true }
  const logContext = { doorFields: [], remote: undefined, transaction: undefined, total: 0 }
  const edits = { remove: [], add: [{ name: 'X-QHPSI', value: 'virus found' }] }
  const details = { scan: 'infected', reason: '', times: {} } as const
  for (const quarantine of [
    { kind: 'directory', directory: join(stage.directory, 'missing') },
    { kind: 'hold' },
  ] as const) {
    const decision = { kind: 'quarantine', quarantine, grounds: 'virus', edits, details } as const
    const keep = (isBounceInjector: boolean) =>
      quarantineAsDecided(
        decision,
        { message, envelope, client: { ...client, isBounceInjector } },
        logContext,
      )
    t.match(await keep(true), { kind: 'accept', edits, details: { reason: /^not quarantined: / } })
    await t.rejects(keep(false))
  }
})

/** Moves the messages of a Maildir++ from new/ to cur/. */
function openAsReader(maildir: string): void {
  for (const day of readdirSync(maildir).filter((name) => name.startsWith('.'))) {
    const folder = join(maildir, day)
    for (const name of readdirSync(join(folder, 'new'))) {
      renameSync(join(folder, 'new', name), join(folder, 'cur', `${name}:2,`))
    }
  }
}
